"""The plan of a soak, sale by sale and crash by crash: the same seed makes the same plan."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

PAID, CANCELLED = "paid", "cancelled"

# Buyers.
APPROVES = "approves"
MISTYPES = "mistypes"  # then types the valid code
SAYS_NO = "says no"
STAYS_AWAY = "stays away"

# The victims; and unplugged ports, which do not affect a receiver.
BRIDGE, AUTHORITY, RECEIVER, PORT = "bridge", "authority", "receiver", "port"

# Faults of the journal: locked by another program, backed up, restored; copied as a disk image,
# and replaced by one.
LOCK, BACKUP, RESTORE = "locks", "backups", "restores"
IMAGE, COPY_BACK = "images", "copies put back"
# Changes of a till between two of its sales.
RENUMBER, EXCHANGE = "renumbered", "exchanged"

KILLS = 0.25  # for each sale
LOCKS, RESTORES, COPIES = 0.03, 0.015, 0.015  # the same
CHANGES = 0.015  # of each kind
LOCK_S = (0.1, 3.0)
CUT_S = (0.2, 1.0)  # a command takes about one
TOGETHER_S = 0.8  # between two that crash together
PHONES = 0.5  # of the refunds
AMOUNTS = (100, 50_000)  # minor units, below the demo buyer's purchase limit

_BUYERS = {APPROVES: 88, MISTYPES: 5, SAYS_NO: 4, STAYS_AWAY: 3}
# The victims that crash together: mostly a bridge with open work while the authority is away.
_GROUPS = {
    (BRIDGE,): 25,
    (AUTHORITY,): 20,
    (RECEIVER,): 30,
    (AUTHORITY, BRIDGE): 20,
    (RECEIVER, BRIDGE): 5,
    (PORT,): 15,
}
_IN_THE_MIDDLE = {BRIDGE: 35, AUTHORITY: 35, "": 30}  # of a fault: the victim


class Back(NamedTuple):
    """A refund; `phone`: by phone, with the buyer's approval."""

    amount: int
    phone: bool


class PlannedSale(NamedTuple):
    """One sale: the actions of buyer, cashier and till. Times in seconds."""

    number: int
    till: int
    amount: int
    patience_s: int
    buyer: str
    comes_s: float  # after it was rung up
    wish: str  # the decision on an approved sale: PAID or CANCELLED
    hesitates_s: float  # between that decision on its disk and its report to the bridge
    wavers: bool  # reports the other decision too, before the first is answered
    aborts_s: float | None  # the cashier waits no longer than that
    repeats: bool  # sends everything twice, both at once
    lives_s: tuple[float, ...]  # the till crashes so long after its start, and after its restart
    away_s: float
    refunds: tuple[Back, ...]  # of a paid sale; at times more than was paid


class Kill(NamedTuple):
    """One process is killed, `delay_s` after so many `sales` have begun, or in a fault."""

    sales: int
    delay_s: float
    victim: str
    till: int  # of the victim, where it is a receiver
    power: bool  # the receiver's line goes down and comes back with it
    away_s: float
    again_s: float | None  # a second kill, so long after its next start


class JournalFault(NamedTuple):
    """A fault of the journal once so many `sales` have begun, after the fault before it."""

    sales: int
    kind: str
    lasts_s: float  # of a lock
    cut_s: float | None  # the command is killed so long after its start, and runs again
    kill: Kill | None  # of another process, in the middle of the fault


class Change(NamedTuple):
    """A change of the till just before an order; the bridge is restarted for it."""

    order: int
    kind: str
    kill: Kill | None


class Plan(NamedTuple):
    orders: list[PlannedSale]
    kills: list[Kill]
    faults: list[JournalFault]
    changes: dict[int, Change]  # by order


def plan(sales: int, seed: int, tills: int) -> Plan:
    """Plan so many sales at tills 1 to `tills`, in turn."""
    chance = random.Random(seed)
    orders = [_order(chance, number, 1 + number % tills) for number in range(sales)]
    kills = sorted(_kills(chance, sales, tills), key=lambda kill: (kill.sales, kill.delay_s))
    faults = sorted(_faults(chance, sales), key=lambda fault: fault.sales)
    changes = {change.order: change for change in _changes(chance, sales)}
    return Plan(orders, kills, faults, changes)


def _order(chance: random.Random, number: int, till: int) -> PlannedSale:
    amount = chance.randint(*AMOUNTS)
    buyer = _one_of(chance, _BUYERS)
    impatient = buyer in (SAYS_NO, STAYS_AWAY) or chance.random() < 0.1
    return PlannedSale(
        number,
        till,
        amount,
        patience_s=chance.randint(2, 6),
        buyer=buyer,
        comes_s=chance.uniform(0.0, 0.4),
        wish=CANCELLED if chance.random() < 0.12 else PAID,
        hesitates_s=chance.uniform(0.0, 1.0) if chance.random() < 0.4 else 0.0,
        wavers=chance.random() < 0.08,
        aborts_s=chance.uniform(0.1, 2.0) if impatient else None,
        repeats=chance.random() < 0.15,
        lives_s=tuple(chance.uniform(0.0, 1.2) for _ in range(_deaths(chance))),
        away_s=chance.uniform(0.0, 1.5),
        refunds=tuple(Back(back, chance.random() < PHONES) for back in _refunds(chance, amount)),
    )


def _kills(chance: random.Random, sales: int, tills: int) -> Iterator[Kill]:
    """Plan kills, of each victim at least once."""
    groups = [*_GROUPS, *chance.choices(list(_GROUPS), list(_GROUPS.values()), k=sales)]
    wanted = max(len(_GROUPS), round(sales * KILLS))
    for group in groups[:wanted]:
        begun, delay_s = chance.randint(1, sales), chance.uniform(0.0, 1.0)
        for victim in group:
            yield _kill(chance, victim, begun, delay_s, tills)
            delay_s += chance.uniform(0.05, TOGETHER_S)


def _faults(chance: random.Random, sales: int) -> Iterator[JournalFault]:
    """Plan faults, of each kind at least once; a copy comes before its restoration."""
    for _ in range(_times(sales, LOCKS)):
        yield _fault(chance, chance.randint(1, sales), LOCK)
    for kinds, rate in (((BACKUP, RESTORE), RESTORES), ((IMAGE, COPY_BACK), COPIES)):
        for _ in range(_times(sales, rate)):
            begun = sorted(chance.randint(1, sales) for _ in kinds)
            for kind, at in zip(kinds, begun, strict=True):
                yield _fault(chance, at, kind)


def _fault(chance: random.Random, sales: int, kind: str) -> JournalFault:
    cut_s = chance.uniform(*CUT_S) if chance.random() < 0.4 else None
    return JournalFault(sales, kind, chance.uniform(*LOCK_S), cut_s, _in_the_middle(chance))


def _changes(chance: random.Random, sales: int) -> Iterator[Change]:
    """Plan changes, each before another order, in the later part: when there is a history."""
    times = _times(sales, CHANGES)
    kinds = [RENUMBER, EXCHANGE] * times
    later = range(sales // 3, max(sales, sales // 3 + len(kinds)))
    for order, kind in zip(chance.sample(later, len(kinds)), kinds, strict=True):
        yield Change(order, kind, _in_the_middle(chance))


def _in_the_middle(chance: random.Random) -> Kill | None:
    victim = _one_of(chance, _IN_THE_MIDDLE)
    return _kill(chance, victim, 0, chance.uniform(0.0, 1.5), 1) if victim else None


def _times(sales: int, rate: float) -> int:
    return max(1, round(sales * rate))


def _kill(chance: random.Random, victim: str, sales: int, delay_s: float, tills: int) -> Kill:
    return Kill(
        sales,
        delay_s,
        victim,
        chance.randint(1, tills),
        power=chance.random() < 0.5,
        away_s=_away(chance, victim),
        again_s=chance.uniform(0.05, 1.5) if chance.random() < 0.15 else None,
    )


def _away(chance: random.Random, victim: str) -> float:
    """Plan how long the victim is away, the authority at times longer than a till's patience."""
    if victim == AUTHORITY and chance.random() < 0.4:
        return chance.uniform(3.0, 8.0)
    return chance.uniform(0.02, 1.5)


def _deaths(chance: random.Random) -> int:
    return chance.choices((0, 1, 2), (80, 15, 5))[0]


def _refunds(chance: random.Random, amount: int) -> tuple[int, ...]:
    """Plan refunds: none, some in part, the whole, or one too many."""
    kinds: list[Callable[[], tuple[int, ...]]] = [
        tuple,
        lambda: (amount,),
        lambda: tuple(chance.randint(1, max(1, amount // 2)) for _ in range(2)),
        lambda: (amount, chance.randint(1, amount)),
    ]
    return chance.choices(kinds, (75, 8, 12, 5))[0]()


def _one_of(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]
