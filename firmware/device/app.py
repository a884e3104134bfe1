"""Run the device's loop: bytes and interrupts in, the core's outputs out, deadlines kept."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from receiver import reasons
from receiver.core import io
from receiver.link import wire
from receiver.link.link_states import UP

from . import lamp, slots

if TYPE_CHECKING:
    from firmware.device.ports.interface import HostLine, Ports

    from .radio import Radio
    from .serial import Serial
    from .wait import Waiter

STEADY_MS = 60_000  # a start that lasts so long has not crashed
RESTART_MS = 200  # the acknowledgement of the order leaves first
INPUTS_MOST = 4  # in a row while work waits: as many phones may be there
# Slices of work between two collections that have turns of their own, so that fewer come in the
# middle of a slice. Fewer slices make more collections, more gain nothing.
SLICES_MOST = 20
IDLE_MS = 1000  # the loop turns at least this often, to feed the watchdog


class App:
    """Core, line, radio and ports at work."""

    def __init__(
        self,
        serial: Serial,
        radio: Radio,
        line: HostLine,
        platform: Ports,
    ) -> None:
        self._receiver = serial.receiver
        self._radio = radio
        self._serial = serial
        self._line = line
        self._clock = platform.clock
        self._store = platform.store
        self._board = platform.board
        self._taken = 0  # inputs in a row
        self._sliced = 0  # slices since the last collection
        self._well = False
        self._health_due = wire.HEALTH_MS
        self._end: int | None = None  # when to start anew
        self._lamp = lamp.Lamp(platform.board.light)
        self._parts = (self._receiver, radio, self._lamp)
        self._timed = (self._receiver, radio, self._lamp, serial.link)

    def run(self, waiter: Waiter) -> None:
        """Serve until the line is closed from the other side, or it is time to start anew."""
        try:
            while (pause := self.step()) is not None:
                waiter.wait(pause, self._line.writing)
        finally:
            self._receiver.erase()

    def step(self) -> int | None:
        """Make one turn of the loop; return how long nothing is to be done (ms), None at the end.

        An event of the radio, a byte of the host or room for output ends that time.
        """
        if self._is_over() or not self._turn(self._clock.ms()):
            return None
        self._settle()
        self._watch(self._clock.ms())
        self._line.pump()
        return self._patience(self._clock.ms())

    def _is_over(self) -> bool:
        return self._end is not None and self._clock.ms() >= self._end

    def _watch(self, now: int) -> None:
        """Feed the watchdog while the radio runs; a serial failure ends the loop by itself."""
        if self._radio.alive():
            self._board.feed()
        else:
            self._receiver.handle(io.RadioLost(), now)

    def _settle(self) -> None:
        """Keep firmware on trial once radio and bridge are up, if it could sell."""
        if self._well or not self._serial.greeted or not self._radio.alive():
            return
        identity = self._receiver.identity
        if identity.problem is None and identity.fault is None:
            self._well = True
            self._board.keep_image()
            slots.settle()

    def _patience(self, now: int) -> int:
        """Return how long nothing is to be done (ms)."""
        if self._receiver.busy() or self._radio.has_news():
            return 0
        wake = now + IDLE_MS if self._end is None else self._end
        for part in self._timed:
            due = part.deadline()
            if due is not None and due < wake:
                wake = due
        return max(wake - now, 0)

    def _turn(self, now: int) -> bool:
        """Take one input or run one slice of work, then do what is due; False at the line's end.

        One thing a turn: the longest one is how late an answer to the bridge or a phone can be.
        """
        busy = self._receiver.busy()
        if not busy or (self._taken < INPUTS_MOST and not self._receiver.unseals()):
            # In turn: neither a host nor phones that never pause keep the other side waiting.
            event = self._radio.poll() if self._taken & 1 else None
            data = self._line.read() if event is None else None
            if data == b"":
                return False
            busy = not self._take(data, event, now) and busy
        self._taken = 0 if busy else self._taken + 1
        if busy and self._sliced < SLICES_MOST:
            self._sliced += 1
            self._receiver.work(now)
        elif busy:
            self._sliced = 0
            gc.collect()
        up = self._serial.link.state == UP
        self._lamp.show(lamp.state_of(self._receiver, up), now)
        self._expire(now)
        self._perform(now)
        return True

    def _take(self, data: bytes | None, event: io.RadioEvent | None, now: int) -> bool:
        """Handle what the host has said, or an event of the radio; False if there is neither."""
        if data is not None:
            self._serial.receive(data, now)
            return True
        if event is None:
            event = self._radio.poll()
        if event is not None:
            self._receiver.handle(event, now)
        return event is not None

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
            if slots.order(action.slot, action.service):
                self._end = now + RESTART_MS
            else:
                self._receiver.report.count(reasons.NOT_VERIFIED, "slot %d" % action.slot)
        else:
            raise TypeError("output " + repr(action))
