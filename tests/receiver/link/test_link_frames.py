"""What each end says that it takes, and that its peer never writes more: an input ring is small."""

from __future__ import annotations

import pytest

from receiver.link import frames, link_states
from receiver.link.arq import MESSAGE_MAX
from receiver.link.frames import Frame
from receiver.link.link import Link, Message

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
    device = Link(b"dev1", b"", host=False)
    assert announced(device) == frames.FRAME_MAX < RING


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
