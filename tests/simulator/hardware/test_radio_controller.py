"""The virtual controller, spoken to in raw HCI as NimBLE's host does it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest
from bumble.controller import Controller
from bumble.hci import Address

from simulator.hardware.radio.air import Air
from simulator.hardware.radio.connection import RadioConnection
from simulator.hardware.radio.controller import RadioController

COMMAND_COMPLETE = 0x0E
COMMAND_STATUS = 0x0F
ADVERTISING = (0x20, 0x20, 0, 0, 0, bytes(6), 7, 0)

# What NimBLE's host sends at start-up and as a peripheral: op code, parameters.
NIMBLE = {
    "reset": (0x0C03, b""),
    "read local version": (0x1001, b""),
    "read local supported commands": (0x1002, b""),
    "read local supported features": (0x1003, b""),
    "set event mask": (0x0C01, bytes.fromhex("9080000200800020")),
    "set event mask page 2": (0x0C63, bytes.fromhex("0000800000000000")),
    "LE set event mask": (0x2001, bytes.fromhex("7ffe0f0000000000")),
    "LE read buffer size": (0x2002, b""),
    "LE read local supported features": (0x2003, b""),
    "read BD_ADDR": (0x1009, b""),
    "set controller to host flow control": (0x0C31, b"\x01"),
    "host buffer size": (0x0C33, struct.pack("<HBHH", 255, 0, 12, 0)),
    "LE set random address": (0x2005, bytes.fromhex("0102030405c6")),
    "LE address resolution off": (0x202D, b"\x00"),
    "LE clear resolving list": (0x2029, b""),
    "LE add to resolving list": (0x2027, bytes(39)),
    "LE set RPA timeout": (0x202E, struct.pack("<H", 900)),
    "LE set privacy mode": (0x204E, bytes(8)),
    "LE rand": (0x2018, b""),
    "LE read suggested data length": (0x2023, b""),
    "LE write suggested data length": (0x2024, struct.pack("<HH", 251, 2120)),
    "LE read maximum data length": (0x202F, b""),
    "LE set default PHY": (0x2031, bytes.fromhex("000101")),
    "LE set advertising parameters": (0x2006, struct.pack("<HHBBB6sBB", *ADVERTISING)),
    "LE set advertising data": (0x2008, b"\x03\x02\x01\x06" + bytes(28)),
    "LE set scan response data": (0x2009, bytes(32)),
    "LE advertise": (0x200A, b"\x01"),
    "LE stop advertising": (0x200A, b"\x00"),
}
# Commands about connection 0, which does not exist.
ON_A_LINK = {
    "disconnect": (0x0406, struct.pack("<HB", 0, 0x13)),
    "read remote version": (0x041D, b"\0\0"),
    "LE connection update": (0x2013, struct.pack("<HHHHHHH", 0, 24, 24, 0, 100, 0, 0)),
    "LE read remote features": (0x2016, b"\0\0"),
    "LE set data length": (0x2022, struct.pack("<HHH", 0, 251, 2120)),
    "LE set PHY": (0x2032, struct.pack("<HBBBH", 0, 0, 1, 1, 0)),
    "read RSSI": (0x1405, b"\0\0"),
}


class Host:
    """Collects what a controller answers."""

    def __init__(self) -> None:
        self.packets: asyncio.Queue[bytes] = asyncio.Queue()

    def on_packet(self, packet: bytes) -> None:
        self.packets.put_nowait(packet)

    async def answer(self, op_code: int) -> int:
        """The status in the answer to a command."""
        packet = await asyncio.wait_for(self.packets.get(), 1)
        if packet[1] == COMMAND_COMPLETE:
            answered, status = struct.unpack_from("<HB", packet, 4)
        else:
            assert packet[1] == COMMAND_STATUS
            status, _, answered = struct.unpack_from("<BBH", packet, 3)
        assert answered == op_code
        assert isinstance(status, int)
        return status


def command(op_code: int, parameters: bytes) -> bytes:
    return struct.pack("<BHB", 1, op_code, len(parameters)) + parameters


@pytest.fixture
async def host() -> Host:
    return Host()


@pytest.fixture
async def controller(host: Host) -> RadioController:
    return RadioController("under test", Air(), host)


async def test_every_command_of_nimble_succeeds(controller: RadioController, host: Host) -> None:
    for name, (op_code, parameters) in NIMBLE.items():
        controller.on_packet(command(op_code, parameters))
        assert await host.answer(op_code) == 0, name
    assert host.packets.empty()


@pytest.mark.parametrize("name", ON_A_LINK)
async def test_without_the_link_a_command_is_refused(
    controller: RadioController, host: Host, name: str
) -> None:
    op_code, parameters = ON_A_LINK[name]
    controller.on_packet(command(op_code, parameters))
    assert await host.answer(op_code) != 0


def advertising_every(interval: int) -> bytes:
    """Parameters of LE Set Advertising Parameters."""
    return struct.pack("<HHBBB6sBB", interval, interval, *ADVERTISING[2:])


@pytest.mark.parametrize(
    ("op_code", "parameters", "status"),
    [
        *[pytest.param(op_code, b"\0", 0x01, id="unknown") for op_code in (0x2088, 0xFC01, 0x0C7F)],
        pytest.param(0x2006, b"\0", 0x12, id="malformed"),
        *[
            pytest.param(0x2006, advertising_every(interval), 0x12, id="interval out of range")
            for interval in (0, 0x1F, 0x4001)
        ],
        pytest.param(0x200E, b"", 0x0C, id="cancels nothing"),
    ],
)
async def test_a_refused_command_is_answered(
    controller: RadioController, host: Host, op_code: int, parameters: bytes, status: int
) -> None:
    controller.on_packet(command(op_code, parameters))
    assert await host.answer(op_code) == status


async def test_host_flow_control_has_no_answer(controller: RadioController, host: Host) -> None:
    controller.on_packet(command(0x0C35, struct.pack("<BHH", 1, 0, 1)))
    controller.on_packet(command(0x0C03, b""))
    assert await host.answer(0x0C03) == 0


async def test_parameters_cannot_change_while_advertising(
    controller: RadioController, host: Host
) -> None:
    for name in ("LE set advertising parameters", "LE advertise"):
        controller.on_packet(command(*NIMBLE[name]))
        await host.answer(NIMBLE[name][0])
    controller.on_packet(command(*NIMBLE["LE set advertising parameters"]))
    assert await host.answer(0x2006) == 0x0C


# Two that wait for one advertiser.


class Room(NamedTuple):
    """A receiver and two initiators on one air; `advertise` is one advertising event."""

    receiver: RadioController
    racers: tuple[RadioController, RadioController]
    advertise: Callable[[], None]

    def initiate(self) -> None:
        for racer in self.racers:
            racer.on_packet(command(0x200D, connection_to(self.receiver)))

    def outcome(self) -> list[bool | None]:
        """Of each initiator: whether the receiver heard it, or None where it waits on."""
        return [_is_heard(racer) for racer in self.racers]


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    air = Air()
    receiver = RadioController("receiver", air, public_address=Address("F0:00:00:00:00:01/P"))
    racers = RadioController("first", air), RadioController("second", air)
    one = Room(receiver, racers, lambda: air.advertise(receiver.le_legacy_advertiser))
    one.initiate()
    yield one
    air.close()


def connection_to(receiver: RadioController) -> bytes:
    """Parameters of LE Create Connection, from an own random address."""
    peer = bytes(receiver.public_address)
    return struct.pack("<HHBB6sBHHHHHH", 16, 16, 0, 0, peer, 1, 24, 24, 0, 100, 0, 0)


def _is_heard(racer: RadioController) -> bool | None:
    if racer.pending_le_connection is not None:
        return None
    (end,) = racer.le_connections.values()
    assert isinstance(end, RadioConnection)
    return end.peer is not None


@pytest.mark.parametrize(("channels", "expected"), [((0, 2), [True, None]), ((1, 0), [None, True])])
async def test_who_listens_on_a_later_channel_waits_for_the_next_event(
    room: Room, channels: tuple[int, int], expected: list[bool | None]
) -> None:
    heard: dict[Controller, int] = dict(zip(room.racers, channels, strict=True))
    room.receiver.air.channel = heard.__getitem__
    room.advertise()
    assert room.outcome() == expected
    room.advertise()
    assert room.outcome() == [True, True]


@pytest.mark.parametrize("expected", [[True, False], [False, True]])
async def test_of_two_on_one_channel_the_stronger_is_heard(
    room: Room, expected: list[bool]
) -> None:
    strong = room.racers[expected.index(True)]
    room.receiver.air.channel = lambda _: 0
    room.receiver.air.rssi = lambda _, listener: -50 if listener is strong else -60
    room.advertise()
    assert room.outcome() == expected


async def test_of_two_alike_either_is_heard(room: Room) -> None:
    """Whoever asked first has no better chance."""
    room.receiver.air.channel = lambda _: 0
    outcomes: list[list[bool | None]] = []
    while not ([True, False] in outcomes and [False, True] in outcomes):
        room.advertise()
        outcomes.append(room.outcome())
        for controller in (room.receiver, *room.racers):
            controller.restart()
        room.initiate()


async def test_advertising_keeps_its_interval(
    controller: RadioController, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In units of 0.625 ms, plus up to 10 ms."""
    delays: list[float] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later
    for name in ("LE set advertising parameters", "LE advertise"):
        controller.on_packet(command(*NIMBLE[name]))
        await host.answer(NIMBLE[name][0])
    sent: asyncio.Queue[None] = asyncio.Queue()
    monkeypatch.setattr(controller.air, "advertise", lambda _: sent.put_nowait(None))

    def noting(delay: float, *call: Any) -> asyncio.TimerHandle:
        delays.append(delay)
        return call_later(delay, *call)

    monkeypatch.setattr(loop, "call_later", noting)
    for _ in range(3):
        await sent.get()
    controller.on_packet(command(*NIMBLE["LE stop advertising"]))
    assert delays
    assert all(0.020 <= delay <= 0.030 for delay in delays)
