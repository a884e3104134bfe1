"""The targets that decode: each has one encoding of a value, and takes no other."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

from receiver.encoding import cbor, cose, cose_sign, schema
from receiver.link import frames, service_wire, wire
from receiver.link.frames import Frame
from receiver.protocol import exchange, firmware, gatt, padding, pins, signed
from tests.fuzz import generate, near, seeds
from tests.fuzz.target import Target
from tests.support.values import message_vectors

_ZERO = b"\0"
_DIRECTIONS = {"device": frames.FRAME_MAX, "host": frames.HOST_FRAME_MAX}


def targets() -> Iterator[tuple[str, Target]]:
    yield "cbor", Target(cbor.decode, cbor.encode, seeds.cbor, generate.value, near.cbor)
    yield from _signed()
    yield from _maps()
    yield from _line()
    yield "write", Target(exchange.parse, _write, seeds.writes, generate.write)
    yield "padding", Target(_unpad, _pad, seeds.padded)
    yield "service-data", Target(gatt.parse_service_data, _service_data, _adverts)
    yield "pins", Target(pins.decode, pins.encode, seeds.keyrings)
    yield from _service()


def _signed() -> Iterator[tuple[str, Target]]:
    for alg, kid_size in seeds.headers():
        parse = partial(cose.parse, alg=alg, kid_size=kid_size)
        valid, refused = (partial(part.sign1, alg, kid_size) for part in (seeds, near))
        yield f"cose{alg}-kid{kid_size}", Target(parse, _sign1, valid, near=refused)
    for kind in message_vectors.KINDS.values():
        for alg in seeds.algorithms(kind):
            yield (
                f"{kind.type}{alg}",
                Target(
                    partial(signed.parse, kind, alg=alg),
                    partial(_signed_again, kind),
                    partial(seeds.message, kind, alg),
                    generate.message(kind, alg),
                    partial(near.message, kind, alg),
                ),
            )


def _maps() -> Iterator[tuple[str, Target]]:
    for channel, row in wire.LAYOUTS.items():
        yield (
            f"channel{channel}-{row.make.__name__.lower()}",
            Target(
                partial(wire.decode, channel),
                partial(wire.encode, channel),
                partial(seeds.plain, channel),
                generate.plain(*row),
                partial(near.plain, channel),
            ),
        )
    for name, (fields, make) in message_vectors.MAPS.items():
        yield (
            name.replace(" ", "-"),
            Target(
                partial(_decode_map, fields, make),
                partial(schema.encode, fields),
                partial(seeds.plain, name),
                generate.plain(fields, make),
                partial(near.plain, name),
            ),
        )


def _service() -> Iterator[tuple[str, Target]]:
    """What a receiver in service mode is told."""
    for channel, row in service_wire.LAYOUTS.items():
        yield (
            f"service{channel}-{row.make.__name__.lower()}",
            Target(
                partial(service_wire.decode, channel),
                partial(service_wire.encode, channel),
                partial(seeds.plain, channel),
                generate.plain(*row),
                partial(near.plain, channel),
            ),
        )
    yield "manifest", Target(firmware.decode, firmware.encode, lambda: [_payload()])
    kid_size = signed.AUTHORITY_KID_SIZE
    parse = partial(cose_sign.parse, kid_size=kid_size)
    yield "manifest-signed", Target(parse, lambda value: cose_sign.join(*value), _signed_manifest)


def _payload() -> bytes:
    files = (firmware.File("deep/boot.mpy", 3, bytes(32)), firmware.File("t.mpy", 0, bytes(32)))
    return firmware.encode(firmware.Manifest(7, 3, "unix-littlefs", "1.2", bytes(20), files))


def _signed_manifest() -> list[bytes]:
    kids = (b"\5\1", b"\5\2")
    payload = _payload()
    return [
        firmware.join(payload, [cose_sign.Signature(kid, bytes(64)) for kid in kids[:count]])
        for count in (1, 2)
    ]


def _line() -> Iterator[tuple[str, Target]]:
    yield "link-hello", Target(frames.decode_hello, frames.encode_hello, seeds.link_hellos)
    for name, frame_max in _DIRECTIONS.items():
        yield (
            f"frame-to-{name}",
            Target(
                partial(_frame, frame_max),
                frames.encode,
                partial(_sound_frames, frame_max),
                partial(_random_frame, frame_max),
            ),
        )
        yield f"stream-to-{name}", Target(partial(_stream, frame_max), None, seeds.streams)
        yield (
            f"body-to-{name}",
            Target(partial(_body, frame_max), None, partial(_bodies, frame_max)),
        )


# Signed messages


def _sign1(message: cose.Sign1) -> bytes:
    return cbor.encode([message.protected, {}, message.payload, message.signature])


def _signed_again(kind: signed.Kind, message: signed.Signed) -> bytes:
    _, alg, kid, _, signature = message.sign1
    return signed.encode(kind, message.value, kid, lambda _: signature, alg=alg)


def _decode_map(fields: tuple[schema.Field, ...], make: Callable[..., Any], data: bytes) -> Any:
    return schema.decode(fields, data, make)


# Frames


def _frame(frame_max: int, data: bytes) -> Frame | None:
    """The frame that `data` is, with one delimiter before and one behind."""
    if data[:1] != _ZERO or data[1:].find(_ZERO) != len(data) - 2:
        return None
    items = list(frames.Decoder(frame_max).receive(data))
    return items[0] if len(items) == 1 and isinstance(items[0], Frame) else None


def _body(frame_max: int, data: bytes) -> bool | None:
    """Any head and payload under the right check sum: what noise does not reach."""
    wire_bytes = _framed(data)
    frame = _frame(frame_max, wire_bytes)
    assert frame is None or frames.encode(frame) == wire_bytes
    return frame is not None or None


def _framed(body: bytes) -> bytes:
    blocks = (body + binascii.crc32(body).to_bytes(4, "big")).split(_ZERO)
    stuffed = b"".join(bytes([(len(block) + 1) % 256]) + block for block in blocks)
    return _ZERO + stuffed + _ZERO


def _stream(frame_max: int, data: bytes) -> bool | None:
    """Nothing of a stream is lost or added, and what is a frame stands there as it is encoded."""
    items = _items(frame_max, [data])
    assert items == _items(frame_max, [bytes([byte]) for byte in data])
    spelled = [frames.encode(i) if isinstance(i, Frame) else i.data for i in items]
    assert b"".join(spelled).replace(_ZERO, b"") == data.replace(_ZERO, b"")
    for item in items:
        known = frames.KINDS if isinstance(item, Frame) else frames.STATUSES
        assert item[0] in known
    return bool(items) or None


def _items(frame_max: int, parts: list[bytes]) -> list[Frame | frames.Garbage]:
    decoder = frames.Decoder(frame_max)
    items = [item for part in parts for item in decoder.receive(part)]
    rest = decoder.flush()
    return items if rest is None else [*items, rest]


def _sound_frames(frame_max: int) -> list[bytes]:
    return [data for data in seeds.whole_frames() if len(data) <= frame_max]


def _random_frame(frame_max: int, random: Random) -> bytes:
    frame = generate.frame(random)
    return frames.encode(frame._replace(payload=frame.payload[: frame_max - frames.FRAME_OVERHEAD]))


def _bodies(frame_max: int) -> list[bytes]:
    """Kind, numbers and payload of sound frames, unstuffed."""
    found = [_frame(frame_max, data) for data in _sound_frames(frame_max)]
    return [_plain_body(frame) for frame in found if frame]


def _plain_body(frame: Frame) -> bytes:
    kind = frame.kind | (frames.MORE if frame.more else 0)
    return bytes([kind, frame.seq, frame.ack, frame.channel]) + frame.payload


# Small things


def _write(write: exchange.Write) -> bytes:
    return bytes([write.type]) + write.body


def _unpad(data: bytes) -> tuple[bytes, int]:
    return padding.unpad(data), len(data)


def _pad(padded: tuple[bytes, int]) -> bytes:
    return padding.pad(*padded)


def _service_data(advert: gatt.Advert) -> bytes:
    """As it is advertised; but a version to come is read, too: it is a hint."""
    return bytes([advert.version]) + gatt.service_data(advert.flags, advert.till, advert.tag)[1:]


def _adverts() -> list[bytes]:
    return [gatt.service_data(flags, till, b"tag") for flags in range(8) for till in (0, 0xFFFF)]
