"""Statements of transactions: a receiver's for bridges, a phone's own for the phone."""

from __future__ import annotations

from bridge.authority.messages import Cursor, Kind, Transaction, TransactionPage
from receiver import reasons
from receiver.errors import Error
from receiver.protocol.messages import REFUND
from simulator.authority.accounts.bindings import Caller
from simulator.authority.storage.store import Store

PAGE = 200  # transactions in one answer

# In the order of `Transaction`.
_SHOWN = (
    f"SELECT approval_id, state, CASE kind WHEN {REFUND} THEN '{Kind.REFUND}' ELSE "
    f"'{Kind.PURCHASE}' END, amount, currency, transaction_id, refunded, late, reference, time, "
    "till FROM transactions "
)
_WHOSE = "SELECT receiver, client FROM transactions WHERE approval_id = ?"
_LISTED = (
    f"{_SHOWN} WHERE receiver = ? AND time >= ? AND time < ? AND (time, approval_id) > (?, ?) "
    "AND (client = ? OR 1 = ?) ORDER BY time, approval_id LIMIT ?"
)


def one(store: Store, caller: Caller, approval_id: bytes) -> Transaction:
    """Return a transaction or refund; raises Error(APPROVAL_UNKNOWN, WRONG_RECEIVER)."""
    shown = store.find(Transaction, f"{_SHOWN} WHERE approval_id = ?", approval_id)
    whose = store.one(_WHOSE, approval_id)
    if shown is None or whose is None:
        raise Error(reasons.APPROVAL_UNKNOWN, "no such transaction")
    receiver, client = whose
    if receiver != caller.receiver or not caller.may_end(client):
        raise Error(reasons.WRONG_RECEIVER, "another receiver's transaction, or another client's")
    return shown


def page(
    store: Store, caller: Caller, start: int, end: int, after: Cursor | None
) -> TransactionPage:
    """List those booked from `start` up to `end`, in order, and where the next page begins, if any.

    A former client of the receiver sees only its own bookings.
    """
    today = int(caller.until is None)
    place = (-1, b"") if after is None else (after.time, after.approval_id)
    asked = (caller.receiver, start, end, *place, caller.client, today, PAGE + 1)
    found = store.every(Transaction, _LISTED, *asked)
    listed = found[:PAGE]
    return TransactionPage(listed, Cursor.of(listed[-1]) if len(found) > PAGE else None)


def approval_of(store: Store, phone: int, approval_id: bytes) -> tuple[str, bytes | None] | None:
    """Return state and receipt of the phone's own approval, or of one reversed before it came."""
    row = store.one(
        "SELECT state, receipt FROM transactions "
        "WHERE approval_id = ? AND (phone = ? OR phone IS NULL)",
        approval_id,
        phone,
    )
    return None if row is None else (row[0], row[1])
