"""Statements of a receiver's transactions, for bridges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge import contracts
from bridge.authority.messages import Cursor, Kind, Transaction, TransactionPage
from receiver import reasons
from receiver.errors import Error
from receiver.protocol import messages
from simulator.authority.accounts.bindings import Caller
from simulator.authority.storage.store import Store

PAGE = 200  # transactions in one answer

_KINDS = {messages.PURCHASE: Kind.PURCHASE, messages.REFUND: Kind.REFUND}

_SHOWN = (
    "approval_id, state, amount, currency, transaction_id, refunded, late, reference, time, kind, "
    "till"
)
_NAMES = _SHOWN.split(", ")
_ONE = f"SELECT {_SHOWN}, receiver, client FROM transactions WHERE approval_id = ?"
_LISTED = (
    f"SELECT {_SHOWN} FROM transactions WHERE receiver = ? AND time >= ? AND time < ? "
    "AND (time, approval_id) > (?, ?) AND (client = ? OR 1 = ?) ORDER BY time, approval_id LIMIT ?"
)


def one(store: Store, caller: Caller, approval_id: bytes) -> Transaction:
    """Return a transaction or refund; raises Error(APPROVAL_UNKNOWN, WRONG_RECEIVER)."""
    row = store.one(_ONE, approval_id)
    if row is None:
        raise Error(reasons.APPROVAL_UNKNOWN, "no such transaction")
    *shown, receiver, client = row
    if receiver != caller.receiver or not caller.may_end(client):
        raise Error(reasons.WRONG_RECEIVER, "another receiver's transaction, or another client's")
    return _shown(shown)


def page(
    store: Store, caller: Caller, start: int, end: int, after: Cursor | None
) -> TransactionPage:
    """List those booked from `start` up to `end`, in order, and where the next page begins, if any.

    A former client of the receiver sees only its own bookings.
    """
    today = int(caller.until is None)
    place = (-1, b"") if after is None else (after.time, after.approval_id)
    rows = store.rows(_LISTED, caller.receiver, start, end, *place, caller.client, today, PAGE + 1)
    listed, more = [_shown(row) for row in rows[:PAGE]], len(rows) > PAGE
    return TransactionPage(listed, Cursor.of(listed[-1]) if more else None)


def _shown(row: Sequence[Any]) -> Transaction:
    shown = dict(zip(_NAMES, row, strict=True))
    shown |= {"late": bool(shown["late"]), "kind": _KINDS[shown["kind"]]}
    return contracts.convert(shown, Transaction)
