"""The link to one receiver: opens its port, runs `receiver.link.link`, and reopens a lost port.

Every connection has its own link machine with its own boot id, so that the receiver sends its open
session each time the link comes up (design §4).
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bridge import foreign_code
from bridge.domain.receiver_status import RESET_CAUSES
from bridge.observability.log_budget import TEXT, Noise
from bridge.observability.logs import Log
from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.host.name_map import NameMaps
from receiver.link import frames, link, wire

from .errors import PortError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.lines.reconnect import Reconnect

    from .listener import Listener
    from .serial_port import Opener, Port

# Two and a half of its health messages are missing: its firmware hangs, its line is dead or another
# program takes the bytes. Tills see it as down within 90 s.
SILENT_MS = 2 * wire.HEALTH_MS + wire.HEALTH_MS // 2
SILENT = (
    f"nothing was understood for {SILENT_MS // 1000} s: power, cable, firmware, "
    "or another program that reads the port (tillsign bridge check)"
)

# A longer text of the board comes in pieces of this size; their joined length in the log.
PIECE = frames.HOST_FRAME_MAX - 2
TEXT_MOST = 4 * PIECE  # a whole traceback: some 25 frames of a built firmware

_T = TypeVar("_T")
_log = Log(__name__)
_raw_log = Log("bridge.raw")


class ReceiverLink:
    """One receiver's line. `run` it as a task; `send` from the same loop."""

    def __init__(
        self,
        *,
        till: int,
        opener: Opener,
        bridge_id: bytes,
        receiver_id: bytes,
        reconnect: Reconnect,
        listener: Listener,
        names: NameMaps | None = None,
    ) -> None:
        self.hello: wire.ReceiverHello | None = None  # while the link is up
        self.counters: dict[str, int] = dict.fromkeys(("opened", "raw", "log"), 0)
        self._till = till
        self._opener = opener
        own = wire.BridgeHello(wire.PROTOCOL, wire.PROTOCOL, bridge_id, till)
        self._own_hello = schema.encode(wire.BRIDGE_HELLO, own)
        self._receiver_id = receiver_id
        self._reconnect = reconnect
        self._listener = listener
        self._names = names or NameMaps(None)
        self._link = self._new_link()
        self._port: Port | None = None
        self._lost: asyncio.Future[str] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: int | None = None  # the time of the timer
        self._scheduled = False
        self._text = b""  # of the board, until its last piece has come
        self._heard_at = 0  # the time of the last valid frame
        self._listening: asyncio.TimerHandle | None = None
        self._noise = Noise(self._clock, self._later, self._left_out)

    async def run(self) -> None:
        """Open the line again and again until cancelled."""
        while True:
            try:
                cause = await self._connection()
            except PortError as error:
                cause = str(error)
            except Exception as error:
                cause = foreign_code.unexpected(foreign_code.LINK, error)
            due = self._reconnect.closed(self._now())
            if self._noise.may("line away"):
                _log.info("line away", till=self._till, detail=cause)
            await asyncio.sleep((due - self._now()) / 1000)

    def quality(self) -> dict[str, int]:
        """Return the line's counters since the start, and the link's since the last opening."""
        return {**self.counters, **self._link.counters}

    def send(self, channel: int, payload: bytes) -> None:
        """Queue a message; a receiver that accepts no more loses its connection."""
        if not self._link.send(channel, payload):
            self._fail("the queue to the receiver is full")
        self._schedule()

    async def serve(self, work: Callable[[_T], Awaitable[None]], what: _T) -> None:
        """Do `work` for this receiver: an error in it costs the line, not the bridge."""
        try:
            await work(what)
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Open the line again after an unexpected error in the code that serves this receiver."""
        self._fail(foreign_code.unexpected(foreign_code.LINK, error))

    def may_log(self, kind: str) -> bool:
        """Whether this receiver may add another line of this kind to the log (`noise.KINDS`)."""
        return self._noise.may(kind)

    def send_after(self, hello: wire.ReceiverHello | None, channel: int, payload: bytes) -> None:
        """Send as `send` does, unless the link came up anew after `hello`: a SYNC follows then."""
        if self.hello is hello:
            self.send(channel, payload)

    def _accept(self, machine: link.Link, token: int) -> None:
        machine.accept(token)
        self._transmit()

    # A connection.

    async def _connection(self) -> str:
        """Run one connection of the line; return the cause of its end."""
        self._link = self._new_link()
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._lost = lost
        port = self._port = await self._opener(self._received, self._fail)
        try:
            self._reconnect.opened(self._now())
            self.counters["opened"] += 1
            self._heard_at = self._now()
            self._listen()
            self._pump()
            return await lost
        finally:
            self._port = self._due = None
            for timer in (self._timer, self._listening):
                if timer:
                    timer.cancel()
            # No error here keeps the port or takes the place of a cancellation.
            with foreign_code.survived(foreign_code.LINK):
                self._end_text()
                self._down()
            with foreign_code.survived(foreign_code.LINK):
                await port.close()

    def _new_link(self) -> link.Link:
        boot = os.urandom(frames.ID_SIZE)
        while boot == frames.NO_ID:
            boot = os.urandom(frames.ID_SIZE)
        return link.Link(boot, self._own_hello, host=True)

    def _fail(self, cause: str) -> None:
        if self._lost and not self._lost.done():
            self._lost.set_result(cause)

    def _listen(self) -> None:
        """Close a line that carries no valid frame, before its HELLO or after it."""
        silent = self._now() - self._heard_at
        if silent >= SILENT_MS:
            self._fail(SILENT)
        else:
            self._listening = self._later((SILENT_MS - silent) / 1000, self._listen)

    def _later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, call)

    # The pump.

    def _clock(self) -> float:
        return asyncio.get_running_loop().time()

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _received(self, data: bytes) -> None:
        self._turn(partial(self._link.receive, data))

    def _expire(self) -> None:
        self._due = None
        self._turn(self._link.expire)

    def _pump(self) -> None:
        self._scheduled = False
        self._turn()

    def _turn(self, move: Callable[[int], None] | None = None) -> None:
        """Handle events, then send the frames that follow; an error restarts this line only."""
        try:
            if move:
                move(self._now())
            while (event := self._link.poll()) is not None:
                self._take(event)
            self._transmit()
        except Exception as error:
            self.fail(error)

    def _transmit(self) -> None:
        """Write the bytes that are due and set the next deadline."""
        if self._port is None:
            return
        try:
            while data := self._link.transmit(self._now()):
                self._port.write(data)
        except PortError as error:
            self._fail(str(error))
            return
        except Exception as error:  # a faulty port must not disturb another receiver's sale
            self.fail(error)
            return
        due = self._link.deadline()
        if due is None or (self._due is not None and self._due <= due):
            return  # an earlier timer looks again
        self._due = due
        if self._timer:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(max(due / 1000, loop.time()), self._expire)

    def _take(self, event: Any) -> None:
        if not isinstance(event, link.Raw):
            self._end_text()
            if not isinstance(event, link.Down):
                self._heard_at = self._now()
        if isinstance(event, link.Message):
            if self.hello:
                accept = partial(self._accept, self._link, event.token)
                self._listener.message(event.channel, event.payload, accept)
        elif isinstance(event, link.Delivered):
            self._listener.delivered(event.channel)
        elif isinstance(event, link.Up):
            self._up(event.hello)
        elif isinstance(event, link.Down):
            self._down()
            if event.reason == link.SILENT:
                self._link = self._new_link()
        elif isinstance(event, link.Log):
            self.counters["log"] += 1
            if self._noise.may("receiver says"):
                self._say(event.payload.decode(errors="replace"))
        elif isinstance(event, link.Raw):
            self._raw(event)

    def _say(self, line: str) -> None:
        """Log a line of the receiver; one of a built image is translated."""
        if self.hello:
            line = self._names.log_line(self.hello.firmware_hash, line)
        _log.info("receiver says", till=self._till, text=line)

    def _up(self, content: bytes) -> None:
        try:
            hello = self._judge(content)
        except Error as error:
            self._listener.refused(error.code, error.detail)
            self._fail(error.detail)
            return
        self.hello = hello
        if self._noise.may("receiver up"):
            log = _log.warning if hello.fault else _log.info
            log(
                "receiver up",
                till=self._till,
                receiver=hello.receiver_id.hex(),
                board=hello.board,
                firmware=hello.firmware,
                cause=RESET_CAUSES[hello.reset_cause],
                crashes=hello.crashes,
                fault=reasons.name(hello.fault),
            )
        self._listener.link_up(hello)

    def _judge(self, content: bytes) -> wire.ReceiverHello:
        """Return the HELLO of the configured receiver; raises Error for another id or version.

        One that says why it sells nothing may not know its id: it makes no offer that verifies.
        """
        hello: wire.ReceiverHello = schema.decode(wire.RECEIVER_HELLO, content, wire.ReceiverHello)
        if not hello.least <= wire.PROTOCOL <= hello.most:
            raise Error(reasons.WRONG_VERSION, f"receiver speaks {hello.least} to {hello.most}")
        is_lost = hello.fault and not any(hello.receiver_id)
        if hello.receiver_id != self._receiver_id and not is_lost:
            raise Error(reasons.WRONG_RECEIVER, f"this is receiver {hello.receiver_id.hex()}")
        return hello

    def _down(self) -> None:
        if self.hello:
            self.hello = None
            self._listener.link_down()

    def _raw(self, event: link.Raw) -> None:
        """Log boot texts and tracebacks; not a broken frame, which may hold a credential."""
        self.counters["raw"] += 1
        if event.status == frames.TEXT:
            self._text += event.data
            if len(event.data) < PIECE or len(self._text) >= TEXT_MOST:
                self._end_text()
        else:
            self._end_text()
            if self._noise.may("not a frame"):
                self._log_raw(event.status, len(event.data), "")

    def _end_text(self) -> None:
        """Log the text of the board; a traceback in it is translated."""
        data, self._text = self._text, b""
        if data and self._noise.may(TEXT):
            self._log_raw(frames.TEXT, len(data), self._names.traceback(data.decode("ascii")))

    def _log_raw(self, status: int, size: int, text: str) -> None:
        name = frames.STATUSES[status]
        _raw_log.info("not a frame", till=self._till, status=name, bytes=size, text=text)

    def _left_out(self, kinds: str, lines: int) -> None:
        _raw_log.info("lines left out", till=self._till, what=kinds, lines=lines)
