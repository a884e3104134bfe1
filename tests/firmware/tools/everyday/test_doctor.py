"""A board is examined from end to end, and sells afterwards, whatever happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.tools.board_line import BoardLineError
from firmware.tools.everyday import checks, doctor, expected
from firmware.tools.everyday.doctor import Doctor
from firmware.tools.everyday.tables import Finding
from receiver import reasons
from receiver.link import link, service_wire, wire
from receiver.protocol import pins
from simulator.authority.keys import Keys
from tests.firmware.tools.everyday.test_listing import HELLO
from tests.firmware.tools.everyday.test_scan import adapter, heard
from tests.firmware.tools.test_board_line import SOON_S, Board
from tests.support.values import evidence
from tests.support.world.workshop import workshop

GOOD = service_wire.Tested(30, 80, 110, 60, 90, 60_000, 20_000, 1, 0)
DAY_S = 86_400


@pytest.fixture
async def board() -> AsyncIterator[Board]:
    board = Board()
    yield board
    board.close()


@pytest.fixture
def identity(tmp_path: Path) -> service_wire.Identity:
    """Of an enrolled board, with three months left."""
    keys, now = Keys(tmp_path / "keys"), int(time.time())
    data = evidence.certificate(keys, evidence.seed("receiver"), now, expires=now + 90 * DAY_S)
    pinned = pins.encode(keys.pins())
    return service_wire.Identity(data, pinned, 7, 3, 0, "unix-littlefs", 0)


def answering(
    identity: service_wire.Identity, tested: service_wire.Tested | None
) -> Callable[[int, Any], tuple[int, Any] | None]:
    def obey(channel: int, value: Any) -> tuple[int, Any] | None:
        if channel == service_wire.READ:
            return service_wire.IDENTITY, identity
        return tested and (service_wire.TESTED, tested)

    return obey


def failed(found: list[Finding]) -> list[str]:
    return [finding.what for finding in found if not finding.ok]


async def test_a_good_board(board: Board, identity: service_wire.Identity) -> None:
    board.obey = answering(identity, GOOD)
    told: list[Finding] = []
    found = await Doctor(board.url, None, told.append).examine(clock=False)
    assert told == found
    assert failed(found) == []
    names = [finding.what for finding in found]
    assert names[:3] == ["board", "serial line", "certificate"]
    assert names[-1] == "sells again"
    assert board.fault == reasons.OK
    assert all(not finding.todo for finding in found)


async def test_what_is_wrong_is_named_with_a_remedy(
    board: Board, identity: service_wire.Identity
) -> None:
    bad = GOOD._replace(sign=10_000, radio=0, store=5000, largest=100, reason=reasons.BAD_KEY)
    board.obey = answering(identity._replace(pins=pins.encode({})), bad)
    found = await Doctor(board.url, None, lambda _: None).examine(clock=False)
    names = ["certificate", "Ed25519 signature", "known answers", "radio", "store", "memory"]
    assert failed(found) == names
    assert all(finding.todo for finding in found if not finding.ok)


async def test_whoever_interrupts_leaves_a_board_that_sells(
    board: Board, identity: service_wire.Identity
) -> None:
    asked = asyncio.Event()

    def obey(channel: int, value: Any) -> tuple[int, Any] | None:
        if channel == service_wire.SELF_TEST:
            asked.set()
            return None
        return service_wire.IDENTITY, identity

    board.obey = obey
    found: list[Finding] = []
    visit = asyncio.create_task(Doctor(board.url, None, found.append).examine(clock=False))
    async with asyncio.timeout(SOON_S):
        await asked.wait()
        assert board.fault == reasons.IN_SERVICE
        visit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visit
    assert board.fault == reasons.OK
    assert found[-1].what == "sells again"


async def test_a_board_that_falls_silent_in_service(
    board: Board, identity: service_wire.Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SELF_TEST_S", 0.2)
    board.obey = answering(identity, None)
    found = await Doctor(board.url, None, lambda _: None).examine(clock=False)
    assert failed(found) == ["service mode"]
    assert found[-1].ok
    assert board.fault == reasons.OK


async def test_no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "UP_S", 0.2)
    with pytest.raises(BoardLineError, match="No such file"):
        await Doctor("/dev/none", None, lambda _: None).examine(clock=False)


async def test_the_clock_waits_for_reports(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the board as it sells; where none come, that is the finding."""
    monkeypatch.setattr(doctor, "HEALTH_S", 0.2)
    visit = Doctor(board.url, None, lambda _: None)
    await visit._clock()
    for uptime in (30, 60):
        health = wire.Health(uptime, 1000, 0, b"\xa0", 0, 0)
        payload = wire.encode(wire.HEALTH, health)
        visit._watch(link.Message(wire.HEALTH, payload, 1))
    visit._watch(link.Message(wire.HEALTH, b"junk", 1))
    await visit._clock()
    missing, found = visit.found
    assert "0 reports" in missing.detail
    assert "uptime says 30 s" in found.detail


def report(at: float, uptime: int) -> tuple[float, wire.Health]:
    return at, wire.Health(uptime, 1000, 0, b"\xa0", 0, 0)


@pytest.mark.parametrize(
    ("took", "said", "ok"),
    [(30.0, 30, True), (30.2, 30, True), (29.5, 30, False), (30.5, 30, False), (30.0, 33, False)],
)
def test_drift(took: float, said: int, ok: bool) -> None:
    found = checks.clock([report(100.0, 60), report(100.0 + took, 60 + said)])
    assert found.ok is ok


@pytest.mark.parametrize(("days", "ok"), [(-1, False), (5, False), (60, True)])
def test_days_left(identity: service_wire.Identity, days: int, ok: bool) -> None:
    now = int(time.time()) + (90 - days) * DAY_S
    found = checks.certificate(identity, now)
    assert found.ok is ok
    assert ("certificate_expired" in found.detail) is (days < 0)
    assert bool(found.todo) is not ok


@pytest.mark.parametrize(("data", "pinned"), [(b"", None), (b"\xff", None), (None, b"x")])
def test_no_certificate(
    identity: service_wire.Identity, data: bytes | None, pinned: bytes | None
) -> None:
    data = identity.certificate if data is None else data
    held = identity._replace(certificate=data, pins=pinned or identity.pins)
    found = checks.certificate(held, int(time.time()))
    assert (found.ok, found.todo) == (False, "tillsign receiver enrol")


def test_a_bad_cable() -> None:
    clean = dict.fromkeys(link.COUNTERS, 0)
    assert checks.serial(clean, [4.0, 5.0, 90.0], 0).figures["trip_ms"] == 5.0
    assert not checks.serial(clean, [4.0], 1).ok
    assert not checks.serial(clean | {"retransmits": 5}, [4.0], 0).ok


def test_signal() -> None:
    assert checks.signal(heard(), 3).ok
    assert not checks.signal(None, 3).ok
    weak = heard()._replace(rssi=[-90, -91, -89])
    assert not checks.signal(weak, 1).ok


@pytest.mark.parametrize(("fault", "crashes", "ok"), [(0, 0, True), (0, 1, False), (79, 0, False)])
def test_a_board_with_a_fault(fault: int, crashes: int, ok: bool) -> None:
    assert checks.board(HELLO._replace(fault=fault, crashes=crashes)).ok is ok


def test_what_is_expected_is_what_the_documents_say() -> None:
    root = Path(expected.__file__).parents[3]
    for figure in (*expected.CRYPTO.values(), *expected.BOOT.values()):
        lines = (root / figure.source).read_text().splitlines()
        rows = [line for line in lines if line.startswith(f"| {figure.row} |")]
        assert any(f" {figure.million:g} " in row for row in rows), figure


async def test_the_firmware_itself() -> None:
    """Enrolled it is sound, and heard in the air; a blank one is to be enrolled."""
    async with workshop() as shop, adapter(shop) as radio:
        found = await Doctor(shop.url, radio, lambda _: None).examine(clock=False)
        assert {each.what: each.detail for each in found if not each.ok} == {}
        assert [each.what for each in found][-2:] == ["sells again", "signal"]
    async with workshop(blank=True) as shop:
        found = await Doctor(shop.url, None, lambda _: None).examine(clock=False)
        assert failed(found) == ["certificate", "sells again"]
        assert {each.todo for each in found if not each.ok} == {"tillsign receiver enrol"}
