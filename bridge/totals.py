"""What a day came to at each receiver, from the journal alone, and how the authority sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from .currencies import LETTERS
from .held import STANDING, Held
from .money.states import TAKEN_AS_PAID, State

if TYPE_CHECKING:
    from .journal import Closed
    from .money.sale import Sale

_COUNTED = (*TAKEN_AS_PAID, State.REFUNDING)  # money moves, or is about to


class Day(NamedTuple):
    """A day in the terminal's own time: its name and its two ends, in seconds since 1970."""

    name: str
    begin: int
    end: int


class Row(NamedTuple):
    """One sale or refund, as far as a day's sums need it."""

    sale_id: str
    approval_id: str
    is_refund: bool
    state: State
    amount: int
    currency: int
    unsent: bool


def of_closed(closed: Closed) -> Row:
    return Row(
        closed.sale_id,
        closed.approval_id.hex(),
        closed.kind == "refund",
        State(closed.state),
        closed.amount,
        closed.currency,
        unsent=False,
    )


def of_open(sale: Sale) -> Row:
    terms = sale.terms
    return Row(
        terms.sale_id,
        sale.approval_id.hex(),
        sale.is_refund,
        sale.state,
        terms.amount,
        terms.currency,
        sale.unsent,
    )


def of_open_approvals(sale: Sale) -> list[Row]:
    """The approval at hand, and those that are being given back."""
    row = of_open(sale)
    recalled = [row._replace(approval_id=name.hex()) for name in sale.owed]
    return [row, *(one._replace(state=State.REVERSING) for one in recalled)]


def total(rows: list[Row]) -> list[dict[str, Any]]:
    """The sums in each currency."""
    currencies = sorted({row.currency for row in rows})
    return [_sums(LETTERS[one], [row for row in rows if row.currency == one]) for one in currencies]


def _sums(currency: str, rows: list[Row]) -> dict[str, Any]:
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
        "liability": _sum(_in(sales, State.LIABLE)),
        "undecided": _sum(_in(sales, State.TOLD)),
        "declined": _sum(_in(sales, State.DECLINED)),
        "cancelled": _sum(_in(sales, State.CANCELLED, State.REVERSING)),
    }


def _in(rows: Iterable[Row], *states: State) -> list[Row]:
    return [row for row in rows if row.state in states]


def _sum(rows: list[Row]) -> dict[str, int]:
    return {"count": len(rows), "amount": sum(row.amount for row in rows)}


# What may be different between the bridge and the authority.
UNKNOWN_HERE = "unknown_here"  # the authority holds or posted what this journal never saw
POSTED_UNPAID = "posted_unpaid"  # posted there, and not paid here
NOT_POSTED = "not_posted"  # paid here, and not posted there: on its way while it is owed
AMOUNT = "amount"
KINDS = (UNKNOWN_HERE, POSTED_UNPAID, NOT_POSTED, AMOUNT)


def missing(rows: list[Row], theirs: list[dict[str, Any]]) -> list[str]:
    """Approval ids that count here and that the authority has not listed: to be asked for."""
    listed = {str(one.get("approval_id")) for one in theirs}
    names = [row.approval_id for row in rows if row.state in _COUNTED and row.approval_id]
    return [name for name in names if name not in listed]


def compare(rows: list[Row], around: list[Row], theirs: list[dict[str, Any]]) -> dict[str, Any]:
    """How many agree, and each that does not.

    `rows` are the day's, `around` those of some time before and after as well, since a hold and
    the till's decision may fall on two days; `theirs` as the authority lists them.
    """
    here = {row.approval_id: row for row in around if row.approval_id}
    told = [_difference(here.get(str(one.get("approval_id"))), one) for one in theirs]
    differences = [difference for difference in told if difference]
    for name in missing(rows, theirs):
        differences.append(_told(NOT_POSTED, name, here.get(name), None, None))
    wrong = {difference["approval_id"] for difference in differences}
    paid = [row for row in rows if row.state in _COUNTED and row.approval_id]
    matched = sum(row.approval_id not in wrong for row in paid)
    return {"matched": matched, "differences": differences}


def _difference(row: Row | None, one: dict[str, Any]) -> dict[str, Any] | None:
    name, state, amount = str(one.get("approval_id")), one.get("state"), one.get("amount")
    holds = state in STANDING
    kind = None
    if row is None:
        kind = UNKNOWN_HERE if holds else None
    elif row.state in _COUNTED and state != Held.POSTED:
        kind = NOT_POSTED
    elif state == Held.POSTED and row.state not in _COUNTED:
        kind = POSTED_UNPAID
    elif holds and amount != row.amount:
        kind = AMOUNT
    return _told(kind, name, row, state, amount) if kind else None


def _told(kind: str, name: str, row: Row | None, state: Any, amount: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "approval_id": name,
        "sale_id": row.sale_id if row else None,
        "here": str(row.state) if row else None,
        "there": state,
        "amount_here": row.amount if row else None,
        "amount_there": amount,
    }
