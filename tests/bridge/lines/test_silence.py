"""Lines that fall silent: a receiver that hangs, one that never answers, and noise without end."""

from __future__ import annotations

import asyncio
import logging

import pytest

from bridge.lines import receiver_link
from bridge.observability import log_budget
from bridge.sales.receiver_session import ReceiverSession
from receiver.link import wire
from tests.support.bridge.device import PATIENCE_S
from tests.support.shop.till import TILL, World

pytestmark = pytest.mark.processes


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
