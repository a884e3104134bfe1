"""Receivers that are looked for by serial number, and a bridge that stops: real parts, one line."""

from __future__ import annotations

import asyncio
import logging

import pytest
from msgspec.structs import replace

from bridge.config.configuration import ReceiverConfig
from bridge.daemon.daemon import Daemon
from bridge.lines import receiver_link
from bridge.lines.serial_port import Opener, PortError
from bridge.lines.usb_lookup import Present
from bridge.observability import log_budget
from bridge.sales.receiver_session import ReceiverSession
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
    await world.ring_up()
    await world.daemon.service.drain(PATIENCE_S)
    assert (await world.sale())["state"] == "cancelled"
    body = {"sale_id": "sale-number-0002", "amount": 1, "currency": "SEK"}
    status, problem = await world.call("POST", "/v1/sales", json=body)
    assert (status, problem["type"]) == (503, "urn:tillsign:problem:stopping")
    assert (await world.call("GET", "/healthz"))[0] == 200


# Lines that fall silent: a receiver that hangs, one that never answers, and noise without end.


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver's patience, without its minutes."""
    monkeypatch.setattr(receiver_link, "SILENT_MS", 300)


def test_two_tellings_may_be_missed_and_tills_see_it_in_time() -> None:
    assert 2 * wire.HEALTH_MS < receiver_link.SILENT_MS <= 85_000


async def opened(world: World, times: int) -> None:
    """Until the line was opened so often."""
    link = world.daemon.service.sessions[TILL].link
    async with asyncio.timeout(PATIENCE_S):
        while link.counters["opened"] < times:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)


async def hang(world: World) -> None:
    """The firmware does nothing any more; its port is there."""
    world.device._received = None


@pytest.mark.usefixtures("soon")
async def test_a_receiver_that_hangs_is_shown_and_opened_anew(world: World) -> None:
    async with world.http.ws_connect("/v1/events") as watch:
        await world.device.heard(wire.STATE)
        await hang(world)
        await world.until(watch, event="receiver", up=False)
        assert (await world.call("GET", "/v1/receivers"))[1]["receivers"][0]["up"] is False
        await world.until(watch, event="receiver", up=True)
        await opened(world, 2)


@pytest.mark.usefixtures("soon")
async def test_a_line_that_never_answers_is_opened_anew(stopped: World) -> None:
    """And one that only makes noise, as by another speed."""
    stopped.device._pump = lambda: None  # type: ignore[method-assign]
    async with stopped.bridge():
        for times in (2, 3):
            stopped.device._deliver(b"\xff\x00\xff")
            await opened(stopped, times)


async def test_a_receiver_that_tells_its_health_keeps_its_line(
    stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_link, "SILENT_MS", 1000)
    monkeypatch.setattr(wire, "HEALTH_MS", 20)
    note, noted = ReceiverSession._note_health, asyncio.Semaphore(0)

    def heard(session: ReceiverSession, payload: bytes) -> None:
        note(session, payload)
        noted.release()

    monkeypatch.setattr(ReceiverSession, "_note_health", heard)
    async with stopped.bridge():
        for _ in range(100):  # twice as long as it would be waited in silence
            await asyncio.wait_for(noted.acquire(), PATIENCE_S)
        assert stopped.daemon.service.sessions[TILL].link.counters["opened"] == 1


async def test_noise_is_summed_up(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A boot loop: what it writes, and each time that it comes up or is refused."""
    monkeypatch.setattr(log_budget, "SUM_S", 0.05)
    caplog.set_level(logging.INFO)
    link = world.daemon.service.sessions[TILL].link
    await world.device.heard(wire.STATE)
    for _ in range(200):
        link._received(b"Brownout detector was triggered\r\n\0")
    async with asyncio.timeout(PATIENCE_S):
        while "lines left out" not in caplog.messages:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
    assert caplog.messages.count("not a frame") == log_budget.TEXT_FEW
    [summed] = [it for it in caplog.records if it.message == "lines left out"]
    fields = summed.fields  # type: ignore[attr-defined]
    assert (fields["till"], fields["lines"]) == (TILL, 200 - log_budget.TEXT_FEW)
    assert link.counters["raw"] == 200
