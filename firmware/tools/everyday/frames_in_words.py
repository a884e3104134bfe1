"""Describe what a link hears, for a person who looks on: no secret is shown."""

from __future__ import annotations

from typing import NamedTuple

from firmware.tools import board_line
from receiver import reasons
from receiver.encoding import cbor, schema
from receiver.errors import Error
from receiver.link import frames, link, wire
from receiver.protocol import messages, signed

from . import channels, listing

BOARD, LAPTOP, LINK = "board", "laptop", "link"  # who says it; the link itself: comes and goes
SHOWN_MOST = 32  # bytes in hex: a key or a hash in full; longer ones by hash and length
GARBAGE_MOST = 64  # bytes of what is no frame: enough to know a wrong baud rate by
# What buyers send, and what is sealed for them: a reader over the shoulder learns nothing.
_SECRET = {wire.CREDENTIAL: ("enc", "data"), wire.APPROVAL: ("data",), wire.RESULT: ("receipt",)}
_DOWN = {
    link.SILENT: "the board answers no more",
    link.REBOOTED: "the board has started anew",
    link.CLOSED: "closed",
}

Fields = dict[str, object]


class Said(NamedTuple):
    """One event; `fields` are for people and programs alike."""

    source: str
    what: str
    fields: Fields


def said(event: link.Event) -> Said:
    """Describe any event of a link; bytes that are no message are described, never raised."""
    match event:
        case link.Up(hello=hello):
            return Said(BOARD, "HELLO", _hello(hello))
        case link.Down(reason=reason):
            return Said(LINK, "down", {"why": _DOWN[reason]})
        case link.Message(channel=channel, payload=payload):
            return Said(BOARD, channels.name(channel), _message(channel, payload))
        case link.Delivered(channel=channel):
            return Said(LAPTOP, channels.name(channel), {"taken": "yes"})
        case link.Lost(messages=lost):
            names = ", ".join(channels.name(message.channel) for message in lost)
            return Said(LAPTOP, names, {"taken": "not known"})
        case link.Log(payload=payload):
            return Said(BOARD, "log", {"text": payload.decode("utf-8", "replace")})
        case link.Raw(data=data, status=status):
            return Said(BOARD, *_raw(data, status))


def _hello(data: bytes) -> Fields:
    try:
        return listing.hello_value(schema.decode(wire.RECEIVER_HELLO, data, wire.ReceiverHello))
    except Error as error:
        return _unread(data, error)


def _message(channel: int, payload: bytes) -> Fields:
    try:
        value = board_line.decode(channel, payload)
    except Error as error:
        return _unread(payload, error)
    secret = _SECRET.get(channel, ())
    return {
        name: shortened(found) if name in secret else _field(channel, name, found)
        for name, found in value._asdict().items()
    }


def _field(channel: int, name: str, found: object) -> object:
    if name in ("reason", "fault") and isinstance(found, int):
        return reasons.name(found)
    if not isinstance(found, bytes):
        return found
    if channel == wire.TRACEBACK:
        return found.decode("utf-8", "replace")
    try:
        if name == "counters":
            return _counters(found)
        if name == "offer" and found:
            return _offer(found)
    except Error:
        pass  # hostile, or of another version: shown as bytes
    return found.hex() if len(found) <= SHOWN_MOST else shortened(found)


def shortened(data: bytes) -> str:
    """Return a name for bytes by which two can be compared."""
    return f"sha256:{signed.digest(data)[:8].hex()} ({len(data)} bytes)"


def _counters(data: bytes) -> Fields:
    value = cbor.decode(data)
    if not isinstance(value, dict):
        raise Error(reasons.MALFORMED, "counters are not a map")
    return {reasons.name(code): count for code, count in value.items()}


def _offer(data: bytes) -> Fields:
    offer: messages.Offer = signed.parse(messages.OFFER, data).value
    shown: Fields = {"sequence": offer.sequence, "amount": offer.amount}
    shown |= {"currency": offer.currency, "till": offer.till, "ttl": offer.ttl}
    return shown | {"kind": "refund" if offer.kind == messages.REFUND else "purchase"}


def _unread(data: bytes, error: Error) -> Fields:
    return {"not understood": f"{reasons.name(error.code)}: {error.detail}"} | _bytes(data)


def _bytes(data: bytes) -> Fields:
    return {"bytes": len(data), "begins": data[:GARBAGE_MOST].hex()}


def _raw(data: bytes, status: int) -> tuple[str, Fields]:
    if status == frames.TEXT:
        return "text", {"text": data.decode("ascii", "replace").strip()}
    return "not a frame", {"why": frames.STATUSES[status]} | _bytes(data)


def words(fields: Fields) -> str:
    """Return the fields on one line."""
    return " ".join(f"{name}={_word(value)}" for name, value in fields.items())


def _word(value: object) -> str:
    if isinstance(value, dict):
        return f"({words(value)})"
    if value is None:
        return "-"
    text = str(value)
    return repr(text) if " " in text or not text.isprintable() else text or "-"
