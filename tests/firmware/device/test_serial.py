"""The serial pump: whole messages to and from the core, acknowledged when they are done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from firmware.device.serial import Serial
from receiver.core import io
from receiver.link import wire
from receiver.link.arq import QUEUE_MAX, Message
from receiver.link.link import Link, Lost, Raw, Up
from tests.support.values.steps import Steps

CHANNEL = 17


class Core:
    """What the core is told, and what it has to say to a new bridge."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.kept = True

    def settled(self) -> bool:
        return self.kept

    def handle(self, event: Any, now: int) -> None:
        self.events.append(event)


class Ends:
    """The device's pump and a bare link as host, over a line that loses nothing."""

    def __init__(self) -> None:
        self.core = Core()
        self.serial = Serial(Link(b"dev1", b"device", host=False), self.core)
        self.host = Link(b"host", b"host hello", host=True)
        self.heard: list[Any] = []
        self.now = 0
        self.listening = True
        self.steps = Steps(lambda: (self.now, self.heard[-3:]))

    def exchange(self, turns: int = 20) -> None:
        """Carry bytes both ways; the host accepts at once while it listens."""
        for _ in range(turns):
            self.now += 10
            self.host.expire(self.now)
            self.serial.expire(self.now)
            self.host.receive(self.serial.link.transmit(self.now), self.now)
            for event in self.steps.polled(self.host.poll) if self.listening else ():
                self.heard.append(event)
                if isinstance(event, Message):
                    self.host.accept(event.token)
            self.serial.receive(self.host.transmit(self.now), self.now)

    def messages(self) -> list[bytes]:
        return [event.payload for event in self.heard if isinstance(event, Message)]

    def ups(self) -> int:
        return len([event for event in self.core.events if isinstance(event, io.WireUp)])


@pytest.fixture
def ends() -> Ends:
    pair = Ends()
    pair.exchange()
    return pair


def test_a_new_bridge_is_told_to_the_core(ends: Ends) -> None:
    assert ends.core.events == [io.WireUp(b"host hello")]
    assert [event for event in ends.heard if isinstance(event, Up)] == [Up(b"device", True)]


def test_a_crash_is_told_before_any_order_until_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that crashed it may come again at once."""
    monkeypatch.chdir(tmp_path)
    crash = tmp_path / "crash"
    crash.write_text("MemoryError")
    ends = Ends()
    ends.listening = False
    ends.exchange(2)
    assert crash.read_text() == "MemoryError"
    ends.serial.perform(io.Send(CHANNEL, b"offer"))
    ends.listening = True
    ends.exchange(40)
    told, offer = (event for event in ends.heard if isinstance(event, Message))
    assert (told.channel, offer.channel) == (wire.TRACEBACK, CHANNEL)
    assert wire.decode(*told[:2]).data == b"MemoryError"
    assert crash.read_text() == ""


def test_a_command_is_acknowledged_when_all_that_it_asked_for_is_done(ends: Ends) -> None:
    ends.host.send(CHANNEL, b"keep this")
    ends.exchange(3)
    assert ends.core.events[1:] == [io.WireMessage(CHANNEL, b"keep this")]
    seq = ends.serial.link._inbox.seq
    ends.serial.settle()
    assert ends.serial.link._inbox.seq == seq + 1
    ends.serial.settle()
    assert ends.serial.link._inbox.seq == seq + 1


def test_a_command_that_takes_long_work_is_acknowledged_after_it(ends: Ends) -> None:
    ends.host.send(CHANNEL, b"check this")
    ends.exchange(3)
    seq = ends.serial.link._inbox.seq
    ends.core.kept = False
    ends.serial.settle()
    assert ends.serial.link._inbox.seq == seq
    ends.core.kept = True
    ends.serial.settle()
    assert ends.serial.link._inbox.seq == seq + 1


def test_a_command_that_is_repeated_meanwhile_is_done_once(ends: Ends) -> None:
    ends.host.send(CHANNEL, b"once")
    ends.exchange(40)
    ends.serial.settle()
    ends.exchange()
    assert ends.core.events[1:] == [io.WireMessage(CHANNEL, b"once")]


def test_outputs_of_the_core(ends: Ends) -> None:
    assert ends.serial.perform(io.Send(CHANNEL, b"offer"))
    assert ends.serial.perform(io.LogLine("a word"))
    assert not ends.serial.perform(io.Blink(1))
    ends.exchange()
    assert ends.messages() == [b"offer"]


def test_what_found_the_queue_full_is_told_again_when_it_is_empty(ends: Ends) -> None:
    """Phone events must not push an approval out for good."""
    payload = bytes(100)
    ends.listening = False
    for _ in range(QUEUE_MAX // len(payload)):
        ends.serial.perform(io.Send(CHANNEL, payload))
    ends.serial.perform(io.Send(CHANNEL, b"an approval" + payload))
    assert ends.serial.dropped > 0
    assert ends.ups() == 1
    ends.listening = True
    ends.exchange(200)
    assert ends.ups() == 2
    ends.exchange(50)
    assert ends.ups() == 2


def test_a_bridge_that_comes_anew_makes_it_good_as_well(ends: Ends) -> None:
    for _ in range(QUEUE_MAX // 100):
        ends.serial.perform(io.Send(CHANNEL, bytes(100)))
    ends.host = Link(b"hst2", b"another", host=True)
    ends.exchange(200)
    assert ends.core.events[1:] == [io.WireUp(b"another")]


def test_noise_is_not_delivered(ends: Ends) -> None:
    ends.serial.receive(b"\x00Traceback (most recent call last):\r\n\x00", ends.now)
    assert ends.ups() == len(ends.core.events) == 1
    assert not [event for event in ends.heard if isinstance(event, Raw | Lost)]
