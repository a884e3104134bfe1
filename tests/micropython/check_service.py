"""Runs inside MicroPython: the loop of service mode in time that jumps, and its lamp."""

import fakes

from firmware.device import lamp, service, version
from firmware.device.ports import esp32
from firmware.device.ports.interface import Console
from receiver import reasons
from receiver.link import service_wire, wire
from receiver.link.link import Link
from tests.micropython import shared

C3 = "ESP32C3 module with ESP32C3"


class Time:
    def __init__(self):
        self.now = 0

    def ms(self):
        return self.now

    def wait(self, patience, _writing):
        assert 0 <= patience <= service.TURN_MS
        self.now += patience or 1


class Line:
    """Stands for the line; a host on it speaks only when `speaks` is set."""

    writing = False

    def __init__(self, time):
        self.time = time
        self.host = Link(b"host", b"\xa0", host=True)
        self.speaks = False
        self.closed = False
        self.said = b""

    def read(self):
        if self.closed:
            return b""
        if not self.speaks:
            return None
        return self.host.transmit(self.time.now) or None

    def write(self, data):
        self.said += data
        if self.speaks:
            self.host.receive(data, self.time.now)
            while (event := self.host.poll()) is not None:
                if hasattr(event, "channel") and hasattr(event, "payload"):
                    self.host.accept(event.token)

    def pump(self):
        pass


class Bench:
    """A board in service mode. `gap`: the longest time in which the watchdog was not fed.

    `lit`: when the lamp changed in the first seconds.
    """

    def __init__(self, fault=reasons.IN_SERVICE):
        self.time = Time()
        self.line = Line(self.time)
        self.fed = self.gap = 0
        self.lit = []
        self.name = "check"
        console = Console(None, None, self.time, self)
        self.service = service.Service(console, self.line, self.time, self.feed, fault)

    def feed(self):
        self.gap = max(self.gap, self.time.now - self.fed)
        self.fed = self.time.now

    def light(self, colour):
        if self.time.now < 10_000:
            self.lit.append((self.time.now, colour))

    def reset_cause(self):
        return wire.RESET_POWER

    def colour_at(self, now):
        return [colour for at, colour in self.lit if at <= now][-1]


def check_it_ends_by_itself_without_an_order():
    bench = Bench()
    bench.service.run()
    assert service.IDLE_MS <= bench.time.now < service.IDLE_MS + 2 * service.TURN_MS
    assert bench.gap <= service.TURN_MS


def check_a_line_that_closes_ends_it():
    bench = Bench()
    bench.line.closed = True
    bench.service.run()
    assert bench.time.now == 0


def check_the_lamp_tells_service_from_a_fault():
    for fault, state in ((reasons.IN_SERVICE, lamp.SERVICE), (reasons.CRASH_LOOP, lamp.FAULT)):
        bench = Bench(fault)
        bench.service.run()
        colour, lit = lamp.PATTERNS[state]
        for step in range(2 * lamp.STEPS):
            expected = colour if lit[step % lamp.STEPS] == "#" else 0
            assert bench.colour_at(step * lamp.STEP_MS + service.TURN_MS) == expected, step


def check_an_order_that_cannot_be_loaded_is_refused_by_name():
    """As with kernels for another chip, or without memory for them. RESTART still works."""
    for error, reason in (
        (ValueError("incompatible .mpy arch"), reasons.WRONG_IMAGE),
        (MemoryError(), reasons.OUT_OF_MEMORY),
    ):
        bench = Bench()

        def load(error=error):
            raise error

        refused = []
        bench.service._load = load
        bench.service._refuse = lambda *what, refused=refused: refused.append(what)
        bench.line.speaks = True
        sent = bench.line.host.send(service_wire.READ, service_wire.encode(service_wire.READ, ()))
        assert sent
        restart = wire.encode(wire.RESTART, wire.Restart(0, 0))
        assert bench.line.host.send(wire.RESTART, restart)
        bench.service.run()
        assert refused == [(service_wire.READ, reason)], refused
        assert bench.time.now < 5_000


def check_the_console_of_a_board_drives_its_lamp_and_starts_no_radio():
    fakes.PINS.clear()
    chip = type("Sys", (), {"implementation": type("I", (), {"_machine": C3})})
    sys, esp32.sys = esp32.sys, chip
    try:
        board = esp32.Board()
    finally:
        esp32.sys = sys
    assert board.name == "esp32-c3-devkitm-1"
    assert list(fakes.PINS) == [8]


version.FROZEN_HASH = b"builders"
shared.run(
    check_it_ends_by_itself_without_an_order,
    check_a_line_that_closes_ends_it,
    check_the_lamp_tells_service_from_a_fault,
    check_an_order_that_cannot_be_loaded_is_refused_by_name,
    check_the_console_of_a_board_drives_its_lamp_and_starts_no_radio,
)
