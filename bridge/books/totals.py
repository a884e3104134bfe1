"""The totals of a day at each till and receiver, from the journal alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.domain.sale import Place
from bridge.domain.states import TAKEN_AS_PAID, State
from receiver.host.currencies import LETTERS

if TYPE_CHECKING:
    from bridge.domain.sale import Sale
    from bridge.journal import Closed


class Day(NamedTuple):
    """A day in the terminal's own time: its name and its two ends, in seconds since 1970."""

    name: str
    begin: int
    end: int


class TotalsRow(NamedTuple):
    """The data of one sale or refund for a day's sums, at its place at that time."""

    place: Place
    sale_id: str
    approval_id: str
    is_refund: bool
    state: State
    amount: int
    currency: int
    unsent: bool


def of_closed(closed: Closed) -> TotalsRow:
    return TotalsRow(
        Place(closed.till, closed.receiver_id),
        closed.sale_id,
        closed.approval_id.hex(),
        closed.kind == "refund",
        State(closed.state),
        closed.amount,
        closed.currency,
        unsent=False,
    )


def of_open(sale: Sale) -> TotalsRow:
    terms = sale.terms
    return TotalsRow(
        terms.place,
        terms.sale_id,
        sale.approval_id.hex(),
        sale.is_refund,
        sale.state,
        terms.amount,
        terms.currency,
        sale.unsent,
    )


def of_open_approvals(sale: Sale) -> list[TotalsRow]:
    """Return rows of the current approval, and of those that are being reversed."""
    row = of_open(sale)
    recalled = [row._replace(approval_id=name.hex()) for name in sale.owed]
    return [row, *(one._replace(state=State.REVERSING) for one in recalled)]


def total(rows: list[TotalsRow]) -> list[dict[str, Any]]:
    """Return the sums in each currency."""
    currencies = sorted({row.currency for row in rows})
    return [_sums(LETTERS[one], [row for row in rows if row.currency == one]) for one in currencies]


def _sums(currency: str, rows: list[TotalsRow]) -> dict[str, Any]:
    sales = [row for row in rows if not row.is_refund]
    refunds = [row for row in rows if row.is_refund]
    paid = _in(sales, *TAKEN_AS_PAID)
    refunded = _in(refunds, State.PAID, State.REFUNDING, State.POSTED)
    return {
        "currency": currency,
        "paid": _sum(paid),
        "refunded": _sum(refunded),
        "net": sum(row.amount for row in paid) - sum(row.amount for row in refunded),
        "posted": _sum(_in(sales, State.POSTED)),
        "owed": _sum(_in(sales, State.PAID)),
        "unsent": _sum([row for row in paid if row.unsent]),
        "liability": _sum(_in(sales, State.LIABILITY)),
        "undecided": _sum(_in(sales, State.TILL_NOTIFIED)),
        "declined": _sum(_in(sales, State.DECLINED)),
        "cancelled": _sum(_in(sales, State.CANCELLED, State.REVERSING)),
    }


def _in(rows: Iterable[TotalsRow], *states: State) -> list[TotalsRow]:
    return [row for row in rows if row.state in states]


def _sum(rows: list[TotalsRow]) -> dict[str, int]:
    return {"count": len(rows), "amount": sum(row.amount for row in rows)}
