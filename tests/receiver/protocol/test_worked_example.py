"""The worked example: every value made again by the product, on both of its ends."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from receiver import reasons
from receiver.core.sealed_exchange import Sealed
from receiver.crypto import host, hpke, portable
from receiver.crypto.interface import Crypto
from receiver.crypto.job import finish
from receiver.protocol import exchange, gatt, identifiers, messages, padding, signed, validation
from receiver.protocol.resuming import Proofs
from simulator.authority.keys import Keys
from simulator.crypto import code_proof
from simulator.crypto.p256 import p256_public, p256_sign
from simulator.phone.conversation.offered_till import OfferedTill
from simulator.phone.wallet.wallet import Pending, Wallet
from tests.support.machines.phone import wallet
from tests.support.values.refusals import refused_as
from tests.support.values.vectors import load

DOCUMENT: dict[str, Any] = load("exchange.json")
PURCHASE: dict[str, dict[str, str]] = DOCUMENT["purchase"]
NOW: int = DOCUMENT["time"]
PINS = {
    bytes([role, 1]): bytes.fromhex(PURCHASE["keys"][f"authority {role} public"])
    for role in range(1, 5)
}
BACK_ENDS: list[Any] = [host, portable]
back_ends = pytest.mark.parametrize("crypto", BACK_ENDS, ids=["host", "portable"])


def octets(section: str, name: str) -> bytes:
    return bytes.fromhex(PURCHASE[section][name])


def key(name: str) -> bytes:
    return octets("keys", name)


def value(kind: signed.Kind) -> Any:
    """A message's fields, bytes where its table says so."""
    found = dict(DOCUMENT["fields"][kind.type])
    if kind is messages.APPROVAL:
        found["proof"] = PURCHASE["code proof"]["proof"]
    if kind is messages.RECEIPT:
        found["approval_id"] = PURCHASE["approval"]["approval_id"]
    texts = {"issuer", "store_name"}
    return kind.make(
        **{
            name: bytes.fromhex(v) if isinstance(v, str) and name not in texts else v
            for name, v in found.items()
        }
    )


def signer(name: str) -> Callable[[bytes], bytes]:
    return partial(host.ed25519_sign, key(f"{name} private"))


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """make_exchange.py as a module; it lies beside others that it imports."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "vectors")
    return importlib.import_module("make_exchange")


def test_the_file_is_what_its_maker_writes(maker: ModuleType) -> None:
    assert json.loads(json.dumps(maker.document())) == DOCUMENT


def test_the_protocol_document_shows_it(maker: ModuleType) -> None:
    page = Path(__file__).parents[3] / "docs" / "protocol.md"
    assert maker.markdown() in page.read_text()


def test_keys_belong_together() -> None:
    for name in [name for name in PURCHASE["keys"] if name.endswith(" private")]:
        owner = name.removesuffix(" private")
        if owner.endswith("p256"):
            made = p256_public(key(name))
        elif owner.startswith("authority ") or owner == "receiver":
            made = host.ed25519_public(key(name))
        else:
            made = host.x25519_public(key(name))
        assert made == key(f"{owner} public")


@pytest.mark.parametrize(
    ("kind", "section", "by", "kid"),
    [
        (messages.CERTIFICATE, "certificate", "authority 1", b"\1\1"),
        (messages.CREDENTIAL, "credential", "authority 2", b"\2\1"),
        (messages.RECEIPT, "result", "authority 3", b"\3\1"),
        (messages.OFFER, "offer", "receiver", b""),
    ],
    ids=lambda part: getattr(part, "type", None),
)
def test_signed_messages(kind: signed.Kind, section: str, by: str, kid: bytes) -> None:
    kid = kid or octets("certificate", "sha256")[:8]
    assert signed.encode(kind, value(kind), kid, signer(by)) == octets(section, "message")
    parsed = signed.parse(kind, octets(section, "message"))
    for part in ("protected", "payload", "signature"):
        assert getattr(parsed.sign1, part) == octets(section, part)
    assert signed.structure(kind, parsed) == octets(section, "sig_structure")
    assert signed.digest(octets(section, "message")) == octets(section, "sha256")


def test_names_of_the_session() -> None:
    offer = octets("offer", "message")
    assert identifiers.session_id(offer) == octets("session", "session_id")
    assert identifiers.match_code(offer) == PURCHASE["session"]["match_code"]
    till = DOCUMENT["fields"]["offer"]["till"]
    assert gatt.advertising_data(till) == octets("session", "adv_data")
    response = gatt.scan_response(gatt.FLAG_OPEN, till, identifiers.tag(offer))
    assert response == octets("session", "scan_response")


def test_code_proof() -> None:
    k = code_proof.code_key(
        key("phone code p256 private"), key("authority code p256 public"), "135790"
    )
    same = code_proof.code_key(
        key("authority code p256 private"), key("phone code p256 public"), "135790"
    )
    assert k == same == octets("code proof", "k")
    assert code_proof.prove(k, octets("approval", "context")) == octets("code proof", "proof")


def test_approval() -> None:
    enc, credential = octets("key", "enc"), octets("credential", "message")
    certificate, offer = octets("certificate", "sha256"), octets("offer", "message")
    context = identifiers.approval_context(certificate, offer, enc, credential)
    assert context == octets("approval", "context")
    sign = partial(p256_sign, key("phone p256 private"))
    alg = signed.algorithm(key("phone p256 public"))
    made = signed.encode(
        messages.APPROVAL, value(messages.APPROVAL), b"", sign, context=context, alg=alg
    )
    assert made == octets("approval", "message")
    structure = signed.structure(
        messages.APPROVAL, signed.parse(messages.APPROVAL, made, alg), context
    )
    assert structure == octets("approval", "sig_structure")
    assert identifiers.approval_id(structure) == octets("approval", "approval_id")


@back_ends
def test_the_phones_end(crypto: Crypto) -> None:
    offer = octets("offer", "message")
    assert padding.info(offer) == octets("key", "info")
    opened = hpke.sender(
        crypto, key("ephemeral public"), padding.info(offer), key("encapsulated private")
    )
    assert opened is not None
    enc, context = opened
    assert bytes([exchange.KEY]) + enc == octets("key", "on_air")
    for section, type_, size in (
        ("credential", exchange.CREDENTIAL, padding.CREDENTIAL_PADDED),
        ("approval", exchange.APPROVAL, padding.APPROVAL_PADDED),
    ):
        padded = padding.pad(octets(section, "message"), size)
        assert padded == octets(section, "padded")
        assert bytes([type_]) + context.seal(padded) == octets(section, "on_air")
    results = padding.Results(crypto, context)
    assert results.open_receipt(octets("result", "on_air")[1:]) == octets("result", "message")
    assert results.open_refusal(octets("refusal", "sealed")[1:]) == exchange.BUSY


@back_ends
def test_the_receivers_end(crypto: Crypto) -> None:
    enc, private = octets("key", "enc"), key("ephemeral private")
    info = octets("key", "info")
    job = hpke.recipient_job(crypto, enc, private, key("ephemeral public"), info)
    context = finish(job)
    assert context is not None
    for section in ("credential", "approval"):
        message = padding.unseal(context, octets(section, "on_air")[1:])
        assert message == octets(section, "message")
    results = padding.Results(crypto, context)
    sealed = exchange.result(results.seal_receipt(octets("result", "message")))
    assert sealed == octets("result", "on_air")
    assert exchange.sealed_refusal(results.seal_refusal(exchange.BUSY)) == octets(
        "refusal", "sealed"
    )
    assert exchange.refusal(reasons.BUSY) == octets("refusal", "plain")


@back_ends
def test_the_proofs_of_a_lost_link(crypto: Crypto) -> None:
    """Both ends make the same ones, and each serves once."""
    private, info = key("ephemeral private"), octets("key", "info")
    job = hpke.recipient_job(crypto, octets("key", "enc"), private, key("ephemeral public"), info)
    context = finish(job)
    sent = hpke.sender(crypto, key("ephemeral public"), info, key("encapsulated private"))
    assert context is not None
    assert sent is not None
    ours, theirs = Proofs(context), Proofs(sent[1])
    for number in range(2):
        proof = theirs.make()
        assert proof == octets("lost link", f"proof {number}")
        assert ours.check(proof)
        assert not ours.check(proof)
        write = exchange.parse(exchange.resume(octets("key", "enc"), proof))
        assert bytes([write.type]) + write.body == octets("lost link", f"resume {number}")
    for last, name in ((exchange.NOTHING, "nothing"), (exchange.APPROVAL, "approval")):
        assert exchange.resumed(last) == octets("lost link", f"resumed, {name}")


def test_a_transcript_over_lost_links() -> None:
    """The receiver's part of it, in the same bytes: each link is a handle of its own."""
    info, private = octets("key", "info"), key("ephemeral private")
    context = finish(
        hpke.recipient_job(host, octets("key", "enc"), private, key("ephemeral public"), info)
    )
    assert context is not None
    held = Sealed(octets("key", "enc"))
    last, answered = exchange.NOTHING, []
    for said in DOCUMENT["lost_links"]:
        data = bytes.fromhex(said["data"])
        if said["from"] == "receiver":
            answered.append(data)
        elif data[0] == exchange.RESUME:
            assert held.goes_on(exchange.parse(data).body)
            expected = [exchange.resumed(last), *([held.answer] if held.answer else [])]
            at = DOCUMENT["lost_links"].index(said) + 1
            follows = DOCUMENT["lost_links"][at : at + len(expected)]
            assert [bytes.fromhex(one["data"]) for one in follows] == expected
        elif not said["lost"]:
            last = data[0]
            body = exchange.parse(data).body
            if last == exchange.KEY:
                held.agree(host, context)
            elif last == exchange.CREDENTIAL:
                held.credential_sealed = body
                assert held.open_credential() == octets("credential", "message")
            else:
                held.approval_sealed = body
                assert held.open_approval() == octets("approval", "message")
                held.result(octets("result", "message"))
    assert answered.count(held.answer) == 2


@back_ends
def test_the_checks_take_it(crypto: Crypto) -> None:
    data, offer_data = octets("certificate", "message"), octets("offer", "message")
    certificate = validation.certificate(crypto, PINS, data, NOW)
    offered = validation.offer(crypto, certificate, data, offer_data)
    credential_data = octets("credential", "message")
    credential = validation.credential(crypto, PINS, credential_data, NOW)
    submission = validation.Submission(
        octets("key", "enc"), credential_data, credential, octets("approval", "message")
    )
    approved = validation.approval(crypto, offered, submission, 0)
    assert approved.id == octets("approval", "approval_id")


def cases(table: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", DOCUMENT["refused"][table], ids=lambda case: case["why"])


@cases("certificates")
def test_certificates_that_a_phone_refuses(case: dict[str, str]) -> None:
    with refused_as(case["reason"]):
        validation.certificate(host, PINS, bytes.fromhex(case["data"]), NOW)


@cases("offers")
def test_offers_that_a_phone_refuses(case: dict[str, str]) -> None:
    data = octets("certificate", "message")
    holder = validation.certificate(host, PINS, data, NOW)
    with refused_as(case["reason"]):
        validation.offer(host, holder, data, bytes.fromhex(case["data"]))


@pytest.fixture
def held(tmp_path: Path) -> Wallet:
    return msgspec.structs.replace(wallet(Keys(tmp_path / "keys.json")), pins=PINS)


def pending() -> Pending:
    """The approval as its phone remembers it."""
    offer = value(messages.OFFER)
    return Pending(
        reference=offer.reference,
        approval_id=octets("approval", "approval_id"),
        counter=9,
        message=octets("approval", "on_air"),
        amount=offer.amount,
        currency=offer.currency,
        store=DOCUMENT["fields"]["certificate"]["store"],
        till=offer.till,
        time=NOW,
    )


def till() -> OfferedTill:
    """The till as the phone knows it, with the offer in hand."""
    known = OfferedTill(PINS)
    known.trust(octets("certificate", "message"), NOW)
    known.take(known.check(octets("offer", "message")))
    return known


def other(title: str, name: str) -> bytes:
    return bytes.fromhex(DOCUMENT["others"][title][name])


def test_the_same_till_may_give_the_purchase_back() -> None:
    offer = till().check(other("refund", "message")).offer
    fields = DOCUMENT["fields"]["receipt"]
    assert (offer.kind, offer.original.hex()) == (messages.REFUND, fields["transaction_id"])


def test_the_receivers_own_word(held: Wallet) -> None:
    data = other("provisional", "message")
    word = till().provisional(data)
    assert word is not None
    assert held.accept(pending()._replace(offline=True), word).accepted
    assert padding.pad(data, padding.RESULT_PADDED) == other("provisional", "padded")
    assert till().provisional(octets("result", "message")) is None


@cases("provisionals")
def test_provisional_receipts_that_a_phone_refuses(case: dict[str, str], held: Wallet) -> None:
    with refused_as(case["reason"]):
        word = till().provisional(bytes.fromhex(case["data"]))
        assert word is not None
        held.accept(pending(), word)


@cases("results")
def test_results_that_a_phone_refuses(case: dict[str, str], held: Wallet) -> None:
    info = octets("key", "info")
    opened = hpke.sender(host, key("ephemeral public"), info, key("encapsulated private"))
    assert opened is not None
    results = padding.Results(host, opened[1])
    with refused_as(case["reason"]):
        held.check_receipt(pending(), results.open_receipt(bytes.fromhex(case["data"])[1:]))
