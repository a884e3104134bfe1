"""A search by bleak's scanner, in virtual time: whom it finds, and when the buyer is asked."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from bleak.backends.device import BLEDevice
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
    numbered: bool = False  # its advertisement's name is passed on
    last: float = math.inf  # s; not heard after it


def scanner(*tills: On) -> type[BaseBleakScanner]:
    """A backend that hears these."""

    class Scripted(BaseBleakScanner):
        def __init__(self, callback: object, uuids: list[str] | None, *_: object, **__: object):
            super().__init__(None, uuids)
            self._timers: dict[On, asyncio.TimerHandle] = {}

        async def start(self) -> None:
            self.seen_devices = {}
            for one in tills:
                self._later(one, one.first)

        async def stop(self) -> None:
            for timer in self._timers.values():
                timer.cancel()

        def _later(self, one: On, after: float) -> None:
            loop = asyncio.get_running_loop()
            self._timers[one] = loop.call_later(after, self._hear, one)

        def _hear(self, one: On) -> None:
            service = gatt.service_data(gatt.FLAG_OPEN, one.till, bytes(3)) if one.named else b""
            name = f"Till {one.till}" if one.numbered else None
            data = AdvertisementData(name, {}, {gatt.SERVICE: service}, [], None, one.rssi, ())
            address = f"till {one.till}"
            device = self.create_or_update_device(address, address, None, None, data)
            self.call_detection_callbacks(device, data)
            if asyncio.get_running_loop().time() < one.last:
                self._later(one, one.every)

    return Scripted


class Search:
    """One search, and how it ended."""

    def __init__(
        self,
        *tills: On,
        till: int | None = None,
        answer: int | None = None,
        ask: scan.Asked | None = None,
        avoid: Sequence[str] = (),
        after: float = 0.0,
    ) -> None:
        self._after = after  # s, of the answer
        self.asked: list[list[int | None]] = []
        self.leant: list[int | None] = []  # the tills that stood out
        self._answer = answer
        self._asks = ask or self._ask
        self._avoid = avoid
        with asyncio.Runner(loop_factory=Loop) as runner:
            self.found = runner.run(self._run(scanner(*tills), till))
            self.took = runner.get_loop().time()

    async def _run(self, backend: type[BaseBleakScanner], till: int | None) -> Found | None:
        return await scan.find(backend, till, PATIENCE_S, self._asks, self._avoid, lean=self._lean)

    def _lean(self, found: Found) -> None:
        if self.leant[-1:] != [found.till]:
            self.leant.append(found.till)

    async def _ask(self, tills: Sequence[Found]) -> Found | None:
        self.asked.append([one.till for one in tills])
        if self._answer is None:
            await asyncio.sleep(PATIENCE_S)
        await asyncio.sleep(self._after)
        return next((one for one in tills if one.till == self._answer), None)

    @property
    def outcome(self) -> tuple[int | None, str] | None:
        return self.found and (self.found.till, self.found.why)


class Nearer:
    """A phone that is checked in at till 8: which other one it is held to, within a while."""

    def __init__(self, *tills: On, why: str = CLEAR) -> None:
        with asyncio.Runner(loop_factory=Loop) as runner:
            self.found = runner.run(self._run(scanner(*tills), why))
            self.took = runner.get_loop().time()

    async def _run(self, backend: type[BaseBleakScanner], why: str) -> Found | None:
        here = Found(BLEDevice("till 8", None, None), -60, None, 8, why)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await scan.nearer(backend, here)
        except TimeoutError:
            return None


def test_one_till() -> None:
    search = Search(On(7, -52, first=1.0))
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


def test_a_buyer_of_none_of_them_is_asked_again_when_there_is_another() -> None:
    search = Search(On(7, -53), On(8, -50), On(9, -52, first=2.0), answer=9)
    assert (search.outcome, search.asked) == ((9, CHOSEN), [[8, 7], [8, 9, 7]])


def test_a_till_that_the_buyer_denied_is_taken_only_where_the_phone_is_held_to_it() -> None:
    search = Search(On(7, -60), On(8, -55, last=1.0), answer=0)
    assert (search.outcome, search.asked) == ((7, STRONGEST), [[8, 7]])


def test_a_number_that_was_not_heard_yet_is_asked_about_once_it_is() -> None:
    search = Search(On(7, -53, named=False), On(8, -50), On(7, -53, first=2.0), answer=7)
    assert search.asked[0] == [8, None]
    assert search.outcome == (7, CHOSEN)


def test_without_a_buyer_to_ask() -> None:
    assert Search(On(7, -53), On(8, -50), ask=scan.strongest).outcome == (8, STRONGEST)


def test_a_till_that_is_not_the_buyers() -> None:
    assert Search(On(7, -53), On(8, -40), avoid=("till 8",)).outcome == (7, ALONE)


def test_a_phone_that_is_held_to_another_till() -> None:
    """From the till where it checked in, in the queue, to the one where it is its buyer's turn."""
    moved = Nearer(On(7, -70, last=3.0), On(8, -60), On(7, -42, first=3.0))
    assert moved.found is not None
    assert moved.found.till == 7
    assert moved.took == pytest.approx(4.0, abs=0.5)


def test_a_neighbour_that_is_a_little_louder_is_not_gone_to() -> None:
    assert Nearer(On(7, -55), On(8, -60)).found is None


def test_a_till_that_the_buyer_chose_is_left_only_for_one_that_the_phone_is_held_to() -> None:
    assert Nearer(On(7, -50), On(8, -65), why=CHOSEN).found is None
    assert Nearer(On(7, -42), On(8, -65), why=CHOSEN).found is not None


def test_while_the_buyer_is_asked_a_till_may_come_closer() -> None:
    search = Search(On(7, -53), On(8, -50), On(9, -20, first=0.4))
    assert (search.outcome, search.asked) == ((9, CLEAR), [[8, 7]])


def test_in_the_queue_a_question_is_answered_by_a_held_phone_alone() -> None:
    louder = On(7, -65, last=0.5), On(8, -60, last=0.5)
    search = Search(*louder, On(9, -50, first=0.5), answer=7, after=3.0)
    assert (search.outcome, search.asked) == ((7, CHOSEN), [[8, 7]])
    search = Search(*louder, On(9, -40, first=0.5))
    assert (search.outcome, search.asked) == ((9, CLEAR), [[8, 7]])


def test_the_till_that_stands_out_is_told_while_others_may_come() -> None:
    assert Search(On(7, -52)).leant == [7]
    assert Search(On(7, -50), On(8, -70)).leant[0] == 7
    assert Search(On(7, -60), On(8, -75)).leant == []
    assert Search(On(8, -50), On(7, -40, first=0.1, every=0.01)).leant[-1] == 7


def test_a_buyer_who_never_answers() -> None:
    search = Search(On(7, -53), On(8, -50))
    assert (search.outcome, search.took > PATIENCE_S - 1) == ((8, STRONGEST), True)


def test_a_till_without_a_scan_response_is_found_all_the_same() -> None:
    assert Search(On(7, -50, named=False)).outcome == (None, ALONE)
    assert Search(On(7, -50, named=False, numbered=True)).outcome == (7, ALONE)


def test_one_with_a_number() -> None:
    assert Search(On(7, -40), On(8, -70, first=0.5), till=8).outcome == (8, CHOSEN)
