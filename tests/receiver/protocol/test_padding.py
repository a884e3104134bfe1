"""Sealed messages: the exchange as it crosses the air, its padding, and the way back."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import reasons
from receiver.crypto import host, hpke
from receiver.crypto.job import finish
from receiver.errors import Error
from receiver.protocol import exchange, padding
from receiver.protocol.padding import Results
from tests.support.values.refusals import reason_of
from tests.support.values.vectors import load, parts

PURCHASES = load("messages.json")["purchases"]
EXCHANGES = load("sealed.json")["exchanges"]

RECEIVER = bytes([1] * 32)
PHONE = bytes([2] * 32)
INFO = padding.info(b"an offer")

both = pytest.mark.parametrize(
    ("made", "crossed"),
    [
        pytest.param(made, crossed, id=made["phone"])
        for made, crossed in zip(PURCHASES, EXCHANGES, strict=True)
    ],
)


def contexts(
    receiver: bytes = RECEIVER, phone: bytes = PHONE, info: bytes = INFO
) -> tuple[bytes, hpke.Context, hpke.Context]:
    """Encapsulated key, the phone's context, the receiver's."""
    public = host.x25519_public(receiver)
    sent = hpke.sender(host, public, info, phone)
    assert sent is not None
    taken = finish(hpke.recipient_job(host, sent[0], receiver, public, info))
    assert taken is not None
    return *sent, taken


def answers() -> tuple[Results, Results]:
    _, phone, receiver = contexts()
    return Results(host, receiver), Results(host, phone)


# As it crosses the air.


@both
def test_what_a_phone_writes(made: dict[str, Any], crossed: dict[str, Any]) -> None:
    offer, credential, approval = parts(made, "offer", "credential", "approval")
    assert padding.info(offer).hex() == crossed["info"]
    receiver, ephemeral = parts(crossed, "receiver_private", "phone_private")
    enc, phone, _ = contexts(receiver, ephemeral, padding.info(offer))
    assert bytes([exchange.KEY]) + enc == bytes.fromhex(crossed["key"])
    sealed = phone.seal(padding.pad(credential, padding.CREDENTIAL_PADDED))
    assert bytes([exchange.CREDENTIAL]) + sealed == bytes.fromhex(crossed["credential"])
    sealed = phone.seal(padding.pad(approval, padding.APPROVAL_PADDED))
    assert bytes([exchange.APPROVAL]) + sealed == bytes.fromhex(crossed["approval"])


@both
def test_what_a_receiver_reads(made: dict[str, Any], crossed: dict[str, Any]) -> None:
    _, _, receiver = contexts(*parts(crossed, "receiver_private", "phone_private", "info"))
    for name in ("credential", "approval"):
        write = exchange.parse(bytes.fromhex(crossed[name]))
        assert padding.unseal(receiver, write.body).hex() == made[name]


@both
def test_what_a_receiver_answers(made: dict[str, Any], crossed: dict[str, Any]) -> None:
    _, phone, receiver = contexts(*parts(crossed, "receiver_private", "phone_private", "info"))
    sealer, opener = Results(host, receiver), Results(host, phone)
    result = exchange.result(sealer.seal_receipt(bytes.fromhex(made["receipt"])))
    refusal = exchange.sealed_refusal(sealer.seal_refusal(exchange.EXPIRED))
    assert [result.hex(), refusal.hex()] == [crossed["result"], crossed["refusal"]]
    assert opener.open_receipt(result[1:]).hex() == made["receipt"]
    assert opener.open_refusal(refusal[1:]) == exchange.EXPIRED


# Padding.


@given(st.binary(max_size=padding.APPROVAL_MOST))
def test_lengths_say_nothing(message: bytes) -> None:
    padded = padding.pad(message, padding.APPROVAL_PADDED)
    assert len(padded) == padding.APPROVAL_PADDED
    assert padding.unpad(padded) == message


@given(st.binary(max_size=40) | st.integers(0, 12).map(lambda n: bytes([n]).ljust(10, b"\0")))
def test_one_padding_only(data: bytes) -> None:
    """Refused, or else what would be written for it."""
    with contextlib.suppress(Error):
        assert padding.pad(padding.unpad(data), len(data)) == data


@pytest.mark.parametrize("data", [b"", b"\1", b"\2a", b"\1ab", b"\0\1", b"\1a\0\0\1"])
def test_other_paddings_are_refused(data: bytes) -> None:
    assert reason_of(padding.unpad, data) == reasons.MALFORMED


def test_a_message_that_is_too_long_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="130"):
        padding.pad(bytes(padding.APPROVAL_MOST + 1), padding.APPROVAL_PADDED)


# Opening.


def test_what_does_not_open_leaves_the_place_free() -> None:
    _, phone, receiver = contexts()
    sealed = phone.seal(padding.pad(b"credential", padding.CREDENTIAL_PADDED))
    spoilt = sealed[:-1] + bytes([sealed[-1] ^ 1])
    assert reason_of(padding.unseal, receiver, spoilt) == reasons.BAD_SEAL
    assert padding.unseal(receiver, sealed) == b"credential"
    assert reason_of(padding.unseal, receiver, sealed) == reasons.BAD_SEAL


def test_sealed_padding_is_checked() -> None:
    _, phone, receiver = contexts()
    assert reason_of(padding.unseal, receiver, phone.seal(b"\1ab")) == reasons.MALFORMED


def test_a_context_belongs_to_one_offer() -> None:
    public = host.x25519_public(RECEIVER)
    enc, phone, _ = contexts()
    other = finish(hpke.recipient_job(host, enc, RECEIVER, public, padding.info(b"another")))
    assert other is not None
    sealed = phone.seal(padding.pad(b"", padding.CREDENTIAL_PADDED))
    assert reason_of(padding.unseal, other, sealed) == reasons.BAD_SEAL


# The way back.


def test_results_come_in_order() -> None:
    sealer, opener = answers()
    first, second = sealer.seal_receipt(b"receipt"), sealer.seal_refusal(exchange.BUSY)
    assert (len(first), len(second)) == (padding.RESULT_SEALED, padding.REFUSAL_SEALED)
    assert reason_of(opener.open_refusal, second) == reasons.BAD_SEAL
    assert opener.open_receipt(first) == b"receipt"
    assert reason_of(opener.open_receipt, first) == reasons.BAD_SEAL
    assert opener.open_refusal(second) == exchange.BUSY


def test_the_same_receipt_twice_is_two_results() -> None:
    sealer, _ = answers()
    assert sealer.seal_receipt(b"receipt") != sealer.seal_receipt(b"receipt")


def test_an_erased_key_seals_and_opens_nothing() -> None:
    sealer, opener = answers()
    body = sealer.seal_receipt(b"receipt")
    for end in (sealer, opener):
        end.erase()
        end.erase()
        secrets = [value for value in vars(end).values() if isinstance(value, bytearray)]
        assert len(secrets) == 2
        assert not any(map(any, secrets))
    for attempt in (sealer.seal_receipt, opener.open_receipt):
        with pytest.raises(ValueError, match="erased"):
            attempt(body[:100])
