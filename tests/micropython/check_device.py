"""Runs inside MicroPython: the Unix port's store, clock and board, and the firmware's hash."""

import os

from firmware.device import version
from firmware.device.ports import unix
from receiver.link import wire

ROOT = __file__.rsplit("/", 3)[0]
PLACE = os.getenv("TMPDIR", "/tmp") + "/tillsign-check-%d" % unix.time.time_ns()


def check_store():
    store = unix.Store(PLACE)
    assert store.get("key") == b""
    store.put("key", bytes(range(256)))
    store.put("sequence", b"\0\0\0\x41")
    assert store.get("key") == bytes(range(256))
    store.put("key", b"new")
    assert unix.Store(PLACE).get("key") == b"new"
    assert sorted(os.listdir(PLACE)) == ["key", "sequence"]  # nothing half-written stays


def check_interrupted_write():
    """A power cut leaves the old value, whole."""
    with open(PLACE + "/key.new", "wb") as file:
        file.write(b"half")
    store = unix.Store(PLACE)
    assert store.get("key") == b"new"
    store.put("key", b"newer")
    assert store.get("key") == b"newer"


def check_reset_cause():
    store = unix.Store(PLACE)
    assert unix.Board(store).reset_cause() == wire.RESET_POWER
    board = unix.Board(store)
    try:
        board.reset()
    except SystemExit:
        pass
    else:
        raise AssertionError("it went on")
    assert unix.Board(store).reset_cause() == wire.RESET_SOFT
    assert unix.Board(store).reset_cause() == wire.RESET_POWER


def check_clock():
    clock = unix.Clock()
    before = clock.ms()
    assert 0 <= before <= clock.ms() < 60_000


def check_hash():
    first = version.measure(ROOT)
    assert len(first) == version.HASH_SIZE
    assert version.measure(ROOT) == first


def main():
    os.mkdir(PLACE)
    checks = (check_store, check_interrupted_write, check_reset_cause, check_clock, check_hash)
    try:
        for check in checks:
            check()
    finally:
        for name in os.listdir(PLACE):
            os.remove(PLACE + "/" + name)
        os.rmdir(PLACE)
    print(len(checks), "cases")


main()
