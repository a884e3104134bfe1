"""What became of a receiver's transactions, as bridges may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from receiver import messages, reasons
from receiver.errors import Error

if TYPE_CHECKING:
    from .store import Store

PAGE = 200  # transactions in one answer

KINDS = {messages.PURCHASE: "purchase", messages.REFUND: "refund"}

_SHOWN = (
    "approval_id, state, amount, currency, transaction_id, refunded, late, reference, time, kind"
)
_ONE = f"SELECT {_SHOWN}, receiver FROM transactions WHERE approval_id = ?"
_LISTED = (
    f"SELECT {_SHOWN} FROM transactions WHERE receiver = ? AND time >= ? AND time < ? "
    "AND (time, approval_id) > (?, ?) ORDER BY time, approval_id LIMIT ?"
)


class Cursor(NamedTuple):
    """The last transaction of a page."""

    time: int
    approval_id: bytes

    def __str__(self) -> str:
        return f"{self.time:08x}{self.approval_id.hex()}"


BEGINNING = Cursor(-1, b"")


def one(store: Store, receiver_id: bytes, approval_id: bytes) -> dict[str, Any]:
    """A transaction or refund; raises Error(APPROVAL_UNKNOWN, WRONG_RECEIVER)."""
    row = store.one(_ONE, approval_id)
    if row is None:
        raise Error(reasons.APPROVAL_UNKNOWN, "no such transaction")
    if row[-1] != receiver_id:
        raise Error(reasons.WRONG_RECEIVER, "another receiver's transaction")
    shown = _shown(row[:-1])
    return {name: shown[name] for name in list(shown)[:-3]}


def page(
    store: Store, receiver_id: bytes, start: int, end: int, after: Cursor
) -> tuple[list[dict[str, Any]], Cursor | None]:
    """Those booked from `start` up to `end`, in order; and where the next page begins, if any."""
    rows = store.rows(_LISTED, receiver_id, start, end, *after, PAGE + 1)
    listed, more = rows[:PAGE], len(rows) > PAGE
    last = Cursor(listed[-1][-2], listed[-1][0]) if more else None
    return [_shown(row) for row in listed], last


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    names = [name.strip() for name in _SHOWN.split(",")]
    shown = {name: plain(value) for name, value in zip(names, row, strict=True)}
    return {**shown, "late": bool(shown["late"]), "kind": KINDS[shown["kind"]]}


def plain(value: Any) -> Any:
    """Bytes in hex, everything else as it is."""
    return value.hex() if isinstance(value, bytes) else value
