"""Serve a technician or the bridge instead of selling: enrolment, updates, tests.

The loader starts it when that was ordered, and after crashes in a row. It loads what it needs for
an order (cryptography, the radio) at the first order: firmware that cannot start at all still says
why, and takes a restart.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from receiver import reasons
from receiver.errors import Error
from receiver.link import link, service_wire, wire
from receiver.protocol.messages import RECEIVER_ID_SIZE

from . import greeting, lamp, slots
from .line import Line
from .wait import Waiter

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.device.orders import Loaded
    from firmware.device.ports.interface import Console

IDLE_MS = 600_000  # without an order, then it sells again: a second person compares six words
LEAVING_MS = 200  # the acknowledgement of the order to start anew leaves first
TURN_MS = 100  # the loop turns at least this often, to feed the watchdog


def main(feed: Callable[[], object], ordered: bool) -> None:
    """Serve until the line closes, IDLE_MS pass without an order, or another start is ordered."""
    fault = reasons.IN_SERVICE if ordered else _fault(slots.read(slots.CRASH))
    console = _console()
    line = Line(console.source, console.sink, console.clock)
    waiter = Waiter(None, console.source, console.sink, None)
    Service(console, line, waiter, feed, fault).run()
    if ordered:
        slots.write(slots.RESET, str(wire.RESET_PLANNED))


def _console() -> Console:
    if sys.platform in ("linux", "darwin"):
        from .ports import unix as port
    else:  # a board, or an emulated one
        from .ports import esp32 as port
    return port.make_console()


def _fault(crash: str) -> int:
    """Return the reason that the last traceback tells."""
    if "MemoryError" in crash:
        return reasons.OUT_OF_MEMORY
    if "incompatible .mpy" in crash:  # machine code for another chip
        return reasons.WRONG_IMAGE
    return reasons.CRASH_LOOP


class Service:
    """The link, the orders and the lamp at work; `feed` feeds the watchdog."""

    def __init__(
        self,
        console: Console,
        line: Line,
        waiter: Waiter,
        feed: Callable[[], object],
        fault: int,
    ) -> None:
        board, clock = console.board, console.clock
        self._clock = clock
        self._feed = feed
        self._fault = fault
        self._line = line
        self._waiter = waiter
        self._lamp = lamp.Lamp(board.light)
        self._state = lamp.SERVICE if fault == reasons.IN_SERVICE else lamp.FAULT
        self._orders: Loaded | None = None
        self._accept: int | None = None  # the message of the order that runs
        self._idle_end = clock.ms() + IDLE_MS
        self._ends = False
        nonce = os.urandom(wire.NONCE_SIZE)
        cause = greeting.cause(board.reset_cause())
        hello = greeting.hello(bytes(RECEIVER_ID_SIZE), board.name, cause, nonce, fault)
        self._link = link.Link(os.urandom(4), hello, host=False)

    def run(self) -> None:
        clock = self._clock
        while not self._ends and clock.ms() < self._idle_end:
            self._feed()
            if not self._turn(clock.ms()):
                return
            self._line.pump()
            self._waiter.wait(self._patience(clock.ms()), self._line.writing)
        end = clock.ms() + LEAVING_MS
        while self._line.writing and clock.ms() < end:
            self._line.pump()

    def _patience(self, now: int) -> int:
        if self._is_busy():
            return 0
        wake = now + TURN_MS
        for due in (self._link.deadline(), self._lamp.deadline()):
            if due is not None and due < wake:
                wake = due
        return max(wake - now, 0)

    def _turn(self, now: int) -> bool:
        """Do what is due; False once the other side has closed the line."""
        data = self._line.read()
        if data == b"":
            return False
        if data is not None:
            self._link.receive(data, now)
        due = self._link.deadline()
        if due is not None and due <= now:
            self._link.expire(now)
        while (event := self._link.poll()) is not None:
            self._take(event, now)
        self._work(now)
        self._lamp.show(self._state, now)
        due = self._lamp.deadline()
        if due is not None and due <= now:
            self._lamp.expire(now)
        while frame := self._link.transmit(now):
            self._line.write(frame)
        return True

    def _take(self, event: link.Event, now: int) -> None:
        if isinstance(event, link.Up) and event.fresh:
            self._cancel()
            slots.tell(self._link)
            self._send(wire.SYNC, wire.encode(wire.SYNC, wire.Opened(b"", b"", reasons.OK)))
        elif isinstance(event, link.Delivered) and event.channel == wire.TRACEBACK:
            if self._fault == reasons.IN_SERVICE:  # else the firmware's next try has it too
                slots.write(slots.CRASH, "")
        elif isinstance(event, link.Message):
            if event.channel in service_wire.LAYOUTS:
                self._idle_end = now + IDLE_MS
                self._begin(event)
            else:
                self._link.accept(event.token)
                self._obey(event, now)

    def _obey(self, message: link.Message, now: int) -> None:
        """Obey a message that a receiver which sells knows too; refuse to open an offer."""
        try:
            order = wire.decode(message.channel, message.payload)
        except Error:
            return
        if message.channel == wire.OPEN:
            answer = wire.Opened(order.reference, b"", self._fault)
            self._send(wire.OFFER, wire.encode(wire.OFFER, answer))
        elif message.channel == wire.RESTART:
            self._ends = slots.order(order.slot, order.service)
            if not self._ends:
                self._refuse(message.channel, reasons.NOT_VERIFIED)

    def _begin(self, message: link.Message) -> None:
        """Begin an order; its message is acknowledged when it is done."""
        self._accept = message.token
        if self._orders is None:
            try:
                self._orders = self._load()
            except (MemoryError, ValueError) as error:  # ValueError: machine code of another chip
                self._refuse(message.channel, _fault(repr(error)))
                return
        handle = self._orders[0]
        handle(message.channel, message.payload)

    def _load(self) -> Loaded:
        from firmware.device.orders import main as load  # absolute: the build leaves it as it is

        return load(self._clock)

    def _is_busy(self) -> bool:
        return self._orders is not None and self._orders[1]()

    def _work(self, now: int) -> None:
        if self._is_busy() and self._orders is not None:
            self._orders[2]()
            self._idle_end = now + IDLE_MS
        if self._is_busy():
            return
        while self._orders is not None and (answer := self._orders[3]()) is not None:
            self._send(*answer)
        if self._accept is not None:
            self._link.accept(self._accept)
            self._accept = None

    def _cancel(self) -> None:
        self._accept = None
        if self._orders is not None:
            self._orders[4]()

    def _refuse(self, channel: int, reason: int) -> None:
        refused = service_wire.OrderRefused(channel, reason)
        payload = service_wire.encode(service_wire.ORDER_REFUSED, refused)
        self._send(service_wire.ORDER_REFUSED, payload)

    def _send(self, channel: int, payload: bytes) -> None:
        self._link.send(channel, payload)
