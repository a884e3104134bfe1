"""Run the device's loop: bytes and interrupts in, the core's outputs out, deadlines kept."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from receiver import reasons
from receiver.core import io
from receiver.link import wire
from receiver.link.link_states import UP

from . import lamp, slots

if TYPE_CHECKING:
    from firmware.device.ports.interface import Ports

    from .line import Line
    from .radio import Radio
    from .serial import Serial

STEADY_MS = 60_000  # a start that lasts so long has not crashed
RESTART_MS = 200  # the acknowledgement of the order leaves first
IDLE_MS = 1000  # the loop turns at least this often, to feed the watchdog


class App:
    """Core, pumps and ports at work. `flag` (asyncio.ThreadSafeFlag) wakes the loop."""

    def __init__(
        self,
        serial: Serial,
        radio: Radio,
        line: Line,
        platform: Ports,
        flag: asyncio.ThreadSafeFlag,
    ) -> None:
        self._receiver = serial.receiver
        self._radio = radio
        self._serial = serial
        self._line = line
        self._clock = platform.clock
        self._store = platform.store
        self._board = platform.board
        self._radio_pump = platform.radio_pump
        self._flag = flag
        self._well = False
        self._health_due = wire.HEALTH_MS
        self._end: int | None = None  # when to start anew
        self._lamp = lamp.Lamp(platform.board.light)
        self._parts = (self._receiver, radio, self._lamp)
        self._timed = (self._receiver, radio, self._lamp, serial.link)

    async def run(self) -> None:
        """Serve until the line is closed from the other side."""
        writer = asyncio.create_task(self._line.pump())
        reader = asyncio.create_task(self._read())
        tasks = [reader, writer]
        if self._radio_pump is not None:
            tasks.append(asyncio.create_task(self._radio_pump))
        try:
            while not any(task.done() for task in tasks) and not self._is_over():
                self._turn(self._clock.ms())
                self._settle()
                self._watch(self._clock.ms())
                if not self._receiver.busy():
                    await self._wait()
                await asyncio.sleep_ms(0)  # let the tasks of radio, reader and writer run
            for task in tasks:
                if task.done():
                    await task  # raises what has ended it: that is a crash
        finally:
            self._receiver.erase()

    def _is_over(self) -> bool:
        return self._end is not None and self._clock.ms() >= self._end

    def _watch(self, now: int) -> None:
        """Feed the watchdog while the radio runs; a serial failure ends the loop by itself."""
        if self._radio.alive():
            self._board.feed()
        else:
            self._receiver.handle(io.RadioLost(), now)

    def _settle(self) -> None:
        """Once radio and bridge are up, keep firmware on trial."""
        if not self._well and self._serial.greeted and self._radio.alive():
            self._well = True
            slots.settle()

    async def _read(self) -> None:
        while data := await self._line.read():
            self._serial.receive(data, self._clock.ms())
            self._flag.set()
            await asyncio.sleep_ms(0)  # the loop looks at the flag at once, not a tick later
        self._flag.set()

    async def _wait(self) -> None:
        """Wait for the next deadline or wake-up."""
        now = self._clock.ms()
        times = [now + IDLE_MS if self._end is None else self._end]
        for part in self._timed:
            due = part.deadline()
            if due is not None:
                times.append(due)
        patience = min(times) - now
        if patience <= 0:
            return
        try:
            await asyncio.wait_for_ms(self._flag.wait(), patience)
        except asyncio.TimeoutError:
            return

    def _turn(self, now: int) -> None:
        while not self._receiver.unseals() and (event := self._radio.poll()) is not None:
            self._receiver.handle(event, now)
        up = self._serial.link.state == UP
        self._lamp.show(lamp.state_of(self._receiver, up), now)
        self._expire(now)
        self._perform(now)
        if self._receiver.busy():
            self._receiver.work(now)
            self._perform(now)

    def _expire(self, now: int) -> None:
        for part in self._parts:
            due = part.deadline()
            if due is not None and due <= now:
                part.expire(now)
        self._serial.expire(now)
        if now >= self._health_due:
            self._health_due = now + wire.HEALTH_MS
            gc.collect()
            self._receiver.health(now, gc.mem_free(), self._line.dropped)
            if now >= STEADY_MS and slots.read(slots.CRASHES):
                slots.write(slots.CRASHES, "")

    def _perform(self, now: int) -> None:
        """Do what the receiver asks for, acknowledge what is done, and write to the line."""
        while (action := self._receiver.poll()) is not None:
            self._do(action, now)
        self._serial.settle()
        while data := self._serial.link.transmit(now):
            self._line.write(data)

    def _do(self, action: io.Output, now: int) -> None:
        if self._radio.perform(action, now) or self._serial.perform(action):
            return
        if isinstance(action, io.Keep):
            try:
                self._store.put(action.name, action.data)
            except OSError as error:
                detail = action.name + ": " + repr(error)
                self._receiver.handle(io.Fault(reasons.STORE_FAILED, detail), now)
        elif isinstance(action, io.Blink):
            self._lamp.identify(action.seconds, now)
        elif isinstance(action, io.Restart):
            slots.order(action.slot)
            self._end = now + RESTART_MS
        else:
            raise TypeError("output " + repr(action))
