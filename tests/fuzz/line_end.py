"""The link between receiver and bridge as a target: any bytes, any frames, at any time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from receiver.link import arq, frames, link, link_states
from receiver.link.frames import Frame
from receiver.link.link import Link
from tests.fuzz.script import Script, Step, script
from tests.fuzz.target import Target

_OWN, _PEER = b"self", b"peer"
_BOOTS = (_PEER, b"boot", _OWN, frames.NO_ID)
_SIZES = (frames.FRAME_MIN, frames.FRAME_MAX, frames.HOST_FRAME_MAX, 0, 0xFFFF)
_WAITS_MS = (0, 1, link.LOG_MS, link_states.RETRY_MS, link.STALE_MS, 5_000, 60_000)
_WORN = (0, 1, 2, arq.MESSAGE_MAX)  # sizes of what this end sends, beside any short one
_PAYLOAD_MOST = frames.HOST_FRAME_MAX - frames.FRAME_OVERHEAD
_OVERFLOW = 4  # events that one frame, or a timer after it, may bring beyond the limit


class End:
    """One end of a link, a peer that says anything, and an application that may be deaf."""

    def __init__(self, host: bool) -> None:
        self.link = Link(_OWN, b"hello", host=host)
        self.now = 0
        self._largest = frames.FRAME_MAX if host else frames.HOST_FRAME_MAX
        self._token = 0
        self._expected = 0  # the number that this end expects next, as it wrote last
        self._sent = 0

    # What comes over the line.

    def bytes_come(self, script: Script) -> None:
        self.link.receive(script.octets(), self.now)

    def frame_comes(self, script: Script) -> None:
        """Often the very one that is expected, else the window would be shut to all of them."""
        kind = script.choice(list(frames.KINDS))
        seq = self._expected if script.number(2) else script.number()
        ack = (self._sent + 1) % 256 if script.number(2) else script.number()
        frame = Frame(kind, bool(script.number(2)), seq, ack, script.number(), script.octets())
        self._receive(frame._replace(payload=frame.payload[:_PAYLOAD_MOST]))

    def hello_comes(self, script: Script) -> None:
        boot, peer, size = script.choice(_BOOTS), script.choice(_BOOTS[1:]), script.choice(_SIZES)
        hello = frames.Hello(boot, peer, size, script.octets()[: _PAYLOAD_MOST - frames.HELLO_HEAD])
        channel = script.number(3)
        self._receive(Frame(frames.HELLO, False, 0, 0, channel, frames.encode_hello(hello)))

    def _receive(self, frame: Frame) -> None:
        self.link.receive(frames.encode(frame), self.now)

    # What the application does.

    def sends(self, script: Script) -> None:
        size = script.choice((*_WORN, script.number()))
        self.link.send(script.number(), bytes(size))

    def logs(self, script: Script) -> None:
        self.link.log(script.octets())

    def accepts(self, script: Script) -> None:
        self.link.accept(self._token if script.number(2) else script.number())

    def polls(self, script: Script) -> None:
        while (event := self.link.poll()) is not None:
            if isinstance(event, link.Message):
                self._token = event.token
                assert len(event.payload) <= arq.MESSAGE_MAX

    def cuts(self, script: Script) -> None:
        self.link.cut()
        self.polls(script)

    def transmits(self, script: Script) -> None:
        """Whatever goes out is whole frames, and none that the peer could not take."""
        written = self.link.transmit(self.now)
        items = list(frames.Decoder(frames.HOST_FRAME_MAX).receive(written))
        for item in items:
            assert isinstance(item, Frame)
            assert len(frames.encode(item)) <= self._largest
            if item.kind in (frames.DATA, frames.ACK, frames.LOG):
                self._sent, self._expected = item.seq, item.ack

    def waits(self, script: Script) -> None:
        self.now += script.choice(_WAITS_MS)
        self.link.expire(self.now)

    def check(self) -> None:
        """Nothing grows, and the link knows when it wants to be woken."""
        due = self.link.deadline()
        assert due is None or isinstance(due, int)
        assert all(count >= 0 for count in self.link.counters.values())
        assert len(self.link._events) <= link.EVENTS_MAX + _OVERFLOW
        assert len(self.link._logs) <= link.LOGS_MAX
        assert self.link._outbox._waiting <= arq.QUEUE_MAX


_STEPS: tuple[Step, ...] = (
    End.bytes_come,
    End.frame_comes,
    End.hello_comes,
    End.sends,
    End.logs,
    End.accepts,
    End.polls,
    End.cuts,
    End.transmits,
    End.waits,
)


def targets() -> Iterator[tuple[str, Target]]:
    for name, host in (("host", True), ("device", False)):
        yield f"link-{name}", Target(partial(run, host), None, _seeds)


def run(host: bool, data: bytes) -> bool | None:
    """Whether the link came up on the way."""
    end, steps = End(host), Script(data)
    rose = False
    for step in steps.steps(_STEPS):
        step(end, steps)
        end.check()
        rose = rose or end.link.state == link_states.UP
    return rose or None


def _seeds() -> list[bytes]:
    """The link comes up, carries messages both ways, grows old, and comes up anew."""
    rises = (End.hello_comes, 0, 1, 1, b"content", 1)
    kinds = list(frames.KINDS)
    data = (End.frame_comes, kinds.index(frames.DATA), 1, 1, 0, 9, b"message")
    part = (End.frame_comes, kinds.index(frames.DATA), 1, 1, 1, 9, bytes(150))
    ack = (End.frame_comes, kinds.index(frames.ACK), 1, 1, 0, 0, b"")
    log = (End.frame_comes, kinds.index(frames.LOG), 1, 1, 0, 0, b"log line")
    takes = ((End.polls,), (End.accepts, 1), (End.transmits,))
    sends = ((End.sends, 3, 17), (End.transmits,), ack, (End.transmits,), ack, (End.polls,))
    other = (End.hello_comes, 1, 1, 2, b"", 0)
    silent = ((End.sends, 1, 17), *((End.transmits,), (End.waits, 6)) * 8)
    whole = [
        (rises, (End.polls,), data, *takes, *sends, data, *takes),
        (rises, *(part, (End.transmits,)) * 15, data, *takes, (End.logs, b"x"), log, (End.polls,)),
        (rises, *sends, other, (End.polls,), (End.transmits,), rises, data, *takes),
        (rises, *silent, (End.polls,), rises, (End.cuts,), (End.bytes_come, b"boot text\r\n")),
        (rises, *((End.logs, b"line"),) * 20, (End.transmits,), (End.waits, 2), (End.transmits,)),
        (rises, *(log,) * 70, (End.polls,), (End.bytes_come, bytes(range(200))), (End.waits, 4)),
    ]
    return [script(_STEPS, *steps) for steps in whole]
