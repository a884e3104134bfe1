"""The sales of a journal for `tillsign journal`, closed ones from its index."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from bridge.domain import event_codec
from bridge.domain.sale import IllegalMoveError
from bridge.journal import reading
from receiver import reasons
from receiver.host.currencies import letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.domain.sale import Sale
    from bridge.journal import Closed, Entry
    from bridge.journal.reader import Reader
    from bridge.journal.records import Row

UNREADABLE = "unreadable"  # entries that this version does not understand


class Listed(NamedTuple):
    """A line of the list; `at` in milliseconds since 1970: decided, or begun while it is open."""

    at: int
    sale_id: str
    kind: str
    till: int
    open: bool
    state: str
    reason: str
    amount: int
    currency: str


class ListedSum(NamedTuple):
    """How many sales of a kind ended in a state, and their sum."""

    kind: str
    state: str
    currency: str
    sales: int
    amount: int


def listed(journal: Reader, day: date | None, *, only_open: bool) -> list[Listed]:
    """List sales in the order of their times; raises JournalError."""
    start, end = _span(day) if day else (0, None)
    over: list[Closed] = []
    if not only_open:
        over = journal.all_closed(start) if end is None else journal.all_closed(start, end)
    under_way = [
        sale for sale in _open(journal) if start <= sale.at and (end is None or sale.at < end)
    ]
    return sorted([*map(_closed, over), *under_way], key=lambda sale: sale.at)


def sums(sales: Iterable[Listed]) -> list[ListedSum]:
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for sale in sales:
        groups[sale.kind, sale.state, sale.currency].append(sale.amount)
    return [ListedSum(*key, len(amounts), sum(amounts)) for key, amounts in sorted(groups.items())]


def state_of(rows: Sequence[Row]) -> str:
    """Return the state of the one sale behind these lines."""
    sale = _replayed([reading.entry(row) for row in rows if not row.own])
    return sale.state if sale else UNREADABLE


def _open(journal: Reader) -> list[Listed]:
    lines: dict[str, list[Entry]] = defaultdict(list)
    for entry in journal.live():
        lines[entry.sale_id].append(entry)
    return [
        _under_way(sale_id, entries)
        for sale_id, entries in lines.items()
        if journal.closed(sale_id) is None
    ]


def _under_way(sale_id: str, entries: list[Entry]) -> Listed:
    begun, sale = entries[0].at, _replayed(entries)
    if sale is None:
        return Listed(begun, sale_id, "", 0, True, UNREADABLE, "", 0, "")
    return Listed(
        at=begun,
        sale_id=sale_id,
        kind="refund" if sale.is_refund else "sale",
        till=sale.terms.till,
        open=True,
        state=sale.state,
        reason=_reason(sale.reason),
        amount=sale.terms.amount,
        currency=letters(sale.terms.currency),
    )


def _closed(one: Closed) -> Listed:
    return Listed(
        at=one.decided_at,
        sale_id=one.sale_id,
        kind=one.kind,
        till=one.till,
        open=False,
        state=one.state,
        reason=_reason(one.reason),
        amount=one.amount,
        currency=letters(one.currency),
    )


def _reason(code: int) -> str:
    return reasons.name(code) if code != reasons.OK else ""


def _replayed(entries: list[Entry]) -> Sale | None:
    """Replay a sale's entries; None where they make no sale."""
    try:
        return next(iter(event_codec.replay(entries).values()))
    except (IllegalMoveError, LookupError, StopIteration, TypeError, ValueError):
        return None


def _span(day: date) -> tuple[int, int]:
    """Return the day by this computer's clock, in milliseconds since 1970, its end not included."""
    ends = (datetime.combine(each, time()).astimezone() for each in (day, day + timedelta(1)))
    start, end = (int(each.timestamp() * 1000) for each in ends)
    return start, end
