"""Writes frames.json. COBS and CRC-32 are spelled here once more, from their definitions."""

from __future__ import annotations

import json
import random
import zlib
from pathlib import Path
from typing import Any

KINDS = {"HELLO": 1, "DATA": 2, "ACK": 3, "LOG": 4, "RESET": 5}
BOOT = b"ESP-ROM:esp32c3-api1-20210207\r\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n"
COLOURED = b"\x1b[0;32mI (31) boot: Enabling RNG early entropy source...\x1b[0m\r\n" * 5
TRACEBACK = b'Traceback (most recent call last):\r\n  File "main.py", line 3\r\nMemoryError: \r\n'
NOISE = b"\x81\xfe" * 150
BUFFER = 190  # what the device's decoder holds between two delimiters
RANDOM = random.Random(7)


def cobs(body: bytes) -> bytes:
    """Every zero-free run behind its length plus one; no run here is longer than 253 bytes."""
    return b"".join(bytes([len(run) + 1]) + run for run in body.split(b"\0"))


def wire(first: int, seq: int, ack: int, channel: int, payload: bytes) -> bytes:
    body = bytes([first, seq, ack, channel]) + payload
    return b"\0" + cobs(body + zlib.crc32(body).to_bytes(4, "big")) + b"\0"


def frame(
    name: str, kind: str, numbers: tuple[int, int, int], payload: bytes = b"", more: bool = False
) -> dict[str, Any]:
    seq, ack, channel = numbers
    encoded = wire(KINDS[kind] | 0x10 * more, seq, ack, channel, payload)
    return {
        "name": name,
        "kind": kind,
        "more": more,
        "seq": seq,
        "ack": ack,
        "channel": channel,
        "payload": payload.hex(),
        "wire": encoded.hex(),
    }


DEVICE_HELLO = bytes.fromhex("a1a2a3a4 00000000 00c0") + b"device"
HOST_HELLO = bytes.fromhex("b1b2b3b4 a1a2a3a4 0100") + b"host"
FRAMES = [
    frame("reset", "RESET", (0, 0, 0)),
    frame("hello of a device that knows nobody", "HELLO", (0, 0, 0), DEVICE_HELLO),
    frame("hello of a host that is up", "HELLO", (0, 0, 1), HOST_HELLO),
    frame("acknowledgement", "ACK", (7, 200, 0)),
    frame("empty message", "DATA", (0, 0, 1)),
    frame("message of zeros", "DATA", (1, 0, 1), bytes(20)),
    frame("message without zeros", "DATA", (255, 255, 255), bytes(range(1, 150))),
    frame("part of a message", "DATA", (2, 9, 19), b"first part", more=True),
    frame("longest towards the device", "DATA", (3, 4, 5), RANDOM.randbytes(181)),
    frame("longest towards the host, no zeros", "DATA", (3, 4, 5), bytes(range(1, 246))),
    frame("longest towards the host, all zeros", "DATA", (3, 4, 5), bytes(245), more=True),
    frame("log line", "LOG", (1, 1, 0), "kassa 7: öppen".encode()),
]
WIRES = {case["name"]: bytes.fromhex(case["wire"]) for case in FRAMES}
ACK = WIRES["acknowledgement"]
PART = WIRES["part of a message"]
LONG = WIRES["longest towards the host, no zeros"]
SENTRY = {"frame": "acknowledgement"}  # ends every stream: what came before did no harm


def garbage(status: str, data: bytes) -> dict[str, str]:
    return {"status": status, "data": data.hex()}


def stream(name: str, data: bytes, *items: dict[str, str], frame_max: int = 192) -> dict[str, Any]:
    whole = (data + ACK).hex()
    return {"name": name, "frame_max": frame_max, "wire": whole, "items": [*items, SENTRY]}


def changed(data: bytes, at: int, mask: int) -> bytes:
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


def pieces(status: str, data: bytes) -> list[dict[str, str]]:
    return [garbage(status, data[at : at + BUFFER]) for at in range(0, len(data), BUFFER)]


def unknown(name: str, first: int) -> dict[str, Any]:
    encoded = wire(first, 1, 2, 3, b"x")
    return stream(name, encoded, garbage("unknown", encoded[1:-1]))


STREAMS = [
    stream("two frames back to back", PART, {"frame": "part of a message"}),
    stream("one delimiter between two frames", PART[:-1], {"frame": "part of a message"}),
    stream("idle delimiters", bytes(9)),
    stream("boot text", BOOT, garbage("text", BOOT)),
    stream("traceback after a frame", ACK + TRACEBACK, SENTRY, garbage("text", TRACEBACK)),
    stream("text longer than the buffer", COLOURED, *pieces("text", COLOURED)),
    stream("one bit wrong", changed(PART, 9, 0x20), garbage("crc", changed(PART, 9, 0x20)[1:-1])),
    stream(
        "a distance too far", changed(ACK, 1, 0x28), garbage("cobs", changed(ACK, 1, 0x28)[1:-1])
    ),
    stream("half a frame", PART[:11], garbage("cobs", PART[1:11])),
    stream("first byte lost", PART[2:], garbage("crc", PART[2:-1])),
    stream("too short for a check sum", b"\x04\x81\x82\x83", garbage("crc", b"\x04\x81\x82\x83")),
    stream("longer than the device takes", LONG, *pieces("oversize", LONG[1:-1])),
    stream("the same on the host", LONG, {"frame": FRAMES[9]["name"]}, frame_max=256),
    stream("noise without end", NOISE, *pieces("oversize", NOISE)),
    unknown("unknown kind", 0x09),
    unknown("kind zero", 0x00),
    unknown("unknown flag", 0x22),
]


def lines(cases: list[dict[str, Any]]) -> str:
    return ",\n".join("    " + json.dumps(case, ensure_ascii=False) for case in cases)


def main() -> None:
    text = f'{{\n  "frames": [\n{lines(FRAMES)}\n  ],\n  "streams": [\n{lines(STREAMS)}\n  ]\n}}\n'
    Path(__file__).with_name("frames.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
