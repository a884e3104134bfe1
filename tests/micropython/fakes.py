"""Stands for a chip's `machine`, `esp32` and `bluetooth`; import it before the port."""

import sys

# ESP_ERR_NVS_NOT_FOUND, _NOT_ENOUGH_SPACE, _INVALID_LENGTH, ESP_ERR_FLASH_OP_FAIL
NOT_FOUND, NO_SPACE, INVALID_LENGTH, CORRUPT = -0x1102, -0x1105, -0x110C, -0x6001
PINS = {}  # number → what was made of it
PRESSED = []  # numbers of pins that a button pulls low
DOGS = []  # watchdogs
SENT = []  # (timing, bytes) to an addressable lamp
FLASH = {}  # (namespace, name) → blob
FAILS = {}  # step of the store → number of its error; "lose": writes that change nothing
CAUSES = [1]  # of the last reset, as `machine` numbers it
RAN = []  # names of firmware that ran
MEMORY = {}  # address → word


class ResetError(Exception):
    """The chip reset itself."""


class Pin:
    OUT, IN, PULL_UP = 3, 1, 2

    def __init__(self, number, mode, pull=None, value=None):
        self.mode, self.pull, self.level = mode, pull, value
        if mode == Pin.IN:
            self.level = 0 if number in PRESSED else 1
        PINS[number] = self

    def value(self, *level):
        if level:
            (self.level,) = level
        return self.level


class WDT:
    def __init__(self, timeout):
        self.timeout, self.fed = timeout, 0
        DOGS.append(self)

    def feed(self):
        self.fed += 1


class Machine:
    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
    Pin, WDT, mem32 = Pin, WDT, MEMORY

    @staticmethod
    def bitstream(pin, encoding, timing, data):
        assert pin.mode == Pin.OUT
        assert encoding == 0
        SENT.append((timing, bytes(data)))

    @staticmethod
    def reset_cause():
        return CAUSES[0]

    @staticmethod
    def reset():
        raise ResetError


def attempt(step):
    if step in FAILS:
        raise OSError(FAILS[step], "scripted")


class NVS:
    def __init__(self, namespace):
        attempt("open")
        self.namespace, self.written = namespace, {}

    def get_blob(self, name, buffer):
        attempt("get_blob")
        data = FLASH.get((self.namespace, name))
        if data is None:
            raise OSError(NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        if len(data) > len(buffer):
            raise OSError(INVALID_LENGTH, "ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(data)] = data
        return len(data)

    def set_blob(self, name, data):
        attempt("set_blob")
        self.written[self.namespace, name] = bytes(data)

    def commit(self):
        attempt("commit")
        if "lose" not in FAILS:
            FLASH.update(self.written)


class Esp32:
    NVS = NVS


class Bluetooth:
    UUID = str
    BLE = object


sys.modules["machine"] = Machine
sys.modules["esp32"] = Esp32
sys.modules["bluetooth"] = Bluetooth
