"""The shared vectors of every message, and what each may weigh on air."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from receiver import reasons
from receiver.crypto import host, portable
from receiver.crypto.interface import Crypto
from receiver.encoding import cbor, schema
from receiver.link import wire
from receiver.protocol import gatt, identifiers, messages, padding, signed, validation
from simulator.phone.wallet.keys import KINDS as KEY_KINDS
from simulator.phone.wallet.keys import PhoneKey
from tests.support.values import evidence
from tests.support.values.message_vectors import (
    CHANNELS,
    KINDS,
    MAPS,
    PINS,
    VECTORS,
    check_map,
    check_purchase,
    check_signed,
    table,
)
from tests.support.values.refusals import refused_as

BACK_ENDS = [pytest.param(host, id="host"), pytest.param(portable, id="portable")]
SEED = bytes(32)
# Design §7, bytes on air; credential, approval and receipt before sealing.
ON_AIR = {
    "offer": 182,
    "credential": 164,
    "approval": 129,
    "receipt": 164,
    "provisional": 164,
    "certificate": 512,
}
PHONES = [PhoneKey(kind, bytes([1] * 32)) for kind in KEY_KINDS]


def test_every_message_has_vectors() -> None:
    assert {case["kind"] for case in VECTORS["signed"]} == set(KINDS)
    assert {case["of"] for case in VECTORS["maps"]} == {*CHANNELS, *MAPS}


@pytest.mark.parametrize("crypto", BACK_ENDS)
@pytest.mark.parametrize("case", VECTORS["signed"], ids=lambda c: f"{c['name']} {c['kind']}")
def test_signed(case: dict[str, Any], crypto: Crypto) -> None:
    check_signed(case, crypto)


@pytest.mark.parametrize("case", VECTORS["maps"], ids=lambda case: str(case["of"]))
def test_map(case: dict[str, Any]) -> None:
    check_map(case)


def test_spoilt_maps() -> None:
    """More than a thousand: one test, as pytest takes longer for each than the decoder."""
    for case in VECTORS["invalid"]:
        fields, make = table(case["of"])
        with refused_as(reasons.MALFORMED):
            schema.decode(fields, bytes.fromhex(case["payload"]), make)


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: str(case["why"]))
def test_refused(case: dict[str, str]) -> None:
    with refused_as(case["reason"]):
        signed.from_authority(messages.STATE, bytes.fromhex(case["message"]), PINS, host)


@pytest.mark.parametrize("crypto", BACK_ENDS)
@pytest.mark.parametrize("plain", VECTORS["purchases"], ids=lambda plain: plain["phone"])
def test_purchase(plain: dict[str, Any], crypto: Crypto) -> None:
    check_purchase(plain, crypto)


# What a message may weigh.


def largest(field: schema.Field) -> Any:
    """The value of the field that takes the most room."""
    if field.kind == schema.UINT:
        return field.high
    if field.kind == schema.TEXT:
        return "x" * field.high
    if field.kind == schema.KEY:
        return max((key.public for key in PHONES if len(key.public) <= field.high), key=len)
    return bytes(field.high)


def largest_message(kind: signed.Kind, key: PhoneKey = PHONES[0]) -> bytes:
    """With every field at its largest; signed by `key` if it is a phone's, which `cnf` then has."""
    value = kind.make(*[largest(field) for field in kind.fields])
    if kind is messages.CREDENTIAL:
        value = value._replace(key=key.public)
    kid = bytes([kind.role]) + bytes(kind.kid_size - 1) if kind.kid_size else b""
    if kind is messages.APPROVAL:
        return signed.encode(kind, value, kid, key.sign, alg=signed.algorithm(key.public))
    return signed.encode(kind, value, kid, partial(host.ed25519_sign, SEED))


@pytest.mark.parametrize("key", PHONES, ids=lambda key: key.kind)
@pytest.mark.parametrize("kind", ON_AIR)
def test_the_largest_message_has_its_place_on_air(kind: str, key: PhoneKey) -> None:
    """Nothing that its layout takes can be longer, since a larger number never encodes shorter."""
    assert len(largest_message(KINDS[kind], key)) <= ON_AIR[kind]


def test_a_number_never_encodes_shorter_than_a_smaller_one() -> None:
    sizes = [len(cbor.encode(number)) for number in (0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1)]
    assert sizes == sorted(sizes)


def test_every_exchange_fits_one_packet() -> None:
    assert padding.CREDENTIAL_MOST == padding.RECEIPT_MOST == ON_AIR["credential"]
    assert ON_AIR["approval"] == padding.APPROVAL_MOST
    sealed = (padding.CREDENTIAL_SEALED, padding.APPROVAL_SEALED, padding.RESULT_SEALED)
    assert [1 + size for size in sealed] == [gatt.EXCHANGE_MOST, 147, gatt.EXCHANGE_MOST]
    assert len(largest_message(messages.OFFER)) <= gatt.OFFER_MOST
    assert len(largest_message(messages.CERTIFICATE)) <= gatt.CERTIFICATE_MOST


def test_the_wire_has_room_for_every_message() -> None:
    most = {field.name: field.high for field in messages.RECORD if field.kind == schema.BYTES}
    for name in ("offer", "credential", "approval"):
        assert len(largest_message(KINDS[name])) <= most[name]
    for name, channel in (("state", wire.STATE), ("certificate", wire.CERTIFICATE)):
        wire.encode(channel, wire.Blob(largest_message(KINDS[name])))
    wire.encode(wire.RESULT, wire.Result(bytes(32), largest_message(messages.RECEIPT)))
    provisional = largest_message(messages.PROVISIONAL)
    wire.encode(wire.PROVISIONAL, wire.ProvisionalRecord(bytes(32), provisional))


def test_no_message_is_too_long_for_the_link() -> None:
    from receiver.link.arq import MESSAGE_MAX

    for channel, (fields, make) in wire.LAYOUTS.items():
        value = make(*[largest(field) for field in fields])
        assert len(wire.encode(channel, value)) <= MESSAGE_MAX


# Two kinds of offers.


@pytest.mark.parametrize(
    ("kind", "original"), [(messages.PURCHASE, b""), (messages.REFUND, bytes(16))]
)
def test_an_offer_names_a_transaction_exactly_where_it_is_a_refund(
    kind: int, original: bytes
) -> None:
    certificate = largest_message(messages.CERTIFICATE)
    holder = signed.parse(messages.CERTIFICATE, certificate).value
    holder = holder._replace(key=host.ed25519_public(SEED))
    data = evidence.offer(SEED, certificate, 0, kind=kind, original=original, currency=999)
    offered = validation.offer(host, holder, certificate, data)
    assert (offered.offer.kind, offered.offer.original) == (kind, original)


# A kid belongs to its role.


@pytest.mark.parametrize("kid", [b"", b"\1", b"\4\1", b"\1\1\1"])
def test_signing_under_a_kid_of_another_role_is_our_mistake(kid: bytes) -> None:
    value = messages.CREDENTIAL.make(*[largest(field) for field in messages.CREDENTIAL.fields])
    with pytest.raises(ValueError, match="kid"):
        signed.encode(messages.CREDENTIAL, value, kid, partial(host.ed25519_sign, SEED))


@pytest.mark.parametrize("plain", VECTORS["purchases"], ids=lambda plain: plain["phone"])
def test_verify_gives_the_structure_that_names_an_approval(plain: dict[str, Any]) -> None:
    public = bytes.fromhex(VECTORS["keys"][plain["phone"]])
    data = bytes.fromhex(plain["approval"])
    parsed = signed.parse(messages.APPROVAL, data, signed.algorithm(public))
    context = bytes.fromhex(plain["context"])
    structure = signed.verify(messages.APPROVAL, parsed, public, host, context)
    assert structure == signed.structure(messages.APPROVAL, parsed, context)
    assert identifiers.approval_id(structure).hex() == plain["approval_id"]
