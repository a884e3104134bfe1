"""A search by bleak's scanner, in virtual time: whom it finds, and when the buyer is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from receiver.protocol import gatt
from simulator.phone.transport import scan
from simulator.phone.transport.choice import ALONE, CHOSEN, CLEAR, GATHER_S, STRONGEST
from simulator.phone.transport.scan import Found
from simulator.virtual.loop import Loop

PATIENCE_S = 60.0


class On(NamedTuple):
    """A till on the air from `first` on: its number, its level and how often it is heard (s)."""

    till: int
    rssi: int
    first: float = 0.0
    every: float = 0.03
    named: bool = True  # its scan responses are heard


def scanner(*tills: On) -> type[BaseBleakScanner]:
    """A backend that hears these."""

    class Scripted(BaseBleakScanner):
        def __init__(self, callback: object, uuids: list[str] | None, *_: object, **__: object):
            super().__init__(None, uuids)
            self._timers: dict[int, asyncio.TimerHandle] = {}

        async def start(self) -> None:
            self.seen_devices = {}
            for one in tills:
                self._later(one, one.first)

        async def stop(self) -> None:
            for timer in self._timers.values():
                timer.cancel()

        def _later(self, one: On, after: float) -> None:
            loop = asyncio.get_running_loop()
            self._timers[one.till] = loop.call_later(after, self._hear, one)

        def _hear(self, one: On) -> None:
            service = gatt.service_data(gatt.FLAG_OPEN, one.till, bytes(3)) if one.named else b""
            data = AdvertisementData(None, {}, {gatt.SERVICE: service}, [], None, one.rssi, ())
            address = f"till {one.till}"
            device = self.create_or_update_device(address, address, None, None, data)
            self.call_detection_callbacks(device, data)
            self._later(one, one.every)

    return Scripted


class Search:
    """One search, and how it ended."""

    def __init__(self, *tills: On, till: int | None = None, answer: int | None = None) -> None:
        self.asked: list[list[int | None]] = []
        self._answer = answer
        with asyncio.Runner(loop_factory=Loop) as runner:
            self.found = runner.run(self._run(scanner(*tills), till))
            self.took = runner.get_loop().time()

    async def _run(self, backend: type[BaseBleakScanner], till: int | None) -> Found | None:
        return await scan.find(backend, till, PATIENCE_S, self._ask)

    async def _ask(self, tills: Sequence[Found]) -> Found | None:
        self.asked.append([one.till for one in tills])
        if self._answer is None:
            await asyncio.sleep(PATIENCE_S)
        return next((one for one in tills if one.till == self._answer), None)

    @property
    def outcome(self) -> tuple[int | None, str] | None:
        return self.found and (self.found.till, self.found.why)


def test_one_till() -> None:
    search = Search(On(7, -50, first=1.0))
    assert search.outcome == (7, ALONE)
    assert search.took == pytest.approx(1.0 + GATHER_S, abs=0.01)


def test_no_till() -> None:
    search = Search()
    assert search.outcome is None
    assert search.took == pytest.approx(PATIENCE_S, abs=0.01)


def test_the_closer_one_is_heard_later() -> None:
    search = Search(On(8, -70), On(7, -50, first=0.15))
    assert (search.outcome, search.asked) == ((7, CLEAR), [])


def test_the_buyer_chooses_between_near_ones() -> None:
    search = Search(On(7, -50), On(8, -53), answer=8)
    assert (search.outcome, search.asked) == ((8, CHOSEN), [[7, 8]])


def test_a_buyer_who_does_not_know_gets_the_strongest() -> None:
    search = Search(On(7, -53), On(8, -50), answer=0)
    assert (search.outcome, search.asked) == ((8, STRONGEST), [[8, 7]])


def test_while_the_buyer_is_asked_a_till_may_come_closer() -> None:
    search = Search(On(7, -53), On(8, -50), On(9, -20, first=0.4))
    assert (search.outcome, search.asked) == ((9, CLEAR), [[8, 7]])


def test_a_buyer_who_never_answers() -> None:
    search = Search(On(7, -53), On(8, -50))
    assert (search.outcome, search.took > PATIENCE_S - 1) == ((8, STRONGEST), True)


def test_a_till_without_a_scan_response_is_found_all_the_same() -> None:
    assert Search(On(7, -50, named=False)).outcome == (None, ALONE)


def test_one_with_a_number() -> None:
    assert Search(On(7, -40), On(8, -70, first=0.5), till=8).outcome == (8, CHOSEN)
