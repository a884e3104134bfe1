"""Frames on the line between receiver and bridge: COBS, a CRC-32, and a delimiter on both sides.

    00  COBS( type seq ack channel  payload...  crc32 )  00

A leading delimiter costs 87 us at 115200 baud and ends whatever stood on the line before it (boot
text, half a frame), so that it becomes garbage by itself and takes no frame with it.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# Kinds: the low nibble of the type byte.
HELLO = 1  # sender's boot id and the one it knows; opens the link
DATA = 2  # a message or a part of one; acknowledged
ACK = 3  # an acknowledgement without data
LOG = 4  # unacknowledged
RESET = 5  # the host asks for a HELLO
KINDS = {HELLO: "HELLO", DATA: "DATA", ACK: "ACK", LOG: "LOG", RESET: "RESET"}
MORE = 0x10  # bit of the type byte: the message goes on in the next frame

# Limits, in bytes on the wire with both delimiters.
FRAME_MAX = 192  # towards the device: its input ring holds 260 bytes and drops the rest
HOST_FRAME_MAX = 256  # towards the host: a body of 253 bytes is the most with one byte of COBS
FRAME_OVERHEAD = 11  # two delimiters, one byte of COBS, four of head, four of CRC

# Why a piece of the stream is not a frame.
CRC = 1  # wrong checksum, or too short to have one
COBS = 2  # the COBS codes do not end where the piece ends
OVERSIZE = 3  # longer than any frame
TEXT = 4  # printable: boot messages, tracebacks
UNKNOWN = 5  # a valid checksum over a type byte that this version does not know
STATUSES = {CRC: "crc", COBS: "cobs", OVERSIZE: "oversize", TEXT: "text", UNKNOWN: "unknown"}

Frame = NamedTuple(
    "Frame",
    [
        ("kind", int),
        ("more", bool),
        ("seq", int),
        ("ack", int),
        ("channel", int),
        ("payload", bytes),
    ],
)
Garbage = NamedTuple("Garbage", [("status", int), ("data", bytes)])  # as it stood on the wire

# A HELLO's payload: own boot (4), peer's boot as known or zeros (4), largest frame (2), content.
ID_SIZE = 4
NO_ID = bytes(ID_SIZE)
HELLO_HEAD = 2 * ID_SIZE + 2
HELLO_MAX = FRAME_MAX - FRAME_OVERHEAD - HELLO_HEAD  # content, while the peer's limit is unknown
FRAME_MIN = 64  # a smaller limit is useless: this one leaves 53 bytes of payload
Hello = NamedTuple(
    "Hello", [("boot", bytes), ("peer", bytes), ("frame_max", int), ("content", bytes)]
)


def encode(frame: Frame) -> bytes:
    """Return the frame as written, with both delimiters; raise ValueError if it is too long."""
    size = len(frame.payload) + FRAME_OVERHEAD
    if size > HOST_FRAME_MAX:
        raise ValueError("frame too long")
    wire = bytearray(size)
    wire[2] = frame.kind | (MORE if frame.more else 0)
    wire[3] = frame.seq
    wire[4] = frame.ack
    wire[5] = frame.channel
    wire[6 : size - 5] = frame.payload
    wire[size - 5 : size - 1] = binascii.crc32(memoryview(wire)[2 : size - 5]).to_bytes(4, "big")
    _stuff(wire)
    return bytes(wire)


def encode_hello(hello: Hello) -> bytes:
    """Return the payload of a HELLO frame."""
    return hello.boot + hello.peer + hello.frame_max.to_bytes(2, "big") + hello.content


def decode_hello(payload: bytes) -> Hello | None:
    """Parse the HELLO in a payload; None if it is short, has no boot id or too small a limit."""
    frame_max = int.from_bytes(payload[2 * ID_SIZE : HELLO_HEAD], "big")
    if len(payload) < HELLO_HEAD or payload[:ID_SIZE] == NO_ID or frame_max < FRAME_MIN:
        return None
    boot, peer = payload[:ID_SIZE], payload[ID_SIZE : 2 * ID_SIZE]
    return Hello(boot, peer, frame_max, payload[HELLO_HEAD:])


class Decoder:
    """Cut a stream at the delimiters into frames and garbage; hold at most one frame."""

    def __init__(self, frame_max: int) -> None:
        self._piece = bytearray(frame_max - 2)
        self._size = 0
        self._spilled = False  # the piece outgrew the buffer: its rest is garbage too

    def receive(self, data: bytes) -> Iterator[Frame | Garbage]:
        """Return the frames and pieces of garbage that `data` completes, in order."""
        for number, part in enumerate(data.split(b"\x00")):
            if number:  # a delimiter stood before this part
                item = self.flush()
                if item is not None:
                    yield item
            while part:
                if self._size == len(self._piece):
                    yield self._spill()
                part = self._take(part)

    def flush(self) -> Frame | Garbage | None:
        """End the piece here, as a delimiter does; None if there is none."""
        size, spilled = self._size, self._spilled
        self._size = 0
        self._spilled = False
        if not size:
            return None
        piece = bytes(memoryview(self._piece)[:size])
        return _garbage(OVERSIZE, piece) if spilled else _parse(piece)

    def pending(self) -> bool:
        """Return whether bytes wait for their delimiter."""
        return self._size > 0

    def _take(self, part: bytes) -> bytes:
        """Store what there is room for; return the rest."""
        count = min(len(part), len(self._piece) - self._size)
        self._piece[self._size : self._size + count] = part[:count]
        self._size += count
        return part[count:]

    def _spill(self) -> Garbage:
        self._size = 0
        self._spilled = True
        return _garbage(OVERSIZE, bytes(self._piece))


def _parse(piece: bytes) -> Frame | Garbage:
    body = bytearray(piece)
    if not _unstuff(body):
        return _garbage(COBS, piece)
    view = memoryview(body)[1:]  # the first COBS code is no data
    end = len(view) - 4
    if end < 4 or binascii.crc32(view[:end]).to_bytes(4, "big") != view[end:]:
        return _garbage(CRC, piece)
    kind = view[0] & 0x0F
    if kind not in KINDS or view[0] & ~(MORE | 0x0F):
        return Garbage(UNKNOWN, piece)
    more = bool(view[0] & MORE)
    return Frame(kind, more, view[1], view[2], view[3], bytes(view[4:end]))


def _garbage(status: int, piece: bytes) -> Garbage:
    return Garbage(TEXT if _is_text(piece) else status, piece)


def _is_text(piece: bytes) -> bool:
    """Return whether it is printable ASCII, white space, and the escapes that colour a boot log."""
    return all(32 <= byte < 127 or byte in b"\t\n\r\x1b" for byte in piece)


def _stuff(wire: bytearray) -> None:
    """Apply COBS in place: every zero but the outer two becomes the distance to the next one."""
    at = 1
    while at < len(wire) - 1:
        following = wire.find(b"\x00", at + 1)
        wire[at] = following - at
        at = following


def _unstuff(body: bytearray) -> bool:
    """Undo `_stuff` on a piece without delimiters; False if the last distance misses its end."""
    at = 0
    while at < len(body):
        step = body[at]  # never zero: the stream was cut at the zeros
        body[at] = 0
        at += step
    return at == len(body)
