"""Carry whole messages between receiver and bridge, once and in order, over a lossy line.

Stop-and-wait in both directions, over frames; the line is first-in, first-out. Both ends run this
machine. It has no clock: each call states the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import frames, link_states
from .arq import MESSAGE_MAX, Inbox, Outbox
from .arq import Message as Message  # re-exported: `poll` returns it
from .arq import Queued as Queued
from .frames import Frame, Garbage, Hello
from .link_states import GREETING, HOME, SEEKING, TABLE, UP

if TYPE_CHECKING:
    from typing import TypeAlias

EVENTS_MAX = 64  # more unread events mean a deaf application: frames then count as lost on the line
LOG_MAX = frames.FRAME_MAX - frames.FRAME_OVERHEAD  # a longer log line is cut
LOGS_MAX = 8  # log lines that may wait; more are dropped
LOG_MS = 50  # between two log frames: at most a third of the line at 115200 baud
STALE_MS = 500  # hand out bytes without a delimiter after this: a crashing board's last output

ASKING = 0  # channel of a HELLO from an end that is not up: it wants an answer
SETTLED = 1  # channel of a HELLO from an end that is up: it wants no answer, which would never end

# Why a link went down.
SILENT = 1  # no acknowledgement after the last retry
REBOOTED = 2  # the peer is another boot, or forgot this one
CLOSED = 3  # `cut` was called

# Results of `poll`, beside Message.
Up = NamedTuple("Up", [("hello", bytes), ("fresh", bool)])  # fresh: sequence spaces start anew
Down = NamedTuple("Down", [("reason", int)])
Delivered = NamedTuple("Delivered", [("channel", int), ("token", int)])
Lost = NamedTuple("Lost", [("messages", "tuple[Queued, ...]")])  # perhaps taken, not acknowledged
Log = NamedTuple("Log", [("payload", bytes)])
Raw = NamedTuple("Raw", [("data", bytes), ("status", int)])  # a status of receiver.link.frames

COUNTERS = (
    "deaf",  # frames dropped as the application did not poll
    "dropped_logs",
    "duplicates",
    "garbage",  # pieces of the stream that were neither frame nor text
    "oversize",  # messages refused as they grew too long
    "resets",  # sequence spaces that ended as the peer was another boot
    "retransmits",
    "strange",  # frames that no honest peer sends in this state
)
NOTHING = Frame(0, False, 0, 0, 0, b"")

if TYPE_CHECKING:
    Event: TypeAlias = Up | Down | Message | Delivered | Lost | Log | Raw


class Link:
    """One end. `boot`: four bytes, new at every start; `hello`: what to tell the peer of itself."""

    def __init__(self, boot: bytes, hello: bytes, *, host: bool) -> None:
        if len(boot) != frames.ID_SIZE or boot == frames.NO_ID or len(hello) > frames.HELLO_MAX:
            raise ValueError("invalid boot or hello")
        self.hello = hello
        self.state = self._home = SEEKING if host else GREETING
        self.counters = dict.fromkeys(COUNTERS, 0)
        self._boot = boot
        self._heard = Hello(frames.NO_ID, frames.NO_ID, frames.FRAME_MAX, b"")
        self._peer = frames.NO_ID
        self._joined = False  # the link has been up in this sequence space
        self._takes = frames.HOST_FRAME_MAX if host else frames.FRAME_MAX
        self._cap = frames.FRAME_MAX if host else frames.HOST_FRAME_MAX  # for every peer
        self._largest = self._cap
        self._decoder = frames.Decoder(self._takes)
        self._outbox = Outbox(self.counters)
        self._inbox = Inbox(self.counters)
        self._attempts = 0  # to get an answer to the same frame
        self._due: int | None = None  # when to try again
        self._logs: list[bytes] = []
        self._events: list[Event] = []
        self._token = 0
        self._greeting = True  # a HELLO or RESET must be written
        self._log_due = 0
        self._stale_due = 0

    def send(self, channel: int, payload: bytes) -> int:
        """Queue a message; return its token, or 0 if full; raise ValueError if it is too long."""
        if len(payload) > MESSAGE_MAX:
            raise ValueError("message too long")
        if not self._outbox.put(Queued(channel, payload, self._token + 1)):
            return 0
        self._token += 1
        return self._token

    def log(self, payload: bytes) -> bool:
        """Queue a log line, never acknowledged, cut to LOG_MAX; False if it was dropped."""
        if len(self._logs) == LOGS_MAX:
            self.counters["dropped_logs"] += 1
            return False
        self._logs.append(payload[:LOG_MAX])
        return True

    def accept(self, token: int) -> bool:
        """Take responsibility for a message and acknowledge it; False if it has become void."""
        return self._inbox.accept(token)

    def cut(self) -> None:
        """Restart: the line was closed or opened, and every open may have reset the board."""
        self._decoder.flush()
        self._step(link_states.CUT)

    def receive(self, data: bytes, now: int) -> None:
        """Take any bytes from the line; call `poll` afterwards until None."""
        for item in self._decoder.receive(data):
            self._item(item)
        self._stale_due = now + STALE_MS

    def transmit(self, now: int) -> bytes:
        """Return the bytes to write now."""
        wire = self._greeting_frame(now) if self._greeting else b""
        if self.state == UP:
            wire += self._next_frame(now)
            if self._logs and now >= self._log_due:
                self._log_due = now + LOG_MS
                wire += self._frame(frames.LOG, 0, self._logs.pop(0))
        return wire

    def poll(self) -> Event | None:
        """Return the next event, or None."""
        return self._events.pop(0) if self._events else None

    def deadline(self) -> int | None:
        """Return when to call `expire`; a time in the past is at once."""
        due = self._due
        if self._decoder.pending() and (due is None or self._stale_due < due):
            due = self._stale_due
        if self._logs and self.state == UP and (due is None or self._log_due < due):
            due = self._log_due
        return due

    def expire(self, now: int) -> None:
        """Act on time that has passed."""
        if self._decoder.pending() and now >= self._stale_due:
            rest = self._decoder.flush()
            if rest is not None:
                self._item(rest)
        if self._due is not None and now >= self._due:
            self._due = None
            last = self._attempts >= link_states.RETRIES
            self._step(link_states.GIVE_UP if last else link_states.TIMER)

    def _item(self, item: Frame | Garbage) -> None:
        if len(self._events) >= EVENTS_MAX:
            self.counters["deaf"] += 1
        elif isinstance(item, Garbage):
            if item.status != frames.TEXT:
                self.counters["garbage"] += 1
            self._events.append(Raw(item.data, item.status))
        elif item.kind == frames.HELLO:
            self._hear(item)
        else:
            self._step(item.kind, item)

    def _hear(self, frame: Frame) -> None:
        """Turn a HELLO into one event or two: a new boot first, then whether it names this end."""
        hello = frames.decode_hello(frame.payload)
        if hello is None or hello.boot == self._boot:  # our own comes back: the line loops
            self.counters["strange"] += 1
            return
        self._heard = hello
        named = hello.peer == self._boot
        if hello.boot != self._peer or (self._joined and not named):
            self._step(link_states.NEW, frame)
        self._step(link_states.NAMED if named else link_states.UNNAMED, frame)

    def _step(self, event: int, frame: Frame = NOTHING) -> None:
        step = TABLE[self.state].get(event)
        if step is None:
            self.counters["strange"] += 1
            return
        state, action = step
        self.state = self._home if state == HOME else state
        getattr(self, action)(frame)

    # Actions of the table; the state is already the next one.

    def _ignore(self, _frame: Frame) -> None:
        """Count a frame of a sequence space that this end is not in."""

    def _meet(self, _frame: Frame) -> None:
        self._peer = self._heard.boot
        self._largest = min(self._heard.frame_max, self._cap)
        if self._joined:
            self._joined = False
            self.counters["resets"] += 1
            self._inbox.clear()
            lost = self._outbox.clear()
            if lost:
                self._events.append(Lost(lost))

    def _lose(self, frame: Frame) -> None:
        self._events.append(Down(REBOOTED))
        self._meet(frame)

    def _begin(self, _frame: Frame) -> None:
        self._answered()
        self._greeting = True

    def _greet(self, _frame: Frame) -> None:
        self._greeting = True

    def _again(self, _frame: Frame) -> None:
        self._attempts += 1
        self._greeting = True

    def _rise(self, frame: Frame) -> None:
        self._events.append(Up(self._heard.content, not self._joined))
        self._joined = True
        self._answered()
        self._outbox.again()
        self._greeting = frame.channel == ASKING

    def _confirm(self, frame: Frame) -> None:
        if frame.channel == ASKING:  # the peer has not taken our DATA so far
            self._greeting = True
            self._outbox.again()

    def _fall(self, frame: Frame) -> None:
        self._events.append(Down(SILENT))
        self._begin(frame)

    def _hang_up(self, frame: Frame) -> None:
        self._events.append(Down(CLOSED))
        self._begin(frame)

    def _repeat(self, _frame: Frame) -> None:
        self._attempts += 1
        self._outbox.again()

    def _take(self, frame: Frame) -> None:
        self._acknowledged(frame)
        message = self._inbox.take(frame)
        if message is not None:
            self._events.append(message)

    def _acknowledged(self, frame: Frame) -> None:
        if not self._outbox.acknowledged(frame.ack):
            return
        self._answered()
        queued = self._outbox.finished()
        if queued is not None:
            self._events.append(Delivered(queued.channel, queued.token))

    def _note(self, frame: Frame) -> None:
        self._acknowledged(frame)
        self._events.append(Log(frame.payload))

    def _answered(self) -> None:
        self._attempts = 0
        self._due = None

    # Write.

    def _greeting_frame(self, now: int) -> bytes:
        self._greeting = False
        if self.state != UP:
            self._await_answer(now)
        if self.state == SEEKING:
            return frames.encode(Frame(frames.RESET, False, 0, 0, 0, b""))
        channel = SETTLED if self.state == UP else ASKING
        hello = Hello(self._boot, self._peer, self._takes, self.hello)
        return frames.encode(Frame(frames.HELLO, False, 0, 0, channel, frames.encode_hello(hello)))

    def _next_frame(self, now: int) -> bytes:
        part = self._outbox.part(self._largest - frames.FRAME_OVERHEAD)
        if part is not None:
            self._await_answer(now)
            return self._frame(frames.DATA, part.channel, part.payload, part.more)
        return self._frame(frames.ACK, 0, b"") if self._inbox.owing else b""

    def _await_answer(self, now: int) -> None:
        self._due = now + link_states.patience(self.state, self._attempts)

    def _frame(self, kind: int, channel: int, payload: bytes, more: bool = False) -> bytes:
        self._inbox.owing = False
        return frames.encode(Frame(kind, more, self._outbox.seq, self._inbox.seq, channel, payload))
