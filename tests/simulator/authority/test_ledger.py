"""Rules, states and constraints of the authority's books."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from receiver import reasons
from receiver.encoding import cbor, schema
from receiver.protocol import messages, signed
from simulator.authority.keys import Keys
from simulator.authority.ledger import decline_rules, ledger, states
from simulator.authority.ledger.decline_rules import Case, Payer
from simulator.authority.ledger.record_verification import Evidence
from simulator.authority.storage.schema import POSTED, VOIDED
from simulator.authority.storage.store import Store
from simulator.crypto import code_proof
from simulator.phone.wallet.keys import KINDS, P256, PhoneKey
from tests.support.shop.authority_books import CLIENT, NOW, WRONG, Books, BrokenConstraint, K
from tests.support.values import evidence
from tests.support.values.refusals import refused_as


def test_rules_are_asked_in_their_order(books: Books) -> None:
    found = books.evidence(1, k=bytes([1] * 32))
    wrong = Payer(
        phone=1,
        buyer=1,
        k=K,
        tries=decline_rules.TRIES_MOST,
        blocked=True,
        purchase_limit=0,
        revoked=NOW,
        recipient=1,
        currency=978,
        credit_space=0,
        closed=True,
        theirs=False,
    )
    mended: list[tuple[int, dict[str, Any]]] = [
        (reasons.BUYER_BLOCKED, {"blocked": False}),
        (reasons.CODE_LOCKED, {"tries": 0}),
        (reasons.CODE_WRONG, {"k": bytes([1] * 32)}),
        (reasons.CREDENTIAL_REVOKED, {"revoked": None}),
        (reasons.RECIPIENT_CLOSED, {"closed": False}),
        (reasons.RECIPIENT_CLOSED, {"theirs": True}),
        (reasons.WRONG_CURRENCY, {"currency": evidence.SEK}),
        (reasons.PURCHASE_LIMIT, {"purchase_limit": evidence.AMOUNT}),
        (reasons.CREDIT_SPACE, {"credit_space": evidence.AMOUNT}),
    ]
    for reason, mend in mended:
        assert decline_rules.judge(Case(wrong, found, CLIENT)) == reason
        wrong = wrong._replace(**mend)
    assert decline_rules.judge(Case(wrong, found, CLIENT)) == reasons.OK


def test_credit_space_can_be_spent_to_the_last(books: Books) -> None:
    books.store.run("UPDATE recipients SET credit_space = ?", 2 * evidence.AMOUNT)
    assert [books.authorise(books.evidence(n)) for n in (1, 2, 3)] == [
        reasons.OK,
        reasons.OK,
        reasons.CREDIT_SPACE,
    ]
    assert books.credit_space() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_of_either_kind_pays(tmp_path: Path, kind: str) -> None:
    books = Books(tmp_path, tmp_path / "books.sqlite", kind)
    assert books.authorise(books.evidence(1)) == reasons.OK
    books.store.close()


@pytest.mark.parametrize("enc", [b"", bytes(31), bytes(33)])
def test_a_record_without_its_key_is_refused(books: Books, enc: bytes) -> None:
    good = schema.decode(messages.RECORD, books.record(1), messages.Record)
    pairs = {field.key: getattr(good, field.name) for field in messages.RECORD}
    data = cbor.encode({**pairs, 3: enc})
    with refused_as(reasons.MALFORMED):
        schema.decode(messages.RECORD, data, messages.Record)


def test_every_approval_is_one_try(books: Books) -> None:
    found = books.evidence(1, k=WRONG)
    for _ in range(decline_rules.TRIES_MOST + 1):
        assert books.authorise(found) == reasons.CODE_WRONG
    assert books.tries() == 1
    again = books.evidence(1, k=WRONG, counter=2)  # the same offer, and the same code
    assert books.authorise(again) == reasons.CODE_WRONG
    assert books.tries() == 2


def test_what_does_not_verify_is_no_try(books: Books) -> None:
    data = books.record(1, k=WRONG)
    record = schema.decode(messages.RECORD, data, messages.Record)
    approval = record.approval[:-1] + bytes([record.approval[-1] ^ 1])
    data = schema.encode(messages.RECORD, record._replace(approval=approval))
    with refused_as(reasons.BAD_SIGNATURE):
        books.verified(data)
    assert books.tries() == 0


def test_the_same_approval_with_other_content_is_no_try(books: Books) -> None:
    """And somebody must look at it: ids are made from content."""
    found = books.evidence(1, k=WRONG)
    books.authorise(found)
    for _ in range(2):
        with refused_as(reasons.CONFLICT):
            books.authorise(found._replace(content=bytes(32)))
        assert books.alarms() == [states.OTHER_CONTENT]
    assert books.tries() == 1


def test_what_was_reversed_before_it_came_is_no_try(books: Books) -> None:
    """Nor does its receipt say whether the code was right."""
    found = books.evidence(1, k=WRONG)
    ledger.reverse(books.store, books.caller, found.approval_id, NOW)
    assert books.authorise(found) == reasons.REVERSED
    assert books.tries() == 0


def test_a_hold_that_was_given_back_is_no_yes_any_more(books: Books, found: Evidence) -> None:
    """Whoever asks again with the same record has no use of the receipt that there was."""
    assert books.authorise(found) == reasons.OK
    ledger.reverse(books.store, books.caller, found.approval_id, NOW)
    first, second = (
        ledger.authorise(books.store, books.keys, books.caller, found, NOW + n) for n in range(2)
    )
    assert first == second
    assert books.authorise(found) == reasons.REVERSED


def test_five_wrong_in_a_row_lock_and_a_right_one_resets(books: Books) -> None:
    for n in range(1, decline_rules.TRIES_MOST):
        assert books.authorise(books.evidence(n, k=WRONG)) == reasons.CODE_WRONG
    assert books.authorise(books.evidence(10)) == reasons.OK
    assert books.tries() == 0
    for n in range(20, 20 + decline_rules.TRIES_MOST):
        assert books.authorise(books.evidence(n, k=WRONG)) == reasons.CODE_WRONG
    assert books.authorise(books.evidence(30)) == reasons.CODE_LOCKED
    assert books.authorise(books.evidence(31, k=WRONG)) == reasons.CODE_LOCKED


@pytest.mark.parametrize("moved", ["certificate", "offer", "enc", "credential"])
def test_a_proof_is_bound_to_the_whole_context(books: Books, moved: str, found: Evidence) -> None:
    """Taken from another approval, it proves nothing, though the phone signs it anew."""
    at = ("certificate", "offer", "enc", "credential").index(moved) * messages.HASH_SIZE
    context = bytearray(found.context)
    context[at] ^= 1
    foreign = found.approval._replace(proof=code_proof.prove(K, bytes(context)))
    assert books.authorise(found._replace(approval=foreign)) == reasons.CODE_WRONG


def test_blocked_and_locked_neither_count_nor_forgive(books: Books) -> None:
    for n in range(4):
        assert books.authorise(books.evidence(n, k=WRONG)) == reasons.CODE_WRONG
    books.store.run("UPDATE buyers SET blocked = 1")
    assert books.authorise(books.evidence(10)) == reasons.BUYER_BLOCKED
    assert books.authorise(books.evidence(11, k=WRONG)) == reasons.BUYER_BLOCKED
    books.store.run("UPDATE buyers SET blocked = 0")
    assert books.authorise(books.evidence(12, k=WRONG)) == reasons.CODE_WRONG
    assert books.authorise(books.evidence(13)) == reasons.CODE_LOCKED
    assert books.store.value("SELECT tries FROM phones") == decline_rules.TRIES_MOST


def test_declined_attempt_uses_nothing_up(books: Books) -> None:
    books.store.run("UPDATE recipients SET credit_space = 0")
    assert books.authorise(books.evidence(1)) == reasons.CREDIT_SPACE
    books.store.run("UPDATE recipients SET credit_space = ?", evidence.AMOUNT)
    assert books.authorise(books.evidence(1, till=4)) == reasons.OK


def test_a_sale_carries_one_hold_at_a_time(books: Books) -> None:
    """However many offers the receiver makes for it."""
    first, second = books.evidence(1), books.evidence(2, reference=(1).to_bytes(8, "big"))
    assert books.authorise(first) == reasons.OK
    assert books.authorise(second) == reasons.CONFLICT
    assert books.credit_space() == books.money() - evidence.AMOUNT


def test_a_session_carries_one_hold_at_a_time(books: Books) -> None:
    """The receiver refuses one approval of an offer, and the next one is held in its place."""
    first, second = books.evidence(1), books.evidence(1, counter=2)
    assert first.session == second.session
    assert books.authorise(first) == reasons.OK
    assert books.authorise(books.evidence(1, counter=3)) == reasons.CONFLICT
    assert ledger.reverse(books.store, books.caller, first.approval_id, NOW) == VOIDED
    assert books.authorise(second) == reasons.OK


def test_the_counter_of_a_voided_approval_is_used_up(books: Books) -> None:
    first = books.evidence(1)
    assert books.authorise(first) == reasons.OK
    assert ledger.reverse(books.store, books.caller, first.approval_id, NOW) == VOIDED
    assert books.authorise(books.evidence(2, counter=1)) == reasons.CONFLICT


def test_posted_is_not_reversed(books: Books, found: Evidence) -> None:
    books.authorise(found)
    ledger.confirm(books.store, books.caller, found.approval_id, NOW)
    space = books.credit_space()
    assert ledger.reverse(books.store, books.caller, found.approval_id, NOW) == POSTED
    assert books.credit_space() == space


def test_failure_leaves_nothing_behind(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    space = books.credit_space()

    def fail(*_: Any) -> bytes:
        raise RuntimeError("no signature")

    monkeypatch.setattr(books.keys, "receipt", fail)
    with pytest.raises(RuntimeError):
        ledger.authorise(books.store, books.keys, books.caller, books.evidence(1), NOW)
    assert books.credit_space() == space
    assert books.store.rows("SELECT * FROM transactions") == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE transactions SET state = 'PAID'",
        "UPDATE transactions SET receipt = NULL",
        "UPDATE transactions SET transaction_id = NULL",
        "UPDATE transactions SET amount = 0",
        "UPDATE recipients SET credit_space = -1",
    ],
)
def test_database_refuses_what_may_not_be(books: Books, change: str) -> None:
    books.authorise(books.evidence(1))
    with pytest.raises(BrokenConstraint):
        books.store.run(change)


def test_books_are_kept(books: Books, tmp_path: Path, found: Evidence) -> None:
    receipt = ledger.authorise(books.store, books.keys, books.caller, found, NOW)
    books.store.close()
    books.store = Store(books.place)
    keys = Keys(tmp_path / "keys.json")
    assert ledger.authorise(books.store, keys, books.caller, found, NOW) == receipt


def test_sqlite_is_flushed_at_every_commit(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "books.sqlite")) as store:
        assert store.value("PRAGMA journal_mode") == "wal"
        assert store.value("PRAGMA synchronous") == 2
        assert store.value("PRAGMA foreign_keys") == 1


def test_credential_of_another_phone_is_in_no_book(books: Books) -> None:
    credential = signed.parse(messages.CREDENTIAL, books.credential).value
    other = evidence.seed("other phone")
    found = books.evidence(1)
    found = found._replace(credential=credential._replace(key=PhoneKey(P256, other).public))
    with refused_as(reasons.WRONG_CREDENTIAL):
        books.authorise(found)
