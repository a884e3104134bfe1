"""Reconciliation: the journal compared with the authority's books, with each difference.

It covers all receivers in the journal or at the authority, under their till numbers at that time:
today's configuration does not describe the past (design §5 rule 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.domain.alarms import DIFFERENCE, Alarm
from bridge.domain.held import HoldState
from bridge.domain.states import TAKEN_AS_PAID, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.books.books import Books
    from bridge.books.totals import Day, TotalsRow
    from bridge.domain.held import AuthorityTransaction
    from bridge.domain.sale import Place

    from .ports import Authority

_COUNTED = (*TAKEN_AS_PAID, State.REFUNDING)  # money moves, or is about to
# A hold is older than the till's decision about it by no more than the decision takes.
AROUND_S = 24 * 3600
ASKED_MOST = 100  # approvals asked for one by one: those booked on another day than paid
MS = 1000

# The kinds of difference between the bridge and the authority.
UNKNOWN_HERE = "unknown_here"  # held or posted at the authority, and missing in this journal
POSTED_UNPAID = "posted_unpaid"  # posted there, and not paid here
NOT_POSTED = "not_posted"  # paid here, and not posted there: normal while the confirmation is owed
AMOUNT = "amount"
KINDS = (UNKNOWN_HERE, POSTED_UNPAID, NOT_POSTED, AMOUNT)


class Compared(NamedTuple):
    """One place's day; `till` is None for a receiver that was never at a till here."""

    till: int | None
    receiver_id: bytes
    matched: int
    differences: list[dict[str, Any]]
    acknowledged: list[dict[str, Any]]  # differences that a person has acknowledged


class Reconciliation:
    """Compares the books of one bridge with the authority's."""

    def __init__(self, books: Books, authority: Authority, today: Iterable[Place]) -> None:
        """`today` are the configured places, which come first."""
        self._books = books
        self._authority = authority
        self._today = list(today)

    async def day(self, day: Day, till: int | None) -> list[Compared]:
        """Compare every place, or those of one till; raises UnansweredError and RefusedError."""
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
        """Return every receiver with its current or last till."""
        tills: dict[bytes, int | None] = {one.receiver_id: one.till for one in self._today}
        for place in self._books.places():
            tills.setdefault(place.receiver_id, place.till)
        for receiver_id in await self._authority.receivers():
            tills.setdefault(receiver_id, None)
        return tills

    async def _listed(
        self, receiver_id: bytes, day: Day, ours: list[TotalsRow]
    ) -> list[AuthorityTransaction]:
        """Return the day's list, and other transactions that the journal counts on that day."""
        listed = await self._authority.transactions(receiver_id, day.begin, day.end)
        for name in missing(ours, listed)[:ASKED_MOST]:
            one = await self._authority.transaction(bytes.fromhex(name), receiver_id)
            listed += [one] if one else []
        return listed

    def _look_up(self, theirs: list[AuthorityTransaction], around: dict[str, TotalsRow]) -> None:
        """Add rows of another time: offline purchases may be uploaded days later."""
        for one in theirs:
            name = one.approval_id.hex()
            if one.stands and name not in around:
                row = self._books.row_of(name)
                if row:
                    around[name] = row


def _by_till(
    receiver_id: bytes,
    home: int | None,
    ours: list[TotalsRow],
    theirs: list[AuthorityTransaction],
    around: dict[str, TotalsRow],
) -> list[Compared]:
    """Compare one receiver's day, under each till number that it had then."""
    tills = [_till(one, around, home) for one in theirs]
    found = []
    for till in dict.fromkeys((home, *(row.place.till for row in ours), *tills)):
        mine = [row for row in ours if row.place.till == till]
        there = [one for one, its in zip(theirs, tills, strict=True) if its == till]
        matched, differences = compare(mine, around, there)
        found.append(Compared(till, receiver_id, matched, differences, []))
    return found


def _till(one: AuthorityTransaction, around: dict[str, TotalsRow], home: int | None) -> int | None:
    """Return a transaction's till: from the sale, from the authority, or the receiver's."""
    row = around.get(one.approval_id.hex())
    if row:
        return row.place.till
    return home if one.till is None else one.till


def missing(rows: list[TotalsRow], theirs: list[AuthorityTransaction]) -> list[str]:
    """Return approval ids that count here and that the authority has not listed."""
    listed = {one.approval_id.hex() for one in theirs}
    names = [row.approval_id for row in rows if row.state in _COUNTED and row.approval_id]
    return [name for name in names if name not in listed]


def compare(
    rows: list[TotalsRow], around: dict[str, TotalsRow], theirs: list[AuthorityTransaction]
) -> tuple[int, list[dict[str, Any]]]:
    """Return the number that agree, and each difference.

    `rows` are the day's; `around`, by approval id, also has those of some time before and after,
    since a hold and the till's decision may fall on two days; `theirs` is the authority's list.
    """
    told = [_difference(around.get(one.approval_id.hex()), one) for one in theirs]
    differences = [difference for difference in told if difference]
    for name in missing(rows, theirs):
        differences.append(_told(NOT_POSTED, name, around.get(name), None))
    wrong = {difference["approval_id"] for difference in differences}
    paid = [row for row in rows if row.state in _COUNTED and row.approval_id]
    return sum(row.approval_id not in wrong for row in paid), differences


def _difference(row: TotalsRow | None, one: AuthorityTransaction) -> dict[str, Any] | None:
    kind = None
    if row is None:
        kind = UNKNOWN_HERE if one.stands else None
    elif row.state in _COUNTED and one.state != HoldState.POSTED:
        kind = NOT_POSTED
    elif one.state == HoldState.POSTED and row.state not in _COUNTED:
        kind = POSTED_UNPAID
    elif one.stands and one.amount != row.amount:
        kind = AMOUNT
    return _told(kind, one.approval_id.hex(), row, one) if kind else None


def _told(
    kind: str, name: str, row: TotalsRow | None, one: AuthorityTransaction | None
) -> dict[str, Any]:
    return {
        "kind": kind,
        "approval_id": name,
        "sale_id": row.sale_id if row else None,
        "here": str(row.state) if row else None,
        "there": str(one.state) if one else None,
        "amount_here": row.amount if row else None,
        "amount_there": (one.amount or None) if one else None,
    }


def alarm(row: TotalsRow, at: int) -> Alarm:
    """Make the alarm of a difference about a sale here; its key is the approval id."""
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
