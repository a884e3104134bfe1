"""A technician's end of the serial link to one board, whichever mode the board is in.

The port is opened anew when it goes away: a board with native USB leaves the bus at each reset.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from bridge.lines import opening
from bridge.lines.errors import BarredPortError, PortError
from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.link import frames, link, service_wire, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import TracebackType
    from typing import Self

    from bridge.lines.serial_port import Opener, Port

T = TypeVar("T")

REOPEN_S = 0.3  # between two tries to open a port that is away
NO_BRIDGE = bytes(8)  # the id of a technician's program in HELLO
SERVICE_TRIES = 3  # of RESTART: a reset by hand may come between, several do not
RESTARTED_S = 3.0  # a board that obeys leaves the line within half a second
# A board refuses to start anew during a sale. An offer lasts 120 s at most, and for 30 s after it a
# phone may read its receipt.
RESTART_S = 160.0
UP_S = 30.0  # from a reset to HELLO, with a wait after crashes in a row
ANSWER_S = 10.0  # the longest work in service mode, making a key with the radio on, takes two


class BoardLineError(Exception):
    """The board did not do what was asked; the text says what to do about it."""


class BoardLostError(BoardLineError):
    """The board started anew, or its line went away, before it had answered."""

    def __init__(self) -> None:
        super().__init__(
            "the board started anew or its line was lost in the middle: run this again"
        )


class BoardRefusedError(BoardLineError):
    """The board refused an order; `reason` is a number of `receiver.reasons`."""

    def __init__(self, reason: int) -> None:
        super().__init__(f"the board refuses: {reasons.name(reason)}")
        self.reason = reason


class Heard(NamedTuple):
    """One message of the board."""

    channel: int
    value: Any


class Question:
    """A question whose answer has not come: one that was given up answers no other."""

    def __init__(self, answer: int) -> None:
        self.answer = answer
        self.is_over = False


class BoardLine:
    """An async context manager. `watch` gets every event of the link, for those who look on.

    Messages on the channels `left` are not acknowledged: the board keeps them for its bridge.
    """

    def __init__(
        self,
        url: str,
        watch: Callable[[link.Event], None] | None = None,
        left: Collection[int] = (),
    ) -> None:
        self.url = url
        self.bytes = 0  # received
        self.hello: wire.ReceiverHello | None = None  # while the link is up
        self.text = ""  # the last text between frames: boot messages and tracebacks
        self._opener: Opener = opening.opener(url)
        self._watch = watch or (lambda event: None)
        self._left = left
        self._link = self._new_link()
        self._port: Port | None = None
        self.barred = False  # the port cannot be opened until a person acts
        self._lost = asyncio.Event()
        self._changed = asyncio.Event()
        self._inbox: list[Heard] = []
        self._asked: list[Question] = []  # in order, as the board answers
        self._lives = 0  # of the link, which have ended
        self._untaken: dict[int, asyncio.Future[None]] = {}  # by token
        self._failure = "the port was never opened"
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_open())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def up(self, within_s: float) -> wire.ReceiverHello:
        """Wait for the board's HELLO; raises BoardLineError with what was seen instead.

        It does so at once for a port that is in use, or that one may not open.
        """
        try:
            async with asyncio.timeout(within_s):
                await self._until(lambda: self.hello or self.barred or None)
        except TimeoutError:
            raise BoardLineError(self._silence(within_s)) from None
        if self.hello is None:
            raise BoardLineError(self._failure)
        return self.hello

    @property
    def counters(self) -> dict[str, int]:
        """Return the counters of this end of the link since the port was opened last."""
        return self._link.counters

    async def order(self, channel: int, value: object, within_s: float = ANSWER_S) -> None:
        """Send one message and wait until the board has taken it."""
        await self.up(within_s)
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._untaken[self._send(channel, value)] = taken
        try:
            async with asyncio.timeout(within_s):
                await taken
        except TimeoutError:
            raise BoardLineError(f"the board took no order within {within_s:g} s") from None

    async def ask(
        self, channel: int, value: object, answer: int, within_s: float = ANSWER_S
    ) -> Any:
        """Send one message; return the answer on channel `answer`.

        Raises BoardRefusedError where the board refuses, BoardLineError where it stays silent.
        """
        await self.up(within_s)
        life = self._lives
        self._forget((answer, service_wire.ORDER_REFUSED))
        asked = Question(answer)
        self._asked.append(asked)
        try:
            await self.order(channel, value, within_s)
            return await self._heard_in(life, answer, within_s)
        finally:
            asked.is_over = True

    async def heard(self, channel: int, within_s: float = ANSWER_S) -> Any:
        """Wait for a message on `channel`; raises as `ask`."""
        return await self._heard_in(self._lives, channel, within_s)

    async def _heard_in(self, life: int, channel: int, within_s: float) -> Any:
        """Wait for a message in one life of the link."""
        wanted = (channel, service_wire.ORDER_REFUSED)
        try:
            async with asyncio.timeout(within_s):
                found = await self._until(lambda: self._take_in(life, wanted))
        except TimeoutError:
            raise BoardLineError(f"the board gave no answer within {within_s:g} s") from None
        if found.channel == service_wire.ORDER_REFUSED and found.channel != channel:
            raise BoardRefusedError(found.value.reason)
        return found.value

    async def restart(
        self, *, slot: int = 0, service: bool, within_s: float = RESTART_S
    ) -> wire.ReceiverHello:
        """Start the board anew, in service mode or to sell; return its next HELLO."""
        before = await self.up(min(within_s, UP_S))
        order = wire.Restart(slot, int(service))
        try:
            async with asyncio.timeout(within_s):
                while (hello := await self._restarted(before, order)) is None:
                    pass
        except TimeoutError:
            if self.hello is None:
                raise BoardLineError(self._silence(within_s)) from None
            raise BoardLineError(
                f"{self.url}: the board does not start anew: a sale is open, or was until just now"
            ) from None
        return hello

    async def _restarted(
        self, before: wire.ReceiverHello, order: wire.Restart
    ) -> wire.ReceiverHello | None:
        """Order another start; None where it does not come: during a sale it is refused."""
        if self.hello is not None and self._other_than(before) is None:
            self._send(wire.RESTART, order)
        with suppress(TimeoutError):
            async with asyncio.timeout(RESTARTED_S):
                return await self._until(lambda: self._other_than(before))
        if self.hello is None:
            await self.up(UP_S)
        return None

    async def into_service(self, within_s: float = RESTART_S) -> wire.ReceiverHello:
        """Bring the board into service mode, unless it is there; return its HELLO.

        A reset in the middle loses the order, so that it is given again.
        """
        hello = await self.up(min(within_s, UP_S))
        for _ in range(SERVICE_TRIES):
            if is_in_service(hello):
                return hello
            hello = await self.restart(service=True, within_s=within_s)
        if is_in_service(hello):
            return hello
        raise BoardLineError(f"{self.url}: the board does not enter service mode; flash it anew")

    # The port.

    async def _keep_open(self) -> None:
        while True:
            try:
                await self._connection()
            except PortError as error:
                self._failure = str(error)
                self.barred = isinstance(error, BarredPortError)
                self._changed.set()
            await asyncio.sleep(REOPEN_S)

    async def _connection(self) -> None:
        self._link = self._new_link()
        self._lost.clear()
        port = self._port = await self._opener(self._received, self._end)
        self.barred = False
        self._failure = "the board says nothing: power, cable, firmware, or a wrong baud rate"
        try:
            self._transmit()
            await self._lost.wait()
        finally:
            self._port = None
            self._set_hello(None)
            if self._timer:
                self._timer.cancel()
            await port.close()

    def _send(self, channel: int, value: object) -> int:
        """Queue a message; return its token. Raises BoardLineError where none fits any more."""
        token = self._link.send(channel, _encode(channel, value))
        if not token:
            raise BoardLineError("the board takes no message: too many wait")
        self._transmit()
        return token

    def _end(self, cause: str) -> None:
        self._failure = cause
        self._lost.set()

    def _new_link(self) -> link.Link:
        own = wire.BridgeHello(wire.PROTOCOL, wire.PROTOCOL, NO_BRIDGE, 0)
        boot = os.urandom(frames.ID_SIZE)
        return link.Link(boot, schema.encode(wire.BRIDGE_HELLO, own), host=True)

    def _received(self, data: bytes) -> None:
        self.bytes += len(data)
        self._link.receive(data, self._now())
        self._drain()

    def _expire(self) -> None:
        self._link.expire(self._now())
        self._drain()

    def _drain(self) -> None:
        while (event := self._link.poll()) is not None:
            self._take_event(event)
            self._watch(event)
        self._transmit()

    def _take_event(self, event: link.Event) -> None:
        if isinstance(event, link.Up):
            self._take_hello(event.hello)
        elif isinstance(event, link.Down):
            self._set_hello(None)
        elif isinstance(event, link.Delivered):
            taken = self._untaken.pop(event.token, None)
            if taken and not taken.done():
                taken.set_result(None)
        elif isinstance(event, link.Message):
            with suppress(Error):
                value = decode(event.channel, event.payload)
                if not self._is_late(event.channel):
                    self._inbox.append(Heard(event.channel, value))
            if event.channel not in self._left:
                self._link.accept(event.token)
            self._changed.set()
        elif isinstance(event, link.Raw) and event.status == frames.TEXT:
            self.text = event.data.decode("ascii", errors="replace").strip()

    def _is_late(self, channel: int) -> bool:
        """Whether this answers a question that was given up; it is over with it."""
        if not self._asked or channel not in (self._asked[0].answer, service_wire.ORDER_REFUSED):
            return False
        return self._asked.pop(0).is_over

    def _take_hello(self, data: bytes) -> None:
        try:
            self._set_hello(schema.decode(wire.RECEIVER_HELLO, data, wire.ReceiverHello))
        except Error:
            self._failure = "its HELLO is of another protocol: flash the board with this release"

    def _transmit(self) -> None:
        if self._port is None:
            return
        try:
            while data := self._link.transmit(self._now()):
                self._port.write(data)
        except PortError as error:
            self._end(str(error))
            return
        due = self._link.deadline()
        if self._timer:
            self._timer.cancel()
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(due / 1000, loop.time()), self._expire)

    # Waiting.

    async def _until(self, found: Callable[[], T | None]) -> T:
        while (value := found()) is None:
            self._changed.clear()
            await self._changed.wait()
        return value

    def _set_hello(self, hello: wire.ReceiverHello | None) -> None:
        self.hello = hello
        if hello is None:
            self._lives += 1
            self._inbox.clear()
            self._asked.clear()
            for taken in self._untaken.values():
                if not taken.done():
                    taken.set_exception(BoardLostError())
            self._untaken.clear()
        self._changed.set()

    def _take_in(self, life: int, channels: Collection[int]) -> Heard | None:
        if life != self._lives:
            raise BoardLostError
        return self._take(channels)

    def _take(self, channels: Collection[int]) -> Heard | None:
        for at, heard in enumerate(self._inbox):
            if heard.channel in channels:
                return self._inbox.pop(at)
        return None

    def _other_than(self, before: wire.ReceiverHello) -> wire.ReceiverHello | None:
        """Return the HELLO of a later start: each has its own nonce."""
        return self.hello if self.hello and self.hello.nonce != before.nonce else None

    def _forget(self, channels: Collection[int]) -> None:
        self._inbox[:] = [heard for heard in self._inbox if heard.channel not in channels]

    def _silence(self, within_s: float) -> str:
        said = f"; the last text on the line: {self.text[-200:]!r}" if self.text else ""
        return f"{self.url}: no HELLO within {within_s:g} s: {self._failure}{said}"

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)


def is_in_service(hello: wire.ReceiverHello) -> bool:
    """Whether a board obeys the orders of `service_wire`: ordered, or after crashes."""
    return hello.fault in (reasons.IN_SERVICE, reasons.CRASH_LOOP)


def decode(channel: int, payload: bytes) -> Any:
    """Decode a message of either mode; raise Error."""
    from_service = channel in service_wire.LAYOUTS
    return (service_wire if from_service else wire).decode(channel, payload)


def _encode(channel: int, value: object) -> bytes:
    if channel in service_wire.LAYOUTS:
        return service_wire.encode(channel, value)
    return wire.encode(channel, value)
