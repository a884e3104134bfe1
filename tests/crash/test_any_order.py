"""Whatever happens in whatever order, and whenever the bridge ends: no money is lost or doubled.

Till, bridge, receivers, buyers and authority at two tills, under loss, repetition, delay, late
arrival, crashes, and a clock that jumps. EXAMPLES=n looks at n random days instead of the same few.
The days are in parts that the cores share; the part that ends last looks at what all have brought.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
from collections import Counter as Tally
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from bridge.domain.till_decisions import Wish
from bridge.journal import writer
from bridge.sales.orders import Order
from receiver import reasons
from simulator.hardware.rv32 import image
from tests.crash import invariants, tallies
from tests.crash.buyer import WRONG
from tests.crash.clerk import Clerk, Slip
from tests.crash.conftest import MakeWorld
from tests.crash.office import Fault
from tests.crash.till import PAID

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
PARTS, DAYS, STEPS = 6, 50, 40

TILLS = st.sampled_from([3, 4])
AMOUNTS = st.sampled_from([100, 24_900, 40_000, 600_000])  # the last beyond any purchase limit
SECONDS = st.sampled_from([0.02, 0.5, 2.05, 2.2, 5, 12, 40, 700])
SELLING = st.sampled_from([0.1, 2.03, 2.1, 2.3, 5, 9])  # two for typing, eight of patience
ALONE_S = 12  # until the patience with an authority that is away has ended, and more
SMALL = st.sampled_from([100, 24_900])  # what a receiver may take alone
MOMENTS = st.sampled_from([0.0, 0.003, 0.03, 0.1, 1])
WHO = st.integers(0, 2)
WHICH = st.integers(0, 20)
CODES = st.sampled_from([[], [], [WRONG]])
WISHES = st.sampled_from([Wish.PAY, Wish.PAY, Wish.CANCEL])
ASKED = st.sampled_from(["authorise", "reverse", "confirm", "refund", "state"])
Act = Callable[[Clerk, Slip], Coroutine[Any, Any, None]]
ACTS: st.SearchStrategy[Act] = st.sampled_from(
    [
        *(Clerk.look, Clerk.pay, Clerk.look, Clerk.pay, Clerk.cancel, Clerk.abort),
        *(Clerk.change_mind, Clerk.begin, Clerk.begin_otherwise),
    ]
)


class Day(RuleBasedStateMachine):
    """One day in the store."""

    new_world: ClassVar[MakeWorld]
    seen: ClassVar[Tally[str]]

    sales = Bundle("sales")

    def __init__(self) -> None:
        super().__init__()
        self.slips: list[Slip] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.buyers: dict[int, asyncio.Task[None]] = {}

    @initialize(
        offline=st.booleans(),
        watched=st.booleans(),
        archive_at=st.sampled_from([1, 3, 250]),
        first=st.sampled_from(["", "bring_back", "sell_alone", "sell_alone_in_vain"]),
    )
    def open(self, offline: bool, watched: bool, archive_at: int, first: str) -> None:
        """What chance brings together too seldom, many days begin with."""
        writer.ARCHIVE_AT = archive_at
        self.world = Day.new_world(tills=(3, 4), offline=offline, watched=watched)
        self.clerk = Clerk(self.world, patience_s=8)
        self.world.start()
        self.world.go_on(1)
        if first == "bring_back":
            self.bring_back(3, 24_900, 0, 5)
        elif first:
            wish = Wish.PAY if first == "sell_alone" else Wish.CANCEL
            self.sell_alone(3, amount=24_900, who=0, wish=wish, back=True, revoked=False)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.world.come_to_rest(self.mend())
            quiet = invariants.check(self.world)
            Day.seen.update(tallies.seen(quiet))
        finally:
            self.world.close()

    async def mend(self) -> None:
        """Everything works again, and everybody ends what was begun."""
        self.repair()
        for task in self.buyers.values():
            task.cancel()
        await asyncio.gather(*self.tasks)
        for slip in self.slips:
            await self.clerk.settle(slip)

    def repair(self) -> None:
        """Nothing is broken any more."""
        world = self.world
        world.office.faults.clear()
        world.jam.code = 0
        world.office.away, world.skew_s, world.trip_s = False, 0.0, 0.001
        for counter in world.counters.values():
            counter.noise = lambda data: [data]
            counter.plug()

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(self.world.loop.create_task(work))

    def soon(self, act: Callable[..., object], *args: Any) -> None:
        self.world.loop.call_soon(act, *args)

    def come(self, who: int, till: int, *codes: str) -> None:
        """Where the same buyer stood before, the phone is put away."""
        if who in self.buyers:
            self.buyers.pop(who).cancel()
        work = self.world.buyers[who].pay(self.world.counters[till], *codes, link=who)
        self.buyers[who] = self.world.loop.create_task(work)

    # Tills and buyers.

    @rule(till=TILLS, amount=AMOUNTS, who=WHO, codes=CODES, wish=WISHES, seconds=SELLING)
    def sell(
        self, till: int, *, amount: int, who: int, codes: list[str], wish: Wish, seconds: float
    ) -> None:
        """All of a sale, by a till that does what it must."""
        slip = self.clerk.new_sale(till, amount)
        self.slips.append(slip)
        self.do(self.clerk.sell(slip, wish))
        self.come(who, till, *codes)
        self.world.go_on(seconds)

    @rule(till=TILLS, amount=SMALL, who=WHO, wish=WISHES, back=st.booleans(), revoked=st.booleans())
    def sell_alone(
        self, till: int, *, amount: int, who: int, wish: Wish, back: bool, revoked: bool
    ) -> None:
        """The same without the authority, which may be back then, and may say no then."""
        self.go_away(True, revoked)
        self.sell(till, amount=amount, who=who, codes=[], wish=wish, seconds=ALONE_S)
        self.go_away(not back, False)

    @rule(target=sales, till=TILLS, amount=AMOUNTS, who=WHO, codes=CODES, seconds=SELLING)
    def ring(self, till: int, amount: int, who: int, codes: list[str], seconds: float) -> Slip:
        """The beginning of one; the clerk goes on or does not."""
        slip = self.clerk.new_sale(till, amount)
        self.slips.append(slip)
        self.do(self.clerk.begin(slip))
        self.come(who, till, *codes)
        self.world.go_on(seconds)
        return slip

    @rule(slip=sales, act=ACTS, seconds=MOMENTS)
    def act(self, slip: Slip, act: Act, seconds: float) -> None:
        self.do(act(self.clerk, slip))
        self.world.go_on(seconds)

    @rule(which=WHICH, amount=st.none() | AMOUNTS, phone=st.none() | WHO, seconds=SELLING)
    def refund(self, which: int, amount: int | None, phone: int | None, seconds: float) -> None:
        """Of what was paid, if there is any; all of it, or that much."""
        sold = [slip for slip in self.slips if isinstance(slip.order, Order)]
        paid = [slip for slip in sold if self.clerk.paper(slip) == PAID]
        if not sold:
            return
        bought = (paid or sold)[which % len(paid or sold)]
        refund = self.clerk.new_refund(bought, amount, phone=phone is not None)
        self.slips.append(refund)
        self.do(self.clerk.begin(refund))
        if phone is not None:
            self.come(phone, self.world.till.rung[bought.id].till)
        self.world.go_on(seconds)

    @rule(till=TILLS, amount=SMALL, who=WHO, seconds=SELLING)
    def bring_back(self, till: int, amount: int, who: int, seconds: float) -> None:
        """Paid, and all of it given back to the buyer's phone."""
        self.sell(till, amount=amount, who=who, codes=[], wish=Wish.PAY, seconds=5)
        self.refund(-1, None, who, seconds)

    @rule(who=WHO, till=TILLS, says_no=st.booleans())
    def go(self, who: int, till: int, says_no: bool) -> None:
        if who in self.buyers:
            self.buyers.pop(who).cancel()
            if says_no:
                self.soon(self.world.counters[till].leave, who)

    # Trouble.

    @rule(till=TILLS, what=st.sampled_from(["reboot", "unplug", "plug"]), seconds=MOMENTS)
    def pull(self, till: int, what: str, seconds: float) -> None:
        self.soon(getattr(self.world.counters[till], what))
        self.world.go_on(seconds)

    @rule(till=TILLS, refuses=WHO | st.none())
    def refuse(self, till: int, refuses: int | None) -> None:
        """The receiver finds nothing good that comes on this link."""
        self.world.counters[till].fits = lambda candidate: (
            reasons.BAD_SIGNATURE if candidate.link == refuses else reasons.OK
        )

    @rule(till=TILLS, which=WHICH)
    def replay(self, till: int, which: int) -> None:
        self.soon(self.world.counters[till].replay, which)

    @rule(till=TILLS, seed=st.none() | st.integers(0, 3))
    def make_noise(self, till: int, seed: int | None) -> None:
        """Some of what goes over the line is lost, cut or comes twice."""
        chance = random.Random(seed)

        def noisy(data: bytes) -> list[bytes]:
            return chance.choice([[data]] * 12 + [[], [data, data], [data[: len(data) // 2]]])

        self.world.counters[till].noise = (lambda data: [data]) if seed is None else noisy

    @rule(asked=ASKED, faults=st.lists(st.sampled_from(list(Fault)), min_size=1, max_size=4))
    def fail(self, asked: str, faults: list[Fault]) -> None:
        self.world.office.faults[asked] = list(faults)

    @rule(away=st.booleans(), revokes=st.booleans())
    def go_away(self, away: bool, revokes: bool) -> None:
        """The authority, which may shut everybody out meanwhile."""
        office = self.world.office
        office.away = away
        if away and revokes:
            office.store.run("UPDATE credentials SET revoked = ?", office.now())

    @rule(trip_s=st.sampled_from([0.001, 0.3, 3.0]), hours=st.sampled_from([-1, 0, 0, 1]))
    def disturb(self, trip_s: float, hours: int) -> None:
        """A slow way from till to bridge, and another time on the bridge's clock."""
        self.world.trip_s, self.world.skew_s = trip_s, hours * 3600.0

    @rule(code=st.sampled_from([0, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL]), seconds=MOMENTS)
    def jam(self, code: int, seconds: float) -> None:
        """Another program holds the journal's lock, or the disk is full; until it is not."""
        self.world.jam.code = code
        self.world.go_on(seconds)

    @rule(points=st.integers(1, 60))
    def crash(self, points: int) -> None:
        self.world.life.end_after(points)

    @rule()
    def calm(self) -> None:
        self.repair()

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.world.go_on(seconds)


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens(
    part: int, new_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, shared: Path
) -> None:
    monkeypatch.setattr(writer, "ARCHIVE_AT", 250)  # put back afterwards
    Day.new_world, Day.seen = staticmethod(new_world), Tally()
    run_state_machine_as_test(
        Day if EXAMPLES else seed(part)(Day),
        settings=settings(
            max_examples=-(-EXAMPLES // PARTS) or DAYS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    if not EXAMPLES and (seen := of_all(shared / "days", part)) is not None:
        assert tallies.rare(seen) == {}


def of_all(folder: Path, part: int) -> Tally[str] | None:
    """What all parts have seen, for the last of them; None for the others."""
    folder.mkdir(exist_ok=True)
    with image.alone(folder / "lock"):
        (folder / f"{part}.json").write_text(json.dumps(Day.seen))
        parts = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    return sum(map(Tally, parts), Tally()) if len(parts) == PARTS else None
