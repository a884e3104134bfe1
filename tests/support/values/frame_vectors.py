"""The frames among the shared vectors, and what a decoder must make of them; on MicroPython too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.link import frames
from receiver.link.frames import Decoder, Frame, Garbage
from tests.support.values.vectors import load

if TYPE_CHECKING:
    from typing import Any

    Item = Frame | Garbage

TAIL = b"tail"
KINDS = {name: kind for kind, name in frames.KINDS.items()}
STATUSES = {name: status for status, name in frames.STATUSES.items()}


def make(case: dict[str, Any]) -> Frame:
    payload = bytes.fromhex(case["payload"])
    numbers = (case["seq"], case["ack"], case["channel"])
    return Frame(KINDS[case["kind"]], case["more"], *numbers, payload)


VECTORS = load("frames.json")
FRAMES = {case["name"]: make(case) for case in VECTORS["frames"]}


def check_frame(case: dict[str, Any]) -> None:
    """Encoded as it stands there, and read back."""
    frame, wire = make(case), bytes.fromhex(case["wire"])
    assert frames.encode(frame) == wire, case["name"]
    _check(wire, [frame], frames.HOST_FRAME_MAX)


def check_stream(case: dict[str, Any]) -> None:
    items = [_expected(item) for item in case["items"]]
    _check(bytes.fromhex(case["wire"]), items, case["frame_max"])


def _expected(item: dict[str, str]) -> Item:
    if "frame" in item:
        return FRAMES[item["frame"]]
    return Garbage(STATUSES[item["status"]], bytes.fromhex(item["data"]))


def _check(wire: bytes, items: list[Item], frame_max: int) -> None:
    """Whole, byte by byte, and with a tail that no delimiter ends."""
    assert list(Decoder(frame_max).receive(wire)) == items, wire
    decoder = Decoder(frame_max)
    assert [item for byte in wire for item in decoder.receive(bytes([byte]))] == items, wire
    assert not decoder.pending(), wire
    assert list(decoder.receive(TAIL)) == [], wire
    assert decoder.pending(), wire
    assert decoder.flush() == Garbage(frames.TEXT, TAIL), wire
    decoder = Decoder(frame_max)
    assert list(decoder.receive(wire + TAIL)) == items, wire
    assert decoder.flush() == Garbage(frames.TEXT, TAIL), wire
