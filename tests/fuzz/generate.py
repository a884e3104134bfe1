"""Valid messages from tables of fields, small and large and in between."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from receiver.encoding import cbor, cose, schema
from receiver.encoding.schema import Field
from receiver.link import frames
from receiver.protocol import exchange, padding, resuming, signed

_EDGES = (0, 1, 23, 24, 255, 256, 0xFFFF, 0x10000, 0xFFFFFFFF)
_PLANES = (0x7F, 0x7FF, 0xD7FF, 0x10FFFF)  # the last character of one to four bytes of UTF-8
_SURROGATES = range(0xD800, 0xE000)
# What a phone writes, and the only size that its body has.
WRITES = {
    exchange.KEY: padding.ENC_SIZE,
    exchange.CREDENTIAL: padding.CREDENTIAL_SEALED,
    exchange.APPROVAL: padding.APPROVAL_SEALED,
    exchange.LEAVE: 1,
    exchange.RESUME: padding.ENC_SIZE + resuming.PROOF_SIZE,
}
PAYLOAD_MOST = frames.HOST_FRAME_MAX - frames.FRAME_OVERHEAD

Make = Callable[..., Any]


def plain(fields: tuple[Field, ...], make: Make) -> Callable[[Random], bytes]:
    """Messages that are a map alone."""
    return lambda random: schema.encode(fields, _value(fields, make, random))


def message(kind: signed.Kind, alg: int) -> Callable[[Random], bytes]:
    """Signed messages, under a signature that nobody checks here."""

    def one(random: Random) -> bytes:
        kid = random.randbytes(kind.kid_size)
        if kind.role:
            kid = bytes([kind.role]) + kid[1:]
        value = _value(kind.fields, kind.make, random)
        signature = random.randbytes(cose.SIGNATURE_SIZE)
        return signed.encode(kind, value, kid, lambda _: signature, alg=alg)

    return one


def value(random: Random) -> bytes:
    """Any CBOR that is taken."""
    return cbor.encode(_any(random, cbor.DEPTH_MAX))


def write(random: Random) -> bytes:
    """What a phone writes, its body sealed with nothing."""
    kind, size = random.choice(list(WRITES.items()))
    return bytes([kind]) + random.randbytes(size)


def frame(random: Random) -> frames.Frame:
    seq, ack, channel = random.randbytes(3)
    size = random.choice((0, 1, PAYLOAD_MOST, random.randint(0, PAYLOAD_MOST)))
    payload = random.choice((bytes, random.randbytes))(size)
    kind = random.choice(list(frames.KINDS))
    return frames.Frame(kind, random.random() < 0.5, seq, ack, channel, payload)


def _value(fields: tuple[Field, ...], make: Make, random: Random) -> Any:
    values: list[Any] = []
    for field in fields:
        is_absent = field.kind == schema.ATTACHED and not values[-1]
        values.append(b"" if is_absent else _field(field, random))
    return make(*values)


def _field(field: Field, random: Random) -> Any:
    if field.kind == schema.UINT:
        return _number(field.low, field.high, random)
    if field.kind == schema.TEXT:
        return _text(_number(field.low, field.high, random), random)
    if field.kind == schema.KEY and field.high == schema.P256_SIZE and random.random() < 0.5:
        return bytes([random.choice((2, 3))]) + random.randbytes(schema.P256_SIZE - 1)
    return random.randbytes(
        field.low if field.kind == schema.KEY else _number(field.low, field.high, random)
    )


def _number(low: int, high: int, random: Random) -> int:
    edges = [edge for edge in _EDGES if low <= edge <= high]
    return random.choice((low, high, random.randint(low, high), *edges))


def _text(size: int, random: Random) -> str:
    """At most `size` bytes of UTF-8."""
    text = ""
    while True:
        code = random.randint(0, random.choice(_PLANES))
        if code in _SURROGATES or len((text + chr(code)).encode()) > size:
            return text
        text += chr(code)


def _any(random: Random, depth: int) -> Any:
    kind = random.randrange(6 if depth else 4)
    if kind == 0:
        return _number(cbor.INT_MIN, cbor.INT_MAX, random)
    if kind == 1:
        return random.random() < 0.5
    if kind == 2:
        return random.randbytes(random.choice((0, 1, 23, 24, 40)))
    if kind == 3:
        return _text(30, random)
    members = [_any(random, depth - 1) for _ in range(random.randrange(5))]
    if kind == 4:
        return members
    return {_number(cbor.INT_MIN, cbor.INT_MAX, random): member for member in members}
