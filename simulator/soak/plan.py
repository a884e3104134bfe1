"""What happens in a soak, sale by sale and crash by crash: the same seed, the same plan."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAID, CANCELLED = "paid", "cancelled"

# Buyers.
APPROVES = "approves"
MISTYPES = "mistypes"  # and types the right code after that
SAYS_NO = "says no"
STAYS_AWAY = "stays away"

# Who dies.
BRIDGE, AUTHORITY, RECEIVER = "bridge", "authority", "receiver"

KILLS = 0.25  # for each sale
TOGETHER_S = 0.8  # between two who die together
PHONES = 0.5  # of the refunds
AMOUNTS = (100, 50_000)  # minor units, below the demo buyer's purchase limit

_BUYERS = {APPROVES: 88, MISTYPES: 5, SAYS_NO: 4, STAYS_AWAY: 3}
# Who dies together: a bridge most often of what an authority that is away leaves it with.
_GROUPS = {
    (BRIDGE,): 25,
    (AUTHORITY,): 20,
    (RECEIVER,): 30,
    (AUTHORITY, BRIDGE): 20,
    (RECEIVER, BRIDGE): 5,
}


class Back(NamedTuple):
    """A refund; `phone`: the buyer has to approve it."""

    amount: int
    phone: bool


class Order(NamedTuple):
    """One sale: what the buyer does, and what the cashier and the till do. Times in seconds."""

    number: int
    till: int
    amount: int
    patience_s: int
    buyer: str
    comes_s: float  # after it was rung up
    wish: str  # of a sale that is approved: PAID or CANCELLED
    hesitates_s: float  # between that on its disk and its word to the bridge
    wavers: bool  # wishes the other as well, before the first is answered
    aborts_s: float | None  # the cashier waits no longer than that
    repeats: bool  # says everything twice, both at once
    lives_s: tuple[float, ...]  # the till dies so long after it began, and after it came back
    away_s: float
    refunds: tuple[Back, ...]  # of a sale that is paid; more than there is, at times


class Kill(NamedTuple):
    """One process dies by SIGKILL, `delay_s` after so many `sales` have begun."""

    sales: int
    delay_s: float
    victim: str
    till: int  # whose receiver, where it is one
    power: bool  # the receiver's line goes with it, and comes back with it
    away_s: float
    again_s: float | None  # it dies once more, so long after its next start


class Plan(NamedTuple):
    orders: list[Order]
    kills: list[Kill]


def plan(sales: int, seed: int, tills: int) -> Plan:
    """So many sales at tills 1 to `tills`, in turn."""
    chance = random.Random(seed)
    orders = [_order(chance, number, 1 + number % tills) for number in range(sales)]
    kills = sorted(_kills(chance, sales, tills), key=lambda kill: (kill.sales, kill.delay_s))
    return Plan(orders, kills)


def _order(chance: random.Random, number: int, till: int) -> Order:
    amount = chance.randint(*AMOUNTS)
    buyer = _one_of(chance, _BUYERS)
    impatient = buyer in (SAYS_NO, STAYS_AWAY) or chance.random() < 0.1
    return Order(
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
    """Each victim at least once."""
    groups = [*_GROUPS, *chance.choices(list(_GROUPS), list(_GROUPS.values()), k=sales)]
    wanted = max(len(_GROUPS), round(sales * KILLS))
    for group in groups[:wanted]:
        begun, delay_s = chance.randint(1, sales), chance.uniform(0.0, 1.0)
        for victim in group:
            yield _kill(chance, victim, begun, delay_s, tills)
            delay_s += chance.uniform(0.05, TOGETHER_S)


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
    """The authority's network at times for longer than tills are patient."""
    if victim == AUTHORITY and chance.random() < 0.4:
        return chance.uniform(3.0, 8.0)
    return chance.uniform(0.02, 1.5)


def _deaths(chance: random.Random) -> int:
    return chance.choices((0, 1, 2), (80, 15, 5))[0]


def _refunds(chance: random.Random, amount: int) -> tuple[int, ...]:
    """None, some in part, the whole, or one too many."""
    kinds: list[Callable[[], tuple[int, ...]]] = [
        tuple,
        lambda: (amount,),
        lambda: tuple(chance.randint(1, max(1, amount // 2)) for _ in range(2)),
        lambda: (amount, chance.randint(1, amount)),
    ]
    return chance.choices(kinds, (75, 8, 12, 5))[0]()


def _one_of(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]
