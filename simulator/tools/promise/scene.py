"""One store for some purchases: tills side by side, each with one buyer after the other.

Everything in it comes from the seed: the same seed plays the same purchases.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from receiver.protocol import gatt
from simulator.hardware.radio.model.airs import AIRS
from simulator.hardware.radio.model.chip import CHIP
from simulator.hardware.radio.model.phones import PHONES
from simulator.virtual.ble import VirtualBle
from simulator.virtual.clock import clock
from simulator.virtual.loop import Loop
from simulator.virtual.phone_radio import VirtualPhone
from simulator.virtual.room import Room
from simulator.virtual.shop import VirtualShop

from . import people
from .purchase import Purchase
from .record import RECEIVER, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.phone.wallet.wallet import Wallet

    from .record import Record

PHONES_EACH = 10  # phones for each till: an owner comes again once the purchase is judged
FIRST_TILL = 3
LATER_S = 60.0  # after its end, what each says of a purchase is compared


class Scene:
    """The store, and what its purchases need of it."""

    def __init__(self, air: str, profile: str, seed: int, *, transcript: bool = False) -> None:
        self.air = AIRS[air]
        self.profile = PHONES[profile]
        self.seed = seed
        self.transcript = transcript
        self.room = Room(self.air, seed)
        self.radios: dict[int, VirtualBle] = {}
        self.phones: list[tuple[Wallet, VirtualPhone]] = []
        self.offered_at: dict[int, float | None] = {}  # when a till's offer went on the air
        self._written: dict[int, list[float]] = defaultdict(list)  # when, to a till's receiver
        self._lines: list[tuple[float, int, str]] = []  # of the receivers, for a transcript
        self.shop: VirtualShop
        self._busy: set[int] = set()  # phones that are in use

    async def play(self, purchases: int) -> list[Record]:
        """Make so many purchases; return their records in order of number."""
        tills = [FIRST_TILL + place for place in range(1 + self.air.neighbours)]
        async with VirtualShop(self.seed, tills, CHIP, self._ble) as self.shop:
            for number in range(PHONES_EACH * len(tills)):
                radio = VirtualPhone(self.room, self.profile, f"phone {number}")
                radio.receivers = {ble.address: ble for ble in self.radios.values()}
                self.phones.append((self.shop.new_wallet(), radio))
            numbers = iter(range(purchases))
            found: list[Record] = []
            async with asyncio.TaskGroup() as tasks:
                for till in tills:
                    tasks.create_task(self._day(till, numbers, found, tasks))
        return sorted(found, key=lambda record: record.number)

    def _ble(self, till: int) -> VirtualBle:
        ble = self.radios[till] = VirtualBle(self.room, f"02:00:00:00:00:{till:02X}")
        ble.observe = partial(self._observe, till)
        return ble

    def _observe(self, till: int, name: str, fields: tuple[int, ...]) -> None:
        """Take a step of a receiver's radio."""
        now = asyncio.get_running_loop().time()
        if name == "shows" and self.radios[till].table and fields[0] == self._offer(till):
            self.offered_at[till] = now if fields[1] else None
        if name == "written":
            self._written[till].append(now)
        if self.transcript:
            self._lines.append((now, till, f"receiver {till} {name} {fields}"))

    def heard(self, till: int, since: float) -> Iterator[tuple[float, str]]:
        """Yield what a till's receiver did from then on, for a transcript."""
        yield from ((at, text) for at, of, text in self._lines if of == till and at >= since)

    def written(self, till: int, since: float | None) -> Iterator[Mark]:
        """Yield the mark of the first write to a till's receiver from then on."""
        for at in self._written[till]:
            if since is not None and at >= since:
                yield Mark(RECEIVER, "approval_received", at)
                return

    def _offer(self, till: int) -> int:
        """Return the handle of a receiver's offer."""
        table = self.radios[till].table
        return next(one.value for one in table if one.uuid == gatt.OFFER)

    async def _day(
        self, till: int, numbers: Iterator[int], found: list[Record], tasks: asyncio.TaskGroup
    ) -> None:
        """Serve one buyer after the other at a till until all numbers are used."""
        chance = self.room.random(f"till {till}")
        await asyncio.sleep(chance.random() * 10.0)
        upcoming = self._next(till, numbers)
        while upcoming is not None:
            current, upcoming = upcoming, self._next(till, numbers)
            if upcoming is not None and upcoming.plan.queued:
                upcoming.queue(chance.random() * people.DISTURBED)
            await current.serve()
            tasks.create_task(self._judge(current, found))
            await asyncio.sleep(current.plan.pause_s)

    def _next(self, till: int, numbers: Iterator[int]) -> Purchase | None:
        number = next(numbers, None)
        if number is None:
            return None
        plan = people.plan(self.room.random(f"purchase {number}"), self.air)
        return Purchase(self, till, number, plan)

    async def _judge(self, purchase: Purchase, found: list[Record]) -> None:
        await asyncio.sleep(LATER_S)
        found.append(await purchase.close())

    # Phones.

    def take_phone(self, number: int) -> tuple[Wallet, VirtualPhone]:
        """Lend a phone that is not in use, in turn."""
        count = len(self.phones)
        order = ((number + place) % count for place in range(count))
        free = next((place for place in order if place not in self._busy), None)
        if free is None:
            raise RuntimeError("every phone of the scene is in use")
        self._busy.add(free)
        return self.phones[free]

    def give_back(self, radio: VirtualPhone) -> None:
        """Take a phone back."""
        with suppress(StopIteration):
            place = next(n for n, (_, one) in enumerate(self.phones) if one is radio)
            self._busy.discard(place)
        radio.signals.clear()


def run_scene(
    air: str, profile: str, seed: int, purchases: int, *, transcript: bool = False
) -> list[Record]:
    """Play one scene in virtual time, in a process of its own or one after the other."""
    random.seed(seed)
    loop = Loop()
    with clock(loop), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(Scene(air, profile, seed, transcript=transcript).play(purchases))
