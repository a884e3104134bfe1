"""Frames on the line: the shared vectors, and that no stream of bytes does harm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.link import frames, link_states
from receiver.link.arq import MESSAGE_MAX
from receiver.link.frames import Decoder, Frame, Garbage
from receiver.link.link import Link, Message
from tests.support.values.frame_vectors import FRAMES, VECTORS, check_frame, check_stream

CTRL_C = 0x03


@pytest.mark.parametrize("case", VECTORS["frames"], ids=lambda case: case["name"])
def test_frame(case: dict[str, Any]) -> None:
    check_frame(case)


@pytest.mark.parametrize("case", VECTORS["streams"], ids=lambda case: case["name"])
def test_stream(case: dict[str, Any]) -> None:
    check_stream(case)


def test_the_hosts_question_cannot_interrupt_a_repl() -> None:
    """It is the only frame that the host sends before it has heard HELLO."""
    assert CTRL_C not in frames.encode(Frame(frames.RESET, False, 0, 0, 0, b""))


def test_the_longest_frames_have_their_names() -> None:
    assert len(frames.encode(FRAMES["longest towards the device"])) == frames.FRAME_MAX
    longest = FRAMES["longest towards the host, no zeros"]
    assert len(frames.encode(longest)) == frames.HOST_FRAME_MAX
    with pytest.raises(ValueError, match="too long"):
        frames.encode(longest._replace(payload=longest.payload + b"!"))


def test_a_hello_is_read_back() -> None:
    hello = frames.Hello(b"boot", b"peer", 192, b"content")
    payload = frames.encode_hello(hello)
    assert frames.decode_hello(payload) == hello
    assert frames.decode_hello(payload[: frames.HELLO_HEAD]) is not None
    longest = hello._replace(content=bytes(frames.HELLO_MAX))
    frame = Frame(frames.HELLO, False, 0, 0, 0, frames.encode_hello(longest))
    assert len(frames.encode(frame)) == frames.FRAME_MAX


@pytest.mark.parametrize(
    "hello",
    [
        frames.Hello(frames.NO_ID, b"peer", 192, b""),
        frames.Hello(b"boot", b"peer", frames.FRAME_MIN - 1, b""),
    ],
)
def test_a_hello_without_boot_or_room_is_none(hello: frames.Hello) -> None:
    assert frames.decode_hello(frames.encode_hello(hello)) is None


@pytest.mark.parametrize("size", range(frames.HELLO_HEAD))
def test_a_short_hello_is_none(size: int) -> None:
    assert frames.decode_hello(b"bootpeer\x01\x00"[:size]) is None


@given(
    st.builds(
        Frame,
        st.sampled_from(sorted(frames.KINDS)),
        st.booleans(),
        st.integers(0, 255),
        st.integers(0, 255),
        st.integers(0, 255),
        st.binary(max_size=frames.HOST_FRAME_MAX - frames.FRAME_OVERHEAD),
    )
)
def test_every_frame_is_read_back(frame: Frame) -> None:
    wire = frames.encode(frame)
    assert wire.count(0) == 2
    assert wire[0] == wire[-1] == 0
    assert list(Decoder(frames.HOST_FRAME_MAX).receive(wire)) == [frame]


@given(st.lists(st.binary(max_size=400)))
def test_any_bytes_are_frames_or_garbage_and_none_is_missing(chunks: list[bytes]) -> None:
    decoder = Decoder(frames.FRAME_MAX)
    items = [item for chunk in chunks for item in decoder.receive(chunk)]
    rest = decoder.flush()
    garbage = b"".join(item.data for item in [*items, rest] if isinstance(item, Garbage))
    assert garbage == b"".join(chunks).replace(b"\0", b"")
    assert all(len(item.data) < frames.FRAME_MAX for item in items if isinstance(item, Garbage))


@given(st.binary(max_size=600))
def test_a_frame_survives_whatever_stood_before(noise: bytes) -> None:
    frame = FRAMES["part of a message"]
    items = list(Decoder(frames.FRAME_MAX).receive(noise + frames.encode(frame)))
    assert items[-1] == frame


# What each end says that it takes, and that its peer never writes more: an input ring is small.


RING = 260  # bytes; MicroPython's standard input on the chip drops the rest


def announced(end: Link) -> int:
    """The largest frame in the HELLO that this end writes."""
    [frame] = list(frames.Decoder(frames.HOST_FRAME_MAX).receive(end.transmit(0)))
    assert isinstance(frame, Frame)
    hello = frames.decode_hello(frame.payload)
    assert hello is not None
    return hello.frame_max


def pair() -> tuple[Link, Link]:
    """A device and a host, up."""
    device, host = Link(b"dev1", b"", host=False), Link(b"host", b"", host=True)
    for _ in range(4):
        host.receive(device.transmit(0), 0)
        device.receive(host.transmit(0), 0)
    assert (device.state, host.state) == (link_states.UP, link_states.UP)
    return device, host


def test_a_device_announces_what_its_ring_holds() -> None:
    assert announced(Link(b"dev1", b"", host=False)) == frames.FRAME_MAX < RING


def test_a_host_announces_the_longest_frame_that_there_is() -> None:
    host = Link(b"host", b"", host=True)
    greeting = frames.Hello(b"dev1", frames.NO_ID, frames.FRAME_MAX, b"")
    payload = frames.encode_hello(greeting)
    host.receive(frames.encode(Frame(frames.HELLO, False, 0, 0, 0, payload)), 0)
    assert announced(host) == frames.HOST_FRAME_MAX


@pytest.mark.parametrize(
    ("side", "most"), [("device", frames.HOST_FRAME_MAX), ("host", frames.FRAME_MAX)]
)
def test_the_longest_message_crosses_in_frames_of_that_size(side: str, most: int) -> None:
    """As long as the peer takes, and never longer."""
    device, host = pair()
    sender, taker = (device, host) if side == "device" else (host, device)
    message = bytes(range(256)) * (MESSAGE_MAX // 256)
    assert sender.send(1, message)
    sizes: list[int] = []
    taken: list[bytes] = []
    while not taken:
        data = sender.transmit(0)
        assert data, sizes
        sizes.append(len(data))
        taker.receive(data, 0)
        while (event := taker.poll()) is not None:
            if isinstance(event, Message):
                taken.append(event.payload)
        sender.receive(taker.transmit(0), 0)
    assert taken == [message]
    assert max(sizes) == most
    assert len(sizes) == -(-MESSAGE_MAX // (most - frames.FRAME_OVERHEAD))
