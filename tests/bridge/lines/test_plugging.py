"""Receivers that are looked for by serial number, and a bridge that stops: real parts, one line."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from bridge.config.configuration import ReceiverConfig
from bridge.daemon.daemon import Daemon
from bridge.lines.serial_port import Opener, PortError
from bridge.lines.usb_lookup import Present
from receiver import reasons
from receiver.link import wire
from tests.support.bridge.device import PATIENCE_S, Device
from tests.support.shop.till import RECEIVER, TILL, World
from tests.support.values import evidence

SERIAL = "84:F7:03:C0:FF:EE"


class Hub:
    """A USB hub: devices by the name under which they are plugged in."""

    def __init__(self) -> None:
        self.plugged: dict[str, Device] = {}

    def ports(self) -> list[Present]:
        return [Present("/dev/ttyS0", None), *(Present(name, SERIAL) for name in self.plugged)]

    def opener(self, url: str) -> Opener:
        if url not in self.plugged:
            raise PortError(f"{url} is not there")
        return self.plugged[url]


@pytest.fixture
def by_serial(stopped: World) -> World:
    [receiver] = stopped.config.receivers
    row = ReceiverConfig(TILL, receiver.certificate, serial=SERIAL)
    stopped.config = replace(stopped.config, receivers=(row,))
    return stopped


async def test_a_receiver_comes_back_under_another_name(by_serial: World) -> None:
    hub, device = Hub(), by_serial.device
    async with Daemon(by_serial.config, hub.opener, hub.ports):
        for name in ("/dev/ttyUSB0", "/dev/ttyUSB1"):
            hub.plugged = {name: device}
            device.plug()
            await device.heard(wire.STATE)
            hub.plugged = {}
            device.unplug()
            device.reboot()


async def test_the_serial_number_is_no_proof(by_serial: World) -> None:
    """Another receiver behind the same converter: its own HELLO says so."""
    hub, device = Hub(), by_serial.device
    other = Device(RECEIVER, device.certificate, evidence.RECEIVER_ID[::-1])
    hub.plugged = {"/dev/ttyUSB0": other}
    async with Daemon(by_serial.config, hub.opener, hub.ports) as daemon:
        station = daemon.service.sessions[TILL]
        async with asyncio.timeout(PATIENCE_S):
            while not station.refusals:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)
        assert set(station.refusals) == {reasons.WRONG_RECEIVER}
        hub.plugged = {"/dev/ttyUSB0": device}
        await device.heard(wire.STATE)


async def test_a_bridge_that_stops_begins_nothing_new(world: World) -> None:
    await world.ring()
    await world.device.offered()
    await world.daemon.service.drain(PATIENCE_S)
    assert (await world.sale())["state"] == "cancelled"
    body = {"sale_id": "sale-number-0002", "amount": 1, "currency": "SEK"}
    status, problem = await world.call("POST", "/v1/sales", json=body)
    assert (status, problem["type"]) == (503, "urn:tillsign:problem:stopping")
    assert (await world.call("GET", "/healthz"))[0] == 200
