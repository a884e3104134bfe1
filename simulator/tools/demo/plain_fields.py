"""The plain parts of each thing on the air: its fields, their values, and what they tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bumble import core

from receiver.errors import Error
from receiver.host.amounts import money
from receiver.host.currencies import letters
from receiver.protocol import exchange, gatt, identifiers, messages, padding, signed
from receiver.protocol.signed import Kind

from . import field_meanings

_Structure = core.AdvertisingData.Type
_UUID_SIZE = 16

_FLAGS = {gatt.FLAG_OPEN: "open", gatt.FLAG_BUSY: "busy", gatt.FLAG_REFUND: "refund"}
_KINDS = {messages.PURCHASE: "purchase", messages.REFUND: "refund"}
_TYPES = {
    exchange.KEY: "key",
    exchange.CREDENTIAL: "credential",
    exchange.APPROVAL: "approval",
    exchange.RESULT: "result",
    exchange.REFUSAL: "refusal",
    exchange.LEAVE: "leave",
    exchange.RESUME: "resume",
    exchange.RESUMED: "resumed",
}
_REFUSALS = {
    exchange.RETRY: "retry",
    exchange.BUSY: "busy",
    exchange.EXPIRED: "expired",
    exchange.OLD_APP: "old app",
    exchange.REFUSED: "refused",
}
_LEAVES = {exchange.LEAVE_CANCELLED: "cancelled", exchange.LEAVE_WRONG_TILL: "wrong till"}
_HELD = {
    exchange.NOTHING: "nothing",
    exchange.KEY: "key",
    exchange.CREDENTIAL: "credential",
    exchange.APPROVAL: "approval",
}
_CODES = {exchange.REFUSAL: _REFUSALS, exchange.LEAVE: _LEAVES, exchange.RESUMED: _HELD}


class Field(NamedTuple):
    """One field; a value without meaning for people is bytes."""

    name: str
    value: str | bytes
    learns: str


def air(name: str, value: str | bytes) -> Field:
    """Make a field outside our messages."""
    return Field(name, value, field_meanings.AIR[name])


def offered(name: str, value: str | bytes) -> Field:
    """Make a field of the offer's characteristic, without an offer or beside it."""
    return Field(name, value, field_meanings.OFFERED[name])


def advertisement(data: bytes) -> list[Field]:
    """Return the fields of an advertisement or scan response (see `receiver.protocol.gatt`)."""
    found: list[Field] = []
    for kind, value in core.AdvertisingData.from_bytes(data).ad_structures:
        if kind == _Structure.FLAGS:
            found.append(air("flags", value))
        elif kind == _Structure.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS:
            found.append(air("service", _uuid(value)))
        elif kind == _Structure.SHORTENED_LOCAL_NAME:
            found.append(air("name", value.decode("utf-8", "replace")))
        elif kind == _Structure.SERVICE_DATA_128_BIT_UUID:
            found += _service_data(value[_UUID_SIZE:])
        else:
            found.append(air("unreadable", value))
    return found


def certificate(data: bytes) -> list[Field]:
    return _signed(messages.CERTIFICATE, data, field_meanings.CERTIFICATE)


def offer(data: bytes) -> list[Field]:
    """Return an offer's fields, and the two names made from its hash."""
    found = _signed(messages.OFFER, data, field_meanings.OFFER)
    return [
        *found,
        Field("session id", identifiers.session_id(data), field_meanings.OFFER["session id"]),
        Field("match code", identifiers.match_code(data), field_meanings.OFFER["match code"]),
    ]


def exchanged(data: bytes) -> Field:
    """Return a message of the exchange: its type is plain, and little else."""
    kind, body = data[0] if data else 0, data[1:]
    if kind not in _TYPES:
        return air("unreadable", data)
    name, value, learns = (
        f"{kind:02x} {_TYPES[kind]}",
        _said(kind, body),
        field_meanings.EXCHANGE[kind],
    )
    if kind == exchange.REFUSAL and len(body) == padding.REFUSAL_SEALED:
        return Field(name, _sealed(body), field_meanings.REFUSED_SEALED)
    return Field(name, value, learns)


def _said(kind: int, body: bytes) -> str | bytes:
    if kind in (exchange.KEY, exchange.RESUME):
        return body
    if kind in _CODES:
        return _CODES[kind].get(int.from_bytes(body, "big"), body)
    return _sealed(body)


def _service_data(data: bytes) -> list[Field]:
    try:
        advert = gatt.parse_service_data(data)
    except Error:
        return [air("unreadable", data)]
    flags = [name for flag, name in _FLAGS.items() if advert.flags & flag]
    return [
        air("version", str(advert.version)),
        air("state", ", ".join(flags) or "no sale"),
        air("till", str(advert.till)),
        air("tag", advert.tag),
    ]


def _signed(kind: Kind, data: bytes, meanings: Mapping[str, str]) -> list[Field]:
    """Split a signed message into header, payload and signature; nothing is verified."""
    try:
        message = signed.parse(kind, data)
    except Error:
        return [air("unreadable", data)]
    value = message.value
    found = {
        "kid": message.sign1.kid,
        **{field.name: _worded(field.name, value) for field in kind.fields},
        "signature": message.sign1.signature,
    }
    return [Field(name, part, meanings[name]) for name, part in found.items() if part]


def _worded(name: str, message: Any) -> str | bytes:
    value = getattr(message, name)
    if name == "amount":
        return money(value, letters(message.currency)).en
    word = _WORDS.get(name)
    return word(value) if word else value if isinstance(value, bytes) else str(value)


_WORDS: dict[str, Callable[[int], str]] = {
    "currency": letters,
    "expires": lambda seconds: _time(seconds),
    "issued": lambda seconds: _time(seconds),
    "kind": lambda number: _KINDS.get(number, str(number)),
    "ttl": lambda seconds: f"{seconds} s",
}


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ")


def _sealed(body: bytes) -> str:
    return f"sealed, {len(body)} bytes"


def _uuid(data: bytes) -> str:
    return gatt.SERVICE if data == gatt.uuid_bytes(gatt.SERVICE) else data[::-1].hex()
