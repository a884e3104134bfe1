"""The rows of transactions: find, insert and move them, always together with their money.

All but `alarmed` runs inside a transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple

from receiver import reasons, statemachine
from receiver.errors import Error
from simulator.authority.accounts.bindings import Caller
from simulator.authority.storage.dialects import Value
from simulator.authority.storage.schema import EXPIRED, POSTED
from simulator.authority.storage.store import AgainError, Store

from .states import ALARMS, EFFECTS, NONE, OTHER_CONTENT, TABLE, Effect


class Booked(NamedTuple):
    """The booking of an id; `content` is None where only a reversal came."""

    id: bytes
    receiver: bytes
    kind: int
    state: str
    content: bytes | None = None
    receipt: bytes | None = None
    reason: int | None = None
    transaction_id: bytes | None = None
    recipient: int | None = None
    amount: int | None = None
    original: bytes | None = None
    late: bool = False
    client: str | None = None  # the client that booked it


_BOOKED = (
    "SELECT approval_id, receiver, kind, state, content, receipt, reason, transaction_id, "
    "recipient, amount, original, late, client FROM transactions WHERE approval_id = ? "
    "FOR NO KEY UPDATE"
)
_MOVE = (
    "UPDATE transactions SET state = ?, changed = ?, late = ? WHERE approval_id = ? AND state = ?"
)
_ALARM = "INSERT INTO alarms (approval_id, kind, time) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_REFUND = (
    "UPDATE transactions SET reserved = reserved + ?, refunded = refunded + ? "
    "WHERE approval_id = ? AND state = 'POSTED' AND reserved + refunded + ? <= amount"
)
_TAKE = "UPDATE recipients SET credit_space = credit_space - ? WHERE id = ? AND credit_space >= ?"
_PUT = "UPDATE recipients SET credit_space = credit_space + ?, late = late + ? WHERE id = ?"


def find(store: Store, id_: bytes) -> Booked | None:
    """Find the booking of `id_` and lock it until the transaction ends."""
    return store.find(Booked, _BOOKED, id_)


def must_be_theirs(booked: Booked, caller: Caller) -> None:
    """Raise Error(WRONG_RECEIVER) unless the caller may finish this booking."""
    if booked.receiver != caller.receiver:
        raise Error(reasons.WRONG_RECEIVER, "the approval of another receiver")
    if not caller.may_end(booked.client):
        raise Error(reasons.WRONG_RECEIVER, "booked by another client of this receiver")


def insert(store: Store, event: str, booked: Booked, now: int, **columns: Value) -> bool:
    """Insert a new booking; False where a unique index refuses it and nothing was done.

    Raises AgainError where the money that the caller saw is no longer there.
    """
    state = statemachine.step(TABLE, NONE, event)
    row: dict[str, Value] = booked._asdict() | columns
    row |= {"approval_id": row.pop("id"), "state": state, "time": now, "changed": now}
    del row["late"]  # a new one never is
    if store.run(_inserting(tuple(row)), *row.values()) == 0:
        return False
    _apply(store, EFFECTS.get((booked.kind, NONE, state), Effect()), booked)
    return True


def move(store: Store, event: str, booked: Booked, now: int) -> str:
    """Apply `event` with its money and alarm; return the new state; raises Error(WRONG_ORDER)."""
    before, after = booked.state, statemachine.step(TABLE, booked.state, event)
    if after != before:
        late = int((before, after) == (EXPIRED, POSTED))
        if store.run(_MOVE, after, now, late, booked.id, before) != 1:
            raise AgainError
        _apply(store, EFFECTS.get((booked.kind, before, after), Effect()), booked)
    if (before, event) in ALARMS:
        alarm(store, booked.id, ALARMS[before, event], now)
    return after


def alarm(store: Store, id_: bytes, kind: str, now: int) -> None:
    """Raise an alarm, once for each cause."""
    store.run(_ALARM, id_, kind, now)


@contextmanager
def alarmed(store: Store, id_: bytes, now: int) -> Iterator[None]:
    """Wrap a whole transaction: store an alarm for a conflict although it is refused."""
    try:
        yield
    except Error as error:
        if error.code == reasons.CONFLICT:
            alarm(store, id_, OTHER_CONTENT, now)
        raise


def _apply(store: Store, effect: Effect, booked: Booked) -> None:
    """Update original before recipient, so that no two transactions wait for each other."""
    amount = booked.amount or 0
    if effect.reserved or effect.refunded:
        reserved, refunded = effect.reserved * amount, effect.refunded * amount
        _must_be_one(store.run(_REFUND, reserved, refunded, booked.original, reserved + refunded))
    if effect.space < 0 and not effect.late:
        _must_be_one(store.run(_TAKE, amount, booked.recipient, amount))
    elif effect.space:
        store.run(_PUT, effect.space * amount, effect.late * amount, booked.recipient)


def _must_be_one(changed: int) -> None:
    if changed != 1:
        raise AgainError


@lru_cache
def _inserting(columns: tuple[str, ...]) -> str:
    values = ", ".join("?" * len(columns))
    return (
        f"INSERT INTO transactions ({', '.join(columns)}) VALUES ({values}) ON CONFLICT DO NOTHING"
    )
