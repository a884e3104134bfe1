"""The authority dies at every statement of everything that it does, and loses nothing.

What is left of SQLite are its files as they lay at that moment, of PostgreSQL a connection that
is gone; new books are opened from that, and the call is repeated.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from receiver import reasons
from receiver.protocol import messages
from simulator.authority.ledger import ledger, states
from simulator.authority.storage import dialects
from simulator.authority.storage.schema import DECLINED, EXPIRED, POSTED, VOIDED
from simulator.authority.storage.store import Store
from tests.support.shop.authority_books import NOW, WRONG, Books
from tests.support.values import evidence

pytestmark = pytest.mark.crashes

WEEK = ledger.EXPIRE_AFTER_S
STEPS_MOST = 60  # statements in any of these scenarios, before and after which to die

Prepare = Callable[[Books, int], Any]  # with a number for a sale of its own
Do = Callable[[Books, Any], Any]


class Crash(BaseException):
    """The process is gone: nobody catches this, and nothing works after it."""


class Dying:
    """Lets a store execute so many statements; dies before the next, or after it in its place."""

    def __init__(self, store: Store, steps: int, after: bool) -> None:
        self._store, self._real = store, store._execute
        self._left, self._after = steps, after
        self.dead = False
        store._execute = self._execute  # type: ignore[method-assign]

    def _execute(self, sql: str, *values: Any) -> Any:
        if self.dead or (self._left == 0 and not self._after):
            self._die()
        result = self._real(sql, *values)
        if self._left == 0:
            self._die()
        self._left -= 1
        return result

    def _die(self) -> None:
        self.dead = True
        raise Crash

    def live(self) -> None:
        self._store._execute = self._real  # type: ignore[method-assign]


def reopen(books: Books) -> None:
    """New books from what is on disk now."""
    if isinstance(books.place, Path):
        _take_files(books, books.place)
    else:
        books.store.close()
    books.store = Store(books.place)
    if isinstance(books.place, Path):
        assert books.store.rows("PRAGMA integrity_check") == [("ok",)]
        assert books.store.rows("PRAGMA foreign_key_check") == []


def _take_files(books: Books, path: Path) -> None:
    """As a process leaves them that has no time to close its books."""
    kept = [(part, part.read_bytes()) for part in path.parent.glob(f"{path.name}*")]
    for db in books.store._opened:
        assert isinstance(db, sqlite3.Connection)
        db.rollback()  # a statement that somebody still holds keeps a closed connection's lock
    books.store.close()
    for part, data in kept:
        part.write_bytes(data)


def sale(books: Books, number: int) -> Any:
    return books.evidence(number)


def wrong(books: Books, number: int) -> Any:
    books.store.run("UPDATE phones SET tries = 0")
    return books.evidence(number, WRONG)


def held(books: Books, number: int) -> bytes:
    return books.buy(number)


def unheard(books: Books, number: int) -> bytes:
    return books.evidence(number).approval_id


def expired(books: Books, number: int) -> bytes:
    approval_id = books.buy(number)
    ledger.sweep(books.store, NOW + WEEK)
    return approval_id


def posted(books: Books, number: int) -> bytes:
    return books.post(number)


def reserved(books: Books, number: int) -> bytes:
    """A refund that was approved on a phone."""
    original = books.booked(books.post(number)).transaction_id
    return books.buy(number + 1, kind=messages.REFUND, original=original, amount=100)


def authorise(books: Books, found: Any) -> Any:
    receipt = ledger.authorise(books.store, books.keys, books.caller, found, NOW)
    return evidence.receipt(receipt, books.keys.pins()).reason


def confirm(books: Books, approval_id: bytes) -> Any:
    booked = books.confirm(approval_id)
    return booked.state, booked.late


def reverse(books: Books, approval_id: bytes) -> Any:
    return books.reverse(approval_id)


def expire(books: Books, approval_id: bytes) -> Any:
    ledger.sweep(books.store, NOW + WEEK)
    return books.booked(approval_id).state


def refund(books: Books, original: bytes) -> Any:
    """Under an id that is the same whenever the purchase is."""
    booked = books.refund(bytes(byte ^ 1 for byte in original), original, 100)
    return booked.state, booked.reason


SCENARIOS: list[Any] = [
    pytest.param(sale, authorise, reasons.OK, id="authorise"),
    pytest.param(wrong, authorise, reasons.CODE_WRONG, id="decline"),
    pytest.param(held, confirm, (POSTED, 0), id="confirm"),
    pytest.param(expired, confirm, (POSTED, 1), id="confirm-late"),
    pytest.param(held, reverse, VOIDED, id="reverse"),
    pytest.param(unheard, reverse, VOIDED, id="reverse-unheard"),
    pytest.param(posted, reverse, POSTED, id="reverse-posted"),
    pytest.param(held, expire, EXPIRED, id="expire"),
    pytest.param(posted, refund, (POSTED, reasons.OK), id="refund"),
    pytest.param(held, refund, (DECLINED, reasons.NOT_POSTED), id="refund-declined"),
    pytest.param(reserved, confirm, (POSTED, 0), id="confirm-refund"),
    pytest.param(reserved, reverse, VOIDED, id="reverse-refund"),
]


@pytest.mark.parametrize(("prepare", "do", "wanted"), SCENARIOS)
def test_dying_at_any_statement_changes_nothing(
    books: Books, prepare: Prepare, do: Do, wanted: Any
) -> None:
    """Money is where it was, and the same call again has its one answer, and has it twice."""
    money, died = books.money(), 0
    for moment in range(2 * STEPS_MOST):
        step, after = divmod(moment, 2)
        subject = prepare(books, 2 * moment + 1)
        dying = Dying(books.store, step, bool(after))
        try:
            do(books, subject)
        except Crash:
            died += 1
        dying.live()
        if not dying.dead:
            break
        reopen(books)
        assert books.money() == money
        assert do(books, subject) == do(books, subject) == wanted
        assert books.money() == money
    assert died == moment > 2 * 3  # a transaction has its begin, its commit and something between
    assert set(books.alarms()) <= set(states.ALARMS.values())


def test_a_crash_before_the_books_are_made(tmp_path: Path) -> None:
    """Half a schema is none."""
    path = tmp_path / "books.sqlite"
    db = dialects.of(path).connect_to_migrate()
    db.execute("CREATE TABLE migrations (version INTEGER PRIMARY KEY, time BIGINT)")
    db.close()
    with closing(Store(path)) as store:
        assert store.value("SELECT version FROM state_version") == 0
