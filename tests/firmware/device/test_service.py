"""Service mode after crashes, in the real interpreter with the bridge's end of its line."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.tools.bundle.slot import Machine
from receiver import reasons
from receiver.encoding import schema
from receiver.link import link, service_wire, wire
from simulator.world.receiver_command import DEVICE, slot
from tests.conftest import SlotOf
from tests.support.values.evidence import REFERENCE, SEK
from tests.support.values.micropython import interpreter

pytestmark = pytest.mark.processes
OWN = schema.encode(wire.BRIDGE_HELLO, wire.BridgeHello(1, 1, b"bridge01", 7))
PATIENCE_S = 20
ORDER = wire.Open(REFERENCE, 0, 100, SEK, 7, 60, b"")


class Bridge:
    """The loader with three crashes behind it, and the link to it."""

    def __init__(self, place: Path, crash: str) -> None:
        if not (place / "a").exists():
            slot(place / "a")
        for name, text in (("slot", "a"), ("crashes", "xxx"), ("reset", "6"), ("crash", crash)):
            (place / name).write_text(text)
        self.place = place
        self.board = subprocess.Popen(
            [interpreter(), str(DEVICE / "main.py")],
            cwd=place,
            env={"MICROPYPATH": ".frozen"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.board.stdin
        assert self.board.stdout
        self._to, self._from = self.board.stdin, self.board.stdout
        os.set_blocking(self._from.fileno(), False)
        self.link = link.Link(b"host", OWN, host=True)

    def until(self, kind: type, channel: int = 0) -> Any:
        """The next event of this kind."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            now = int(time.monotonic() * 1000)
            self.link.receive(self._from.read() or b"", now)
            due = self.link.deadline()
            if due is not None and due <= now:
                self.link.expire(now)
            while (event := self.link.poll()) is not None:
                if isinstance(event, link.Message):
                    self.link.accept(event.token)
                if isinstance(event, kind) and channel == getattr(event, "channel", 0):
                    return event
            while data := self.link.transmit(now):
                self._to.write(data)
                self._to.flush()
            time.sleep(0.005)
        raise AssertionError(f"no {kind.__name__}")

    def up(self) -> wire.ReceiverHello:
        hello: wire.ReceiverHello = schema.decode(
            wire.RECEIVER_HELLO, self.until(link.Up).hello, wire.ReceiverHello
        )
        return hello

    def send(self, channel: int, value: Any) -> None:
        assert self.link.send(channel, wire.encode(channel, value))

    def answer(self, channel: int) -> Any:
        found = service_wire if channel in service_wire.LAYOUTS else wire
        return found.decode(channel, self.until(link.Message, channel).payload)


@pytest.fixture
def crash() -> str:
    return "Traceback\n  File x\nValueError: broken\n"


@pytest.fixture
def bridge(tmp_path: Path, crash: str) -> Iterator[Bridge]:
    one = Bridge(tmp_path, crash)
    yield one
    one.board.kill()
    one.board.communicate()


@pytest.mark.parametrize(
    ("crash", "fault"),
    [
        ("MemoryError", reasons.OUT_OF_MEMORY),
        ("Traceback\nMemoryError: memory allocation failed\n", reasons.OUT_OF_MEMORY),
        ("ValueError: incompatible .mpy arch\n", reasons.WRONG_IMAGE),
        ("ValueError: broken\n", reasons.CRASH_LOOP),
        ("", reasons.CRASH_LOOP),  # it hung, or the interpreter panicked
    ],
)
def test_it_says_why_nothing_is_sold(bridge: Bridge, fault: int) -> None:
    hello = bridge.up()
    assert (hello.fault, hello.crashes, hello.receiver_id) == (fault, 3, bytes(8))
    assert hello.reset_cause == wire.RESET_CRASH
    assert bridge.answer(wire.SYNC) == wire.Opened(b"", b"", reasons.OK)
    for _ in range(2):
        bridge.send(wire.OPEN, ORDER)
        assert bridge.answer(wire.OFFER) == wire.Opened(REFERENCE, b"", fault)


def test_it_tells_of_the_crash(bridge: Bridge, crash: str) -> None:
    bridge.up()
    assert bridge.answer(wire.TRACEBACK).data == crash.encode()
    assert (bridge.place / "crash").read_text() == crash  # for the firmware's next try


def test_it_takes_other_firmware(bridge: Bridge) -> None:
    bridge.up()
    bridge.send(wire.CANCEL, wire.Cancel(REFERENCE, reasons.WITHDRAWN))  # and what else there is
    (bridge.place / "b").mkdir()
    (bridge.place / "b/manifest").touch()
    bridge.send(wire.RESTART, wire.Restart(2, 0))
    for channel in (wire.CANCEL, wire.RESTART):  # acknowledged, or the next start had it again
        bridge.until(link.Delivered, channel)
    assert bridge.board.wait(PATIENCE_S) == 0
    assert (bridge.place / "slot.next").read_text() == "b"
    assert (bridge.place / "crashes").read_text() == "xxxx"


def test_it_takes_no_firmware_that_is_not_whole(bridge: Bridge) -> None:
    bridge.up()
    (bridge.place / "b").mkdir()
    for slot_number in (1, 2):
        bridge.send(wire.RESTART, wire.Restart(slot_number, 0))
        refused = service_wire.OrderRefused(wire.RESTART, reasons.NOT_VERIFIED)
        assert bridge.answer(service_wire.ORDER_REFUSED) == refused
    assert bridge.board.poll() is None
    assert not (bridge.place / "slot.next").exists()


def test_a_built_slot_has_it_too(tmp_path: Path, slot_of: SlotOf) -> None:
    (tmp_path / "a").symlink_to(slot_of(Machine()).folder)
    bridge = Bridge(tmp_path, "MemoryError")
    try:
        assert bridge.up().fault == reasons.OUT_OF_MEMORY
        bridge.send(wire.OPEN, ORDER)
        assert bridge.answer(wire.OFFER).reason == reasons.OUT_OF_MEMORY
    finally:
        bridge.board.kill()
        bridge.board.communicate()


def test_it_starts_anew_from_the_same_firmware(bridge: Bridge) -> None:
    bridge.up()
    bridge.send(wire.RESTART, wire.Restart(0, 0))
    bridge.until(link.Delivered, wire.RESTART)
    assert bridge.board.wait(PATIENCE_S) == 0
    assert not (bridge.place / "slot.next").exists()
