"""Runs inside MicroPython: the chip's port, on modules that stand for the chip's own."""

import os
import sys

import fakes

from firmware.device import boards, lamp
from firmware.device.boards import choice
from firmware.device.ports import esp32
from firmware.device.ports.light import Light
from receiver.link import wire
from receiver.protocol.enrolment import STORED_MOST
from tests.micropython import shared

C3 = "ESP32C3 module with ESP32C3"
S3 = "Generic ESP32S3 module with Octal-SPIRAM with ESP32S3"
QEMU = "QEMU virt with rv32imac"
# What the interpreter says, what flashing wrote, and the board that this is.
CHOICES = (
    (C3, "", "esp32-c3-devkitm-1"),
    (C3, "esp32-c3-supermini\n", "esp32-c3-supermini"),
    (S3, "", "esp32-s3-devkitc-1"),
    ("Generic ESP32S3 module with ESP32S3", "", "esp32-s3-devkitc-1"),
    (S3, "esp32-s3-devkitc-1-v1.0 locked", "esp32-s3-devkitc-1-v1.0"),
    ("ESP32C6 module with ESP32C6", "", "esp32-c6-devkitc-1"),
    ("Generic ESP32 module with ESP32", "", "esp32-devkitc"),
    ("Generic ESP32 module with SPIRAM with ESP32", "\n", "esp32-devkitc"),
    ("M5Stack ATOM with ESP32-PICO-D4", "", "m5stack-atom"),
    ("FeatherS3 with ESP32-S3", "", None),
    ("LOLIN_C3_MINI with ESP32-C3FH4", "", None),
    ("Generic ESP32S2 module with ESP32S2", "", None),
    (C3, "no-such-board", None),
    (C3, "esp32-devkitc", None),  # flashed for another chip
    (QEMU, "", None),
    ("", "", None),
)
# Lines of flash and PSRAM: driving one stops the chip.
TAKEN = {
    "ESP32": (6, 7, 8, 9, 10, 11, 16, 17),
    "ESP32-PICO-D4": (6, 7, 8, 9, 10, 11, 16, 17),
    "ESP32S3": range(26, 38),
    "ESP32C3": range(12, 18),
    "ESP32C6": range(24, 31),
}


class Interpreter:
    """Stands for `sys`, of which the port asks what the machine is called."""

    def __init__(self, machine):
        self.implementation = self
        self._machine = machine
        self.stdin, self.stdout = sys.stdin, sys.stdout


class Pins:
    LAMP_PIN = 8

    def __init__(self, kind):
        self.LAMP = kind


def board(machine=C3, flashed=""):
    with open("board", "w") as file:
        file.write(flashed)
    for kept in (fakes.PINS, fakes.DOGS, fakes.SENT):
        kept.clear()
    esp32.sys = Interpreter(machine)
    return esp32.make().board


def driven():
    return [number for number, pin in fakes.PINS.items() if pin.mode == fakes.Pin.OUT]


def check_choice():
    for machine, flashed, name in CHOICES:
        made = board(machine, flashed)
        assert made.name == (name or machine[:24]), (machine, flashed, made.name)
        if name is None:
            assert not fakes.PINS, machine
            made.light(0xFFFFFF)
            assert not fakes.SENT


def check_unknown_name_is_cut():
    assert len(board("x" * 99).name) == wire.BOARD_MOST


def check_without_a_file():
    os.remove("board")
    esp32.sys = Interpreter(C3)
    assert esp32.make().board.name == "esp32-c3-devkitm-1"


def check_every_pin_map():
    """HELLO has room for its name; no pin is one of the flash's."""
    names = {name for _, _, name in CHOICES if name}
    assert len(names) == 7  # as many as there are files
    for name in names:
        pins = choice.choose("", name)
        assert name == pins.NAME
        assert len(name) <= wire.BOARD_MOST
        assert choice.fits("any with " + pins.CHIP, pins)
        assert pins.LAMP_PIN not in TAKEN[pins.CHIP]
        assert pins.BUTTON not in TAKEN[pins.CHIP]
        assert (pins.LAMP_PIN == -1) == (pins.LAMP == boards.NO_LAMP)


def check_addressable_lamp():
    """Green comes first on the wire. While it boots the lamp is lit."""
    made = board(C3)
    assert driven() == [8]
    made.light(0x123456)
    made.light(0)
    booting = lamp.BOOTING_COLOUR.to_bytes(3, "big")
    assert [data for _, data in fakes.SENT] == [booting, b"\x34\x12\x56", bytes(3)]
    assert {timing for timing, _ in fakes.SENT} == {(400, 850, 800, 450)}


def check_lamp_on_a_pin():
    fakes.SENT.clear()
    for kind, lit in ((boards.LIT_BY_LOW, 0), (boards.LIT_BY_HIGH, 1)):
        made = Light(Pins(kind))
        assert fakes.PINS[8].level == 1 - lit
        for colour in (0x000001, 0, 0x100000, 0):
            made.light(colour)
            assert fakes.PINS[8].level == (lit if colour else 1 - lit), (kind, colour)
    assert not fakes.SENT


def check_board_without_a_lamp():
    made = board("Generic ESP32 module with ESP32")
    made.light(0x101010)
    assert not driven()


def check_watchdog():
    made = board()
    assert not fakes.DOGS
    made.feed()
    made.feed()
    (dog,) = fakes.DOGS
    assert (dog.timeout, dog.fed) == (esp32.WATCHDOG_MS, 2)


REGISTERS = {C3: 0x60008038, S3: 0x60008038, "ESP32C6 module with ESP32C6": 0x600B0410}
REGISTERS["Generic ESP32 module with ESP32"] = 0x3FF48034


def check_reset_causes():
    made = board()
    fakes.MEMORY[0x60008038] = 1
    for said, cause in (
        (fakes.Machine.PWRON_RESET, wire.RESET_POWER),
        (fakes.Machine.HARD_RESET, wire.RESET_PANIC),
        (fakes.Machine.WDT_RESET, wire.RESET_WATCHDOG),
        (fakes.Machine.SOFT_RESET, wire.RESET_SOFT),
        (fakes.Machine.DEEPSLEEP_RESET, wire.RESET_OTHER),
        (0, wire.RESET_OTHER),
    ):
        fakes.CAUSES[0] = said
        assert made.reset_cause() == cause, said
    fakes.CAUSES[0] = fakes.Machine.PWRON_RESET


def check_brown_out():
    """The system calls it a power-up; the chip's own register does not. Its upper bits say more."""
    for machine, register in REGISTERS.items():
        fakes.MEMORY.clear()
        for value, cause in (
            (0x3041, wire.RESET_POWER),
            (15, wire.RESET_BROWN_OUT),
            (0x304C, wire.RESET_BROWN_OUT),
        ):
            fakes.MEMORY[register] = value
            assert board(machine).reset_cause() == cause, (machine, value)
    fakes.MEMORY.clear()
    assert board(QEMU).reset_cause() == wire.RESET_POWER  # it has no such register


def check_reset():
    try:
        board().reset()
    except fakes.ResetError:
        return
    raise AssertionError("it went on")


def check_image_for_another_chip():
    assert not board(C3, "esp32-devkitc").fits
    assert board(C3, "esp32-c3-supermini").fits
    for unknown in ((C3, "no-such-board"), (QEMU, ""), ("", "")):
        assert board(*unknown).fits, unknown


def refused(act, *arguments):
    """The number of the error."""
    try:
        act(*arguments)
    except OSError as error:
        return error.errno
    raise AssertionError("no error")


def check_store():
    store = esp32.make().store
    assert store.get("key") == b""
    store.put("key", b"seed")
    assert esp32.make().store.get("key") == b"seed"
    largest = bytes(STORED_MOST)
    store.put("enrolment", largest)
    assert store.get("enrolment") == largest


def check_value_that_cannot_be_read():
    """It does not look empty, whether too long or unreadable."""
    store = esp32.make().store
    fakes.FLASH[esp32.NAMESPACE, "long"] = bytes(STORED_MOST + 1)
    assert refused(store.get, "long") == fakes.INVALID_LENGTH
    for error in (fakes.CORRUPT, fakes.INVALID_LENGTH, 12):
        fakes.FAILS["get_blob"] = error
        assert refused(store.get, "key") == error
        fakes.FAILS["open"] = error
        assert refused(store.get, "key") == error
        fakes.FAILS.clear()
    assert store.get("key") == b"seed"


def check_write_that_fails():
    store = esp32.make().store
    for step in ("open", "set_blob", "commit"):
        fakes.FAILS[step] = fakes.NO_SPACE
        assert refused(store.put, "key", b"other") == fakes.NO_SPACE, step
        fakes.FAILS.clear()
    assert store.get("key") == b"seed"


def check_write_that_is_lost():
    """Nothing raises, and the old value is still there."""
    store = esp32.make().store
    fakes.FAILS["lose"] = True
    assert refused(store.put, "key", b"other") == esp32.BAD_WRITE
    fakes.FAILS.clear()


def check_clock():
    clock = esp32.make().clock
    before = clock.ms()
    assert 0 <= before <= clock.ms() < 60_000


shared.run(
    check_choice,
    check_unknown_name_is_cut,
    check_without_a_file,
    check_every_pin_map,
    check_addressable_lamp,
    check_lamp_on_a_pin,
    check_board_without_a_lamp,
    check_watchdog,
    check_reset_causes,
    check_brown_out,
    check_reset,
    check_image_for_another_chip,
    check_store,
    check_value_that_cannot_be_read,
    check_write_that_fails,
    check_write_that_is_lost,
    check_clock,
)
