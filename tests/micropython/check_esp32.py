"""Runs inside MicroPython: the chip's port, on modules that stand for the chip's own."""

import sys

import fakes

fakes.install()

from firmware.device.boards import esp32c3  # noqa: E402
from firmware.device.ports import esp32  # noqa: E402
from receiver.link import wire  # noqa: E402


class Interpreter:
    """Stands for `sys`, of which the port asks what the machine is called."""

    def __init__(self, machine):
        self.implementation = self
        self._machine = machine
        self.stdin, self.stdout = sys.stdin, sys.stdout


def board(machine="ESP32C3 module with ESP32C3"):
    fakes.PINS.clear()
    fakes.DOGS.clear()
    esp32.sys = Interpreter(machine)
    return esp32.make().board


def check_known_board():
    made = board()
    assert made.name == esp32c3.NAME
    lamp = fakes.PINS[esp32c3.LAMP]
    for on in (True, False):
        made.light(on)
        assert lamp.level == on


def check_unknown_board():
    """It drives no pin."""
    made = board("QEMU virt with rv32imac")
    assert made.name == "QEMU virt with rv32imac"
    made.light(True)
    assert not made.wants_repl()
    assert not fakes.PINS
    assert len(board("x" * 99).name) == 24


def check_button():
    assert not board().wants_repl()
    fakes.PRESSED.append(esp32c3.BUTTON)
    assert board().wants_repl()
    fakes.PRESSED.clear()


def check_watchdog():
    made = board()
    assert not fakes.DOGS
    made.feed()
    made.feed()
    (dog,) = fakes.DOGS
    assert (dog.timeout, dog.fed) == (esp32.WATCHDOG_MS, 2)


def check_reset():
    made = board()
    assert made.reset_cause() == wire.RESET_POWER
    try:
        made.reset()
    except fakes.ResetError:
        return
    raise AssertionError("it went on")


def check_store():
    store = esp32.make().store
    assert store.get("key") == b""
    store.put("key", b"seed")
    assert esp32.make().store.get("key") == b"seed"


def check_clock():
    clock = esp32.make().clock
    before = clock.ms()
    assert 0 <= before <= clock.ms() < 60_000


def main():
    checks = [check_known_board, check_unknown_board, check_button, check_watchdog]
    checks += [check_reset, check_store, check_clock]
    for check in checks:
        check()
    print(len(checks), "cases")


main()
