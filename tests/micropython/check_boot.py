"""Runs inside MicroPython: what a start makes of a store that fails and of marks left before."""

from firmware.device import boot, slots, version
from receiver import reasons
from receiver.crypto import portable
from receiver.encoding import schema
from receiver.link import wire
from receiver.protocol import enrolment
from tests.micropython import shared

SEED = bytes(range(32))
STORED = schema.encode(enrolment.STORED, enrolment.Stored(SEED, b"", b"\xa0", 7, 3))


class Platform:
    """Store, board and source of randomness. `fails` names what raises an error."""

    name = "check"

    def __init__(self, fails=(), cause=wire.RESET_POWER, fits=True, **kept):
        self.kept, self.fails = kept, fails
        self.store = self.board = self
        self.cause, self.fits = cause, fits

    def get(self, name):
        if name in self.fails:
            raise OSError(-0x110C)
        return self.kept.get(name, b"")

    def put(self, name, data):
        if "put" in self.fails:
            raise OSError(28)
        self.kept[name] = data

    def entropy(self, size):
        return bytes([7]) * size

    def reset_cause(self):
        return self.cause


def fault(platform):
    found = boot.identity(platform, portable).fault
    return found.code if found else None


def hello(platform):
    data = boot._hello(platform, boot.identity(platform, portable))
    return schema.decode(wire.RECEIVER_HELLO, data, wire.ReceiverHello)


def check_a_new_board_has_no_key_and_makes_none():
    platform = Platform()
    assert fault(platform) is None
    assert platform.kept == {}
    identity = boot.identity(platform, portable)
    assert (identity.receiver_id, identity.certificate, identity.till) == (bytes(8), None, 0)


def check_an_enrolled_board():
    identity = boot.identity(Platform(enrolment=STORED, sequence=b"\0\0\1\0"), portable)
    assert (identity.fault, identity.till, identity.reserved) == (None, 7, 256)
    stored = schema.decode(enrolment.STORED, identity.renewed(b"new"), enrolment.Stored)
    assert stored == (SEED, b"new", b"\xa0", 7, 3)


def check_a_store_that_fails():
    """The receiver sells nothing, and what cannot be read is not replaced."""
    for name in ("sequence", "enrolment"):
        platform = Platform((name,), enrolment=STORED)
        assert fault(platform) == reasons.STORE_FAILED, name
        assert platform.kept == {"enrolment": STORED}, name
    assert fault(Platform(enrolment=STORED)) is None


def check_an_enrolment_that_is_damaged():
    wrong_pins = enrolment.Stored(SEED, b"", b"pins", 7, 3)
    for broken in (b"x", STORED[:-1], STORED + b"x", schema.encode(enrolment.STORED, wrong_pins)):
        platform = Platform(enrolment=broken)
        assert fault(platform) == reasons.STORE_FAILED
        assert platform.kept["enrolment"] == broken


def check_an_image_for_another_board():
    assert fault(Platform(enrolment=STORED, fits=False)) == reasons.WRONG_IMAGE


def check_hello_names_fault_and_crashes():
    slots.write(slots.CRASHES, "xxx")
    said = hello(Platform(("sequence",), enrolment=STORED))
    assert (said.fault, said.crashes, said.board) == (reasons.STORE_FAILED, 3, "check")
    slots.write(slots.CRASHES, "x" * 999)
    assert hello(Platform()).crashes == 255
    slots.write(slots.CRASHES, "")
    assert (hello(Platform()).fault, hello(Platform()).crashes) == (0, 0)


def check_reset_causes():
    """A mark tells an order from a panic; the hardware knows better about watchdog and supply."""
    for cause, mark, expected in (
        (wire.RESET_POWER, "", wire.RESET_POWER),
        (wire.RESET_PANIC, "", wire.RESET_PANIC),
        (wire.RESET_PANIC, str(wire.RESET_CRASH), wire.RESET_CRASH),
        (wire.RESET_PANIC, str(wire.RESET_UPDATE), wire.RESET_UPDATE),
        (wire.RESET_POWER, str(wire.RESET_PLANNED), wire.RESET_PLANNED),
        (wire.RESET_WATCHDOG, str(wire.RESET_CRASH), wire.RESET_WATCHDOG),
        (wire.RESET_BROWN_OUT, str(wire.RESET_CRASH), wire.RESET_BROWN_OUT),
        (wire.RESET_PANIC, "\x80?", wire.RESET_PANIC),
        (wire.RESET_PANIC, "99", wire.RESET_PANIC),
    ):
        slots.write(slots.RESET, mark)
        assert hello(Platform(cause=cause)).reset_cause == expected, (cause, mark)
        assert slots.read(slots.RESET) == ""  # it counts once
        assert hello(Platform(cause=cause)).reset_cause == cause


version.FROZEN_HASH = b"builders"
shared.run(
    check_a_new_board_has_no_key_and_makes_none,
    check_an_enrolled_board,
    check_a_store_that_fails,
    check_an_enrolment_that_is_damaged,
    check_an_image_for_another_board,
    check_hello_names_fault_and_crashes,
    check_reset_causes,
)
