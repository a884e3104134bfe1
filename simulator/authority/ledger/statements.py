"""What became of a receiver's transactions, as bridges may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from receiver import reasons
from receiver.errors import Error
from receiver.protocol import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.authority.accounts.bindings import Caller
    from simulator.authority.storage.store import Store

PAGE = 200  # transactions in one answer

KINDS = {messages.PURCHASE: "purchase", messages.REFUND: "refund"}

_SHOWN = (
    "approval_id, state, amount, currency, transaction_id, refunded, late, reference, time, kind, "
    "till"
)
_ONE = f"SELECT {_SHOWN}, receiver, client FROM transactions WHERE approval_id = ?"
_LISTED = (
    f"SELECT {_SHOWN} FROM transactions WHERE receiver = ? AND time >= ? AND time < ? "
    "AND (time, approval_id) > (?, ?) AND (client = ? OR 1 = ?) ORDER BY time, approval_id LIMIT ?"
)


class Cursor(NamedTuple):
    """The last transaction of a page."""

    time: int
    approval_id: bytes

    def __str__(self) -> str:
        return f"{self.time:08x}{self.approval_id.hex()}"


BEGINNING = Cursor(-1, b"")


def one(store: Store, caller: Caller, approval_id: bytes) -> dict[str, Any]:
    """A transaction or refund; raises Error(APPROVAL_UNKNOWN, WRONG_RECEIVER)."""
    row = store.one(_ONE, approval_id)
    if row is None:
        raise Error(reasons.APPROVAL_UNKNOWN, "no such transaction")
    *shown, receiver, client = row
    if receiver != caller.receiver or not caller.may_end(client):
        raise Error(reasons.WRONG_RECEIVER, "another receiver's transaction, or another client's")
    return _shown(shown)


def page(
    store: Store, caller: Caller, start: int, end: int, after: Cursor
) -> tuple[list[dict[str, Any]], Cursor | None]:
    """Those booked from `start` up to `end`, in order; and where the next page begins, if any.

    A client that speaks for the receiver no more sees what it booked itself.
    """
    today = int(caller.until is None)
    rows = store.rows(_LISTED, caller.receiver, start, end, *after, caller.client, today, PAGE + 1)
    listed, more = [_shown(row) for row in rows[:PAGE]], len(rows) > PAGE
    if not more:
        return listed, None
    return listed, Cursor(listed[-1]["time"], bytes.fromhex(listed[-1]["approval_id"]))


def _shown(row: Sequence[Any]) -> dict[str, Any]:
    names = [name.strip() for name in _SHOWN.split(",")]
    shown = {name: plain(value) for name, value in zip(names, row, strict=True)}
    return {**shown, "late": bool(shown["late"]), "kind": KINDS[shown["kind"]]}


def plain(value: Any) -> Any:
    """Bytes in hex, everything else as it is."""
    return value.hex() if isinstance(value, bytes) else value
