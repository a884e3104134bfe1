"""Runs inside MicroPython: the lamp of the safe mode, in time that jumps."""

import sys

import fakes

from firmware.device import lamp, safe, version
from tests.micropython import shared

C3 = "ESP32C3 module with ESP32C3"
UNIX = sys.implementation._machine


class Chip:
    """Stands for `sys`, `time` and `select`: it is later once the loop waits, and no byte comes."""

    POLLIN = 1

    def __init__(self, machine):
        self.now = 0
        self.stdin = self.stdout = self.buffer = self.implementation = self
        self.path = sys.path
        self.said = b""
        self._machine = machine

    def __getitem__(self, _number):
        return "micropython"

    def ticks_ms(self):
        return self.now

    def ticks_diff(self, end, start):
        return end - start

    def poll(self, patience=None):
        if patience is None:
            return self
        self.now += patience
        return False

    def register(self, _stream, _events):
        pass

    def write(self, data):
        self.said += data


class OverError(Exception):
    """The test has seen enough."""


def run(ms, machine, flashed=""):
    """When the lamp was lit in so long, and what was sent to it."""
    chip, shown = Chip(machine), []
    with open("board", "w") as file:
        file.write(flashed)
    fakes.PINS.clear()
    fakes.SENT.clear()

    def feed():
        if chip.now >= ms:
            raise OverError
        shown.append(chip.now)

    safe.sys = safe.time = safe.select = chip
    try:
        safe.main(feed)
    except OverError:
        return chip.said, shown, [data for _, data in fakes.SENT]
    raise AssertionError("it ended by itself")


def check_it_blinks_as_what_sells_nothing():
    """Its loop turns more often than the pattern has steps."""
    colour, lit = lamp.PATTERNS[lamp.FAULT]
    assert colour == 0x300000
    _, turns, sent = run(4_000, C3)
    assert len(turns) == len(sent) == 40
    for n, now in enumerate(turns):
        red = lit[now // lamp.STEP_MS % lamp.STEPS] == "#"
        assert sent[n] == (b"\x00\x30\x00" if red else bytes(3)), now
    assert list(fakes.PINS) == [8]


def check_it_tells_the_name_of_the_board():
    assert b"esp32-c3-supermini" in run(1, C3, "esp32-c3-supermini")[0]
    assert UNIX[:24].encode() in run(1, UNIX)[0]


def check_a_board_that_is_not_known_drives_no_pin():
    for machine, flashed in ((C3, "no-such-board"), (C3, "esp32-devkitc"), (UNIX, ""), ("", "")):
        assert run(1_000, machine, flashed)[2] == []
        assert not fakes.PINS


version.FROZEN_HASH = b"builders"
shared.run(
    check_it_blinks_as_what_sells_nothing,
    check_it_tells_the_name_of_the_board,
    check_a_board_that_is_not_known_drives_no_pin,
)
