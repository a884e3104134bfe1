"""Find a till: scan in the foreground, and choose the one that the phone is held to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing, suppress
from typing import NamedTuple

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from receiver.protocol import gatt
from receiver.protocol.gatt import Advert

from . import advertised
from .choice import CHOSEN, CLEAR, HELD_DBM, STRONGEST, AskBuyer, Choice, Take, Wait


class Found(NamedTuple):
    """A till on the air. Its advertised data is a hint, and may be missing."""

    device: BLEDevice
    rssi: int
    advert: Advert | None
    till: int | None
    why: str = CHOSEN  # this one: of `choice`


# Which of several tills it is, the likeliest first; None for none of them.
Asked = Callable[[Sequence[Found]], Awaitable[Found | None]]


# What to do with the till that stands out, before it is certain.
Lean = Callable[[Found], None]


def wait(_found: Found) -> None:
    """Do nothing until it is certain."""


async def strongest(tills: Sequence[Found]) -> Found | None:
    """Ask no buyer."""
    return tills[0]._replace(why=STRONGEST)


async def find(
    backend: type[BaseBleakScanner] | None,
    till: int | None,
    patience: float,
    ask: Asked = strongest,
    avoid: Collection[str] = (),
    *,
    lean: Lean = wait,
) -> Found | None:
    """Find the till that the phone is held to, or the one with that number.

    Several that are equally near, or all far, are a question to the buyer, during which the phone
    listens on: a buyer who moves closer, or from afar holds it to one, has answered. One who says
    that it is none of them is asked again when there is another. The addresses `avoid` are not
    taken. `lean` hears of the till that stands out while others may still come. None after
    `patience` seconds without a till.
    """
    search = _Search(ask, avoid=avoid, lean=lean)
    try:
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(patience),
                BleakScanner(service_uuids=[gatt.SERVICE], backend=backend) as scanner,
                aclosing(scanner.advertisement_data()) as heard,
            ):
                if till is None:
                    return await search.run(heard)
                return await _numbered(heard, till)
        return search.best(STRONGEST)
    finally:
        search.close()


async def nearer(backend: type[BaseBleakScanner] | None, than: Found) -> Found:
    """Wait until another till is clearly nearer than this one, which is heard too."""
    search = _Search(_silent, but=than.device.address, surely=than.why == CHOSEN)
    async with (
        BleakScanner(service_uuids=[gatt.SERVICE], backend=backend) as scanner,
        aclosing(scanner.advertisement_data()) as heard,
    ):
        return await search.run(heard)


async def _silent(_tills: Sequence[Found]) -> Found | None:
    return None


async def _numbered(heard: AsyncIterator[tuple[BLEDevice, AdvertisementData]], till: int) -> Found:
    async for device, data in heard:
        found = _found(device, data, None)
        if found.till == till:
            return found
    raise TimeoutError


class _Search:
    """One search for the nearest till, or for one that is nearer than `but`.

    `surely`: only for one that the phone is held to beyond doubt, as the buyer chose `but`.
    """

    def __init__(
        self,
        ask: Asked,
        *,
        avoid: Collection[str] = (),
        lean: Lean = wait,
        but: str | None = None,
        surely: bool = False,
    ) -> None:
        self._ask = ask
        self._avoid = avoid
        self._lean = lean
        self._but = but
        self._surely = surely
        self._choice: Choice[str] = Choice()
        self._found: dict[str, Found] = {}
        self._asking: asyncio.Task[Found | None] | None = None
        self._offered: set[tuple[str, int | None]] = set()  # what the buyer is asked about
        self._far = False  # all of those are
        self._denied: set[tuple[str, int | None]] = set()  # what the buyer said no to

    async def run(self, heard: AsyncIterator[tuple[BLEDevice, AdvertisementData]]) -> Found:
        """Listen until one till is chosen; by the signal, or by the buyer."""
        reading: asyncio.Task[None] | None = None
        try:
            while True:
                reading = reading or asyncio.ensure_future(self._read(heard))
                chosen, due = self._look()
                if chosen is not None:
                    return chosen
                waits = {task for task in (reading, self._asking) if task is not None}
                await asyncio.wait(waits, timeout=due, return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    reading.result()
                    reading = None
        finally:
            if reading is not None:
                reading.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await reading

    def best(self, why: str) -> Found | None:
        """Return the likeliest till of those heard."""
        ranked = self._choice.ranked()
        return self._named(ranked[0], why) if ranked else None

    def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    async def _read(self, heard: AsyncIterator[tuple[BLEDevice, AdvertisementData]]) -> None:
        device, data = await anext(heard)
        if device.address in self._avoid:
            return
        found = _found(device, data, self._found.get(device.address))
        is_open = found.advert is not None and bool(found.advert.flags & gatt.FLAG_OPEN)
        self._choice.hear(device.address, data.rssi, _now(), is_open=is_open)
        self._found[device.address] = found

    def _look(self) -> tuple[Found | None, float | None]:
        """Return the till, or None and after how long to look again without a reading (s)."""
        if not self._found:
            return None, None
        if self._asking is not None and self._asking.done():
            answer, self._asking = self._asking.result(), None
            if answer is not None:
                return answer, None
            self._denied |= self._offered
        verdict = self._choice.verdict(_now())
        if isinstance(verdict, Wait):
            likely = self._choice.stands_out()
            if likely is not None and not self._is_denied(likely):
                self._lean(self._named(likely, STRONGEST))
            return None, max(0.0, verdict.until - _now())
        if isinstance(verdict, AskBuyer):
            tills = [self._named(till, CHOSEN) for till in verdict.tills]
            offered = {(one.device.address, one.till) for one in tills}
            if self._asking is None and not offered <= self._denied:
                self._offered, self._far = offered, verdict.far
                self._asking = asyncio.ensure_future(_answer(self._ask, tills))
            return None, None
        asked_far = self._asking is not None and self._far
        doubted = asked_far or self._is_denied(verdict.till)
        if doubted and not self._is_held(verdict):
            return None, None
        if self._but is not None and (verdict.till == self._but or not self._is_nearer(verdict)):
            return None, None
        return self._named(verdict.till, verdict.why), None

    def _is_denied(self, till: str) -> bool:
        return any(till == address for address, _ in self._denied)

    def _is_nearer(self, verdict: Take[str]) -> bool:
        """Return whether it was compared with the till that is left for it."""
        if verdict.why != CLEAR or self._but not in self._choice.ranked():
            return False
        return not self._surely or self._is_held(verdict)

    def _is_held(self, verdict: Take[str]) -> bool:
        return self._choice.mean(verdict.till) >= HELD_DBM

    def _named(self, till: str, why: str) -> Found:
        return self._found[till]._replace(rssi=round(self._choice.mean(till)), why=why)


async def _answer(ask: Asked, tills: Sequence[Found]) -> Found | None:
    return await ask(tills)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _found(device: BLEDevice, data: AdvertisementData, known: Found | None) -> Found:
    """Return a till as heard now; of its scan response, which may be lost, what is `known`."""
    advert = advertised.state(data) or (known.advert if known else None)
    number = advertised.number(data) or (known.till if known else None)
    return Found(device, data.rssi, advert, advert.till if advert else number)
