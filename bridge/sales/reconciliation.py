"""The journal beside the authority's books: what agrees, and each that does not.

All receivers count that the journal or the authority knows of, under the till numbers of then:
what is configured today says nothing about the past (design §5 rule 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.domain.alarms import DIFFERENCE, Alarm
from bridge.domain.held import Held
from bridge.domain.states import TAKEN_AS_PAID, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.books.books import Books
    from bridge.books.totals import Day, Row
    from bridge.domain.held import Holding
    from bridge.domain.sale import Place

    from .ports import Authority

_COUNTED = (*TAKEN_AS_PAID, State.REFUNDING)  # money moves, or is about to
# A hold is older than the till's decision about it by no more than the decision takes.
AROUND_S = 24 * 3600
ASKED_MOST = 100  # approvals asked for one by one: booked on another day than they were paid
MS = 1000

# What may be different between the bridge and the authority.
UNKNOWN_HERE = "unknown_here"  # the authority holds or posted what this journal never saw
POSTED_UNPAID = "posted_unpaid"  # posted there, and not paid here
NOT_POSTED = "not_posted"  # paid here, and not posted there: on its way while it is owed
AMOUNT = "amount"
KINDS = (UNKNOWN_HERE, POSTED_UNPAID, NOT_POSTED, AMOUNT)


class Compared(NamedTuple):
    """One place's day; `till` is None where a receiver of the authority never stood at one here."""

    till: int | None
    receiver_id: bytes
    matched: int
    differences: list[dict[str, Any]]
    acknowledged: list[dict[str, Any]]  # differences that a person has seen to


class Reconciliation:
    """Compares the books of one bridge with the authority's."""

    def __init__(self, books: Books, authority: Authority, today: Iterable[Place]) -> None:
        """`today`: the places that are configured, which come first."""
        self._books = books
        self._authority = authority
        self._today = list(today)

    async def day(self, day: Day, till: int | None) -> list[Compared]:
        """Every place, or those of one till; raises UnansweredError and RefusedError."""
        ours = self._books.rows(day.begin * MS, day.end * MS)
        wide = self._books.rows((day.begin - AROUND_S) * MS, (day.end + AROUND_S) * MS)
        around = {row.approval_id: row for row in (*wide, *self._books.under_way())}
        found: list[Compared] = []
        for receiver_id, home in (await self._receivers()).items():
            mine = [row for row in ours if row.place.receiver_id == receiver_id]
            theirs = await self._listed(receiver_id, day, mine)
            self._look_up(theirs, around)
            found += _by_till(receiver_id, home, mine, theirs, around)
        return [self._without_acknowledged(one) for one in found if till in (None, one.till)]

    def _without_acknowledged(self, one: Compared) -> Compared:
        seen = [
            difference
            for difference in one.differences
            if self._books.is_acknowledged(difference["approval_id"])
        ]
        stand = [difference for difference in one.differences if difference not in seen]
        return one._replace(differences=stand, acknowledged=seen)

    async def _receivers(self) -> dict[bytes, int | None]:
        """Every receiver with the till that it has, or had last."""
        tills: dict[bytes, int | None] = {one.receiver_id: one.till for one in self._today}
        for place in self._books.places():
            tills.setdefault(place.receiver_id, place.till)
        for receiver_id in await self._authority.receivers():
            tills.setdefault(receiver_id, None)
        return tills

    async def _listed(self, receiver_id: bytes, day: Day, ours: list[Row]) -> list[Holding]:
        """The day's list, and what else the journal counts on."""
        listed = await self._authority.transactions(receiver_id, day.begin, day.end)
        for name in missing(ours, listed)[:ASKED_MOST]:
            one = await self._authority.transaction(bytes.fromhex(name), receiver_id)
            listed += [one] if one else []
        return listed

    def _look_up(self, theirs: list[Holding], around: dict[str, Row]) -> None:
        """Add what the journal has of another time: offline purchases may be sent days later."""
        for one in theirs:
            name = one.approval_id.hex()
            if one.stands and name not in around:
                row = self._books.row_of(name)
                if row:
                    around[name] = row


def _by_till(
    receiver_id: bytes,
    home: int | None,
    ours: list[Row],
    theirs: list[Holding],
    around: dict[str, Row],
) -> list[Compared]:
    """One receiver's day under each till number that it had then."""
    tills = [_till(one, around, home) for one in theirs]
    found = []
    for till in dict.fromkeys((home, *(row.place.till for row in ours), *tills)):
        mine = [row for row in ours if row.place.till == till]
        there = [one for one, its in zip(theirs, tills, strict=True) if its == till]
        matched, differences = compare(mine, around, there)
        found.append(Compared(till, receiver_id, matched, differences, []))
    return found


def _till(one: Holding, around: dict[str, Row], home: int | None) -> int | None:
    """The till of a transaction: as it was rung up, as the authority has it, or the receiver's."""
    row = around.get(one.approval_id.hex())
    if row:
        return row.place.till
    return home if one.till is None else one.till


def missing(rows: list[Row], theirs: list[Holding]) -> list[str]:
    """Approval ids that count here and that the authority has not listed: to be asked for."""
    listed = {one.approval_id.hex() for one in theirs}
    names = [row.approval_id for row in rows if row.state in _COUNTED and row.approval_id]
    return [name for name in names if name not in listed]


def compare(
    rows: list[Row], around: dict[str, Row], theirs: list[Holding]
) -> tuple[int, list[dict[str, Any]]]:
    """How many agree, and each that does not.

    `rows` are the day's; `around` those of some time before and after as well, by approval id,
    since a hold and the till's decision may fall on two days; `theirs` as the authority lists them.
    """
    told = [_difference(around.get(one.approval_id.hex()), one) for one in theirs]
    differences = [difference for difference in told if difference]
    for name in missing(rows, theirs):
        differences.append(_told(NOT_POSTED, name, around.get(name), None))
    wrong = {difference["approval_id"] for difference in differences}
    paid = [row for row in rows if row.state in _COUNTED and row.approval_id]
    return sum(row.approval_id not in wrong for row in paid), differences


def _difference(row: Row | None, one: Holding) -> dict[str, Any] | None:
    kind = None
    if row is None:
        kind = UNKNOWN_HERE if one.stands else None
    elif row.state in _COUNTED and one.state != Held.POSTED:
        kind = NOT_POSTED
    elif one.state == Held.POSTED and row.state not in _COUNTED:
        kind = POSTED_UNPAID
    elif one.stands and one.amount != row.amount:
        kind = AMOUNT
    return _told(kind, one.approval_id.hex(), row, one) if kind else None


def _told(kind: str, name: str, row: Row | None, one: Holding | None) -> dict[str, Any]:
    return {
        "kind": kind,
        "approval_id": name,
        "sale_id": row.sale_id if row else None,
        "here": str(row.state) if row else None,
        "there": str(one.state) if one else None,
        "amount_here": row.amount if row else None,
        "amount_there": (one.amount or None) if one else None,
    }


def alarm(row: Row, at: int) -> Alarm:
    """A difference about a sale here, to be acknowledged by its approval id."""
    return Alarm(
        key=row.approval_id,
        kind=DIFFERENCE,
        sale_id=row.sale_id,
        approval_id=bytes.fromhex(row.approval_id),
        amount=row.amount,
        currency=row.currency,
        till=row.place.till,
        receiver_id=row.place.receiver_id,
        at=at,
        detail=f"{row.state} here",
    )
