"""Facts as journal lines: the code proof apart, so that it can be erased, and back again."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import event_codec
from bridge.domain.sale import Fact, Sale, Terms
from bridge.domain.states import Event, State
from receiver import reasons
from receiver.encoding import cose, schema
from receiver.protocol import messages, signed
from simulator.authority.keys import Keys
from simulator.phone.wallet.keys import ED25519, P256
from tests.support.values import evidence

AT = 1_800_000_000
PROOF = bytes(range(100, 116))
RECEIVER, PHONE = evidence.seed("receiver"), evidence.seed("phone")
TERMS = Terms(
    "refund-0123456789ab",
    3,
    24_900,
    evidence.SEK,
    25,
    "kvitto å",
    b"\x00\xff345678",
    b"receiver",
    messages.REFUND,
    b"\x0f" * 16,
    "sale-0123456789ab",
)


class Papers(NamedTuple):
    """What a phone hands over, and what goes to the authority."""

    approval: bytes
    record: bytes


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys") / "keys.json")


def papers(keys: Keys, proof: bytes, kind: str = P256) -> Papers:
    certificate = evidence.certificate(keys, RECEIVER, AT)
    offer = evidence.offer(RECEIVER, certificate, AT)
    credential = evidence.credential(keys, PHONE, AT, kind=kind)
    approval = evidence.approval(PHONE, certificate, offer, credential, proof=proof)
    return Papers(approval, evidence.record(certificate, offer, credential, approval, accepted=AT))


def facts_of(one: Papers) -> tuple[Fact, Fact, Fact]:
    """Every fact that carries a proof."""
    return (
        Fact(Event.APPROVAL_RECEIVED, approval=one.approval),
        Fact(Event.AUTHORISATION_SENT, approval_id=b"i" * 16, record=one.record),
        Fact(Event.ACCEPTED_OFFLINE, reasons.ACCEPTED_OFFLINE, record=one.record),
    )


def again(fact: Fact) -> Fact:
    """Written and read."""
    return event_codec.load_fact(fact.event, *event_codec.dump_fact(fact))


@pytest.mark.parametrize("kind", [P256, ED25519])
def test_the_proof_stands_apart(keys: Keys, kind: str) -> None:
    for fact in facts_of(papers(keys, PROOF, kind)):
        written = event_codec.dump_fact(fact)
        assert written.secret == PROOF
        assert PROOF.hex() not in written.body
        assert again(fact) == fact


@pytest.mark.parametrize("kind", [P256, ED25519])
def test_zeros_are_left_of_what_was_erased(keys: Keys, kind: str) -> None:
    one = papers(keys, PROOF, kind)
    for fact in facts_of(one):
        erased = event_codec.load_fact(fact.event, event_codec.dump_fact(fact).body, b"")
        assert erased.approval == one.approval.replace(PROOF, bytes(16)) or not fact.approval
        assert erased.record == one.record.replace(PROOF, bytes(16)) or not fact.record
        assert (erased.event, erased.reason) == (fact.event, fact.reason)
        assert erased.approval_id == fact.approval_id


@pytest.mark.parametrize(
    "proof",
    [bytes(16), b"\x00" * 15 + b"\x01", evidence.ENC[:16], evidence.REFERENCE * 2, b"\x50" * 16],
    ids=["zeros", "nearly", "the key's", "the sale's", "one byte"],
)
def test_a_proof_that_occurs_elsewhere_too(keys: Keys, proof: bytes) -> None:
    """A phone may send anything for one: what is put back is what was sent."""
    for fact in facts_of(papers(keys, proof)):
        assert event_codec.dump_fact(fact).secret == proof
        assert again(fact) == fact


def test_a_proof_that_is_part_of_the_signature(keys: Keys) -> None:
    """Whoever signs with Ed25519 may know half of the signature before the message."""
    one = papers(keys, PROOF, ED25519)
    record = schema.decode(messages.RECORD, one.record, messages.Record)
    approval = one.approval[:-16] + PROOF
    for fact in facts_of(
        Papers(approval, schema.encode(messages.RECORD, record._replace(approval=approval)))
    ):
        assert again(fact) == fact


def test_where_no_proof_is_found_all_of_it_is_kept_apart(keys: Keys) -> None:
    """Somewhere in it there may be one."""
    one = papers(keys, PROOF)
    for spoilt in (one.approval[:-1], one.approval + b"\x00", PROOF, b"\xff" * 150):
        fact = Fact(Event.APPROVAL_RECEIVED, approval=spoilt)
        assert event_codec.dump_fact(fact).secret == spoilt
        assert again(fact) == fact
        assert event_codec.load_fact(
            fact.event, event_codec.dump_fact(fact).body, b""
        ).approval == bytes(len(spoilt))
    for spoilt in (one.record[:-1], one.record + b"\x00", one.record[1:]):
        fact = Fact(Event.AUTHORISATION_SENT, approval_id=b"i" * 16, record=spoilt)
        assert event_codec.dump_fact(fact).secret == spoilt
        assert again(fact) == fact


def test_a_record_with_a_spoilt_approval(keys: Keys) -> None:
    record = schema.decode(messages.RECORD, papers(keys, PROOF).record, messages.Record)
    spoilt = schema.encode(messages.RECORD, record._replace(approval=record.approval[:-1]))
    fact = Fact(Event.AUTHORISATION_SENT, approval_id=b"i" * 16, record=spoilt)
    written = event_codec.dump_fact(fact)
    assert written.secret == record.approval[:-1]
    assert PROOF.hex() not in written.body
    assert again(fact) == fact


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_anything_comes_back(approval: bytes, record: bytes) -> None:
    for fact in (
        Fact(Event.APPROVAL_RECEIVED, approval=approval),
        Fact(Event.AUTHORISATION_SENT, record=record),
    ):
        assert again(fact) == fact


def test_what_carries_no_proof_has_no_secret() -> None:
    for fact in (
        Fact(Event.TILL_NOTIFIED),
        Fact(Event.AUTHORISED, receipt=b"receipt", transaction_id=b"t" * 16),
        Fact(Event.REVERSAL_OWED, reasons.REVERSED, reversal=b"i" * 16),
        Fact(Event.DECLINED, reasons.RECEIVER_UNTRUSTED, evidence=b"offer"),
        Fact(Event.PROVISIONAL_RECEIPT, provisional=b"provisional"),
    ):
        assert event_codec.dump_fact(fact).secret == b""
        assert again(fact) == fact


def test_terms_come_back() -> None:
    assert event_codec.load_terms(event_codec.dump_terms(TERMS)) == TERMS


def test_terms_of_before_there_were_refunds() -> None:
    """A journal of the release before: a purchase, of a receiver that nobody wrote down."""
    kept = json.loads(event_codec.dump_terms(TERMS))
    for name in ("receiver_id", "kind", "original", "original_sale"):
        del kept[name]
    assert event_codec.load_terms(json.dumps(kept)) == TERMS._replace(
        receiver_id=b"", kind=messages.PURCHASE, original=b"", original_sale=""
    )


class Line(NamedTuple):
    at: int
    sale_id: str
    kind: str
    body: str
    secret: bytes


def test_a_sale_is_its_lines(keys: Keys) -> None:
    """As it was taken in memory, with the times of what somebody asks for later."""
    one = papers(keys, PROOF)
    taken = [
        Fact(Event.OFFERED, offer=b"offer"),
        Fact(Event.APPROVAL_RECEIVED, approval=one.approval),
        Fact(Event.AUTHORISATION_SENT, approval_id=b"i" * 16, record=one.record),
        Fact(Event.AUTHORISED, receipt=b"receipt", transaction_id=b"t" * 16),
        Fact(Event.VERIFIED),
        Fact(Event.TILL_NOTIFIED),
        Fact(Event.REVERSAL_OWED, reasons.CASHIER_CANCELLED, reversal=b"i" * 16),
    ]
    terms = TERMS._replace(kind=messages.PURCHASE)
    sale = Sale(terms)
    lines = [Line(1, terms.sale_id, event_codec.RUNG, event_codec.dump_terms(terms), b"")]
    for at, fact in enumerate(taken, 2):
        sale.take(fact)
        sale.date(fact.event, at, sale)
        lines.append(Line(at, terms.sale_id, fact.event, *event_codec.dump_fact(fact)))
    [replayed] = event_codec.replay(lines).values()
    assert vars(replayed) == vars(sale)
    assert (replayed.state, replayed.owed) == (State.REVERSING, (b"i" * 16,))
    assert (replayed.approved_at, replayed.decided_at) == (6, 8)
    found = signed.parse(messages.APPROVAL, replayed.approval, cose.ALG_ESP256).value
    assert found.proof == PROOF
