"""Several threads at the same books at once, each with a connection of its own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bridge.authority.messages import Verdict
from receiver import reasons
from receiver.errors import Error
from simulator.authority.accounts import bindings, people, receivers
from simulator.authority.ledger import (
    decline_rules,
    journal_positions,
    ledger,
    refunds,
    transactions,
)
from simulator.authority.ledger.journal_positions import LEASE_S, Position
from simulator.authority.ledger.record_verification import Evidence
from simulator.authority.storage.schema import DECLINED, EXPIRED, PENDING, POSTED, VOIDED
from simulator.phone.wallet.keys import P256, PhoneKey
from tests.support.shop.authority_books import CLIENT, NOW, WRONG, Books, K, claimed
from tests.support.values import evidence

T = TypeVar("T")

THREADS = 6
ROUNDS = 5
MEET_S = 5.0
WEEK = ledger.EXPIRE_AFTER_S


def race(*works: Callable[[], T]) -> list[T]:
    """All of them begun at the same moment; their results in order."""
    start = threading.Barrier(len(works))

    def begin(work: Callable[[], T]) -> T:
        start.wait(MEET_S)
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return [one.result() for one in [threads.submit(begin, work) for work in works]]


def phones(books: Books, count: int) -> list[tuple[bytes, bytes]]:
    """Private key and credential of more phones of the same buyer's, so that none waits for one."""
    made = []
    for number in range(count):
        private = evidence.seed(f"phone {number}")
        [buyer] = books.store.one("SELECT min(id) FROM buyers") or (0,)
        word = people.add_activation(books.store, buyer)
        public = PhoneKey(P256, private).public
        registered = people.register(books.store, word, public, bytes(32), K)
        assert registered is not None
        issue = people.issue_credentials
        [data] = issue(books.store, books.keys, registered[0], books.recipient, 1, now=NOW)
        made.append((private, data))
    return made


def by_each_phone(books: Books, count: int, same: bool = False) -> list[Evidence]:
    """A purchase by each of so many phones; the same offer for all where `same`."""
    found = []
    for number, (private, credential) in enumerate(phones(books, count)):
        books.phone, books.credential = private, credential
        found.append(books.evidence(1 if same else number + 1))
    return found


def authorise(books: Books, found: Evidence) -> int:
    return evidence.receipt(
        ledger.authorise(books.store, books.keys, books.caller, found, NOW), books.keys.pins()
    ).reason


def test_one_approval_many_times(books: Books) -> None:
    space = books.credit_space()
    for number in range(1, ROUNDS + 1):
        found = books.evidence(number)
        work = partial(ledger.authorise, books.store, books.keys, books.caller, found, NOW)
        assert len(set(race(*[work] * THREADS))) == 1
    assert books.credit_space() == space - ROUNDS * evidence.AMOUNT


def test_one_sale_many_phones(books: Books) -> None:
    space = books.credit_space()
    works = [partial(authorise, books, found) for found in by_each_phone(books, THREADS, True)]
    assert Counter(race(*works)) == {reasons.OK: 1, reasons.CONFLICT: THREADS - 1}
    assert books.credit_space() == space - evidence.AMOUNT


def test_the_last_of_the_credit_space(books: Books) -> None:
    books.store.run("UPDATE recipients SET credit_space = ?", 3 * evidence.AMOUNT - 1)
    works = [partial(authorise, books, found) for found in by_each_phone(books, THREADS)]
    assert Counter(race(*works)) == {reasons.OK: 2, reasons.CREDIT_SPACE: THREADS - 2}
    assert books.credit_space() == evidence.AMOUNT - 1


def test_guessing_at_once_is_guessing(books: Books) -> None:
    """Five wrong codes lock the phone, however many come in the same moment."""
    guesses = [books.evidence(number, WRONG) for number in range(1, 9)]
    answers = Counter(race(*[partial(authorise, books, found) for found in guesses]))
    assert answers == {reasons.CODE_WRONG: decline_rules.TRIES_MOST, reasons.CODE_LOCKED: 3}
    assert books.tries() == decline_rules.TRIES_MOST


def test_reversed_while_it_comes(books: Books) -> None:
    space = books.credit_space()
    for number in range(1, ROUNDS + 1):
        found = books.evidence(number)
        reverse = partial(books.reverse, found.approval_id)
        answers: list[Any] = race(
            partial(authorise, books, found), reverse, partial(authorise, books, found)
        )
        assert answers[1] == VOIDED
        assert {answers[0], answers[2]} <= {reasons.OK, reasons.REVERSED}
        assert authorise(books, found) == reasons.REVERSED
    assert books.credit_space() == space


def test_confirmed_reversed_and_expired_at_once(books: Books) -> None:
    money = books.money()
    for number in range(1, ROUNDS + 1):
        approval_id = books.buy(number)
        race(
            lambda id_=approval_id: books.confirm(id_).state,  # type: ignore[misc]
            lambda id_=approval_id: books.reverse(id_),  # type: ignore[misc]
            lambda id_=approval_id: ledger.expire(books.store, id_, NOW + WEEK),  # type: ignore[misc]
        )
        end = books.booked(approval_id).state
        assert end in (POSTED, VOIDED)
        assert books.confirm(approval_id).state == end
        assert books.money() == money


def test_refunds_share_what_was_posted(books: Books) -> None:
    money, sale = books.money(), books.post(1)
    third = evidence.AMOUNT // 3
    works = [partial(books.refund, bytes([n]) * 16, sale, third) for n in range(THREADS)]
    answers = race(*works)
    assert Counter(one.state for one in answers) == {POSTED: 3, DECLINED: THREADS - 3}
    assert books.money() == money
    again = race(*[partial(books.refund, b"\xff" * 16, books.post(2), 1)] * THREADS)
    assert len({one.transaction_id for one in again}) == 1


def test_everything_at_once(books: Books) -> None:
    """No order of locks in which two wait for each other, and no money made or lost."""
    money, sales = books.money(), [books.post(number) for number in (1, 2)]
    held = [books.buy(number) for number in range(3, 7)]
    race(
        *[partial(books.refund, bytes([n]) * 16, sales[n % 2], 50) for n in range(4)],
        *[partial(books.confirm, id_) for id_ in held[:2]],
        *[partial(books.reverse, id_) for id_ in held],
        partial(ledger.sweep, books.store, NOW + WEEK),
        *[partial(authorise, books, found) for found in by_each_phone(books, 3, True)],
    )
    assert books.money() == money
    states = {books.booked(id_).state for id_ in held}
    assert states <= {POSTED, VOIDED}
    assert EXPIRED not in states


# Both have looked before either writes: only on PostgreSQL, as SQLite lets one in at a time.


@pytest.fixture
def served(tmp_path: Path, postgres: Callable[[], str]) -> Iterator[Books]:
    books = Books(tmp_path, postgres())
    yield books
    books.store.close()


def _meeting(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, count: int) -> None:
    """Hold the first `count` callers of `module.name` until all of them are there."""
    meet, real, met = threading.Barrier(count), getattr(module, name), threading.Semaphore(count)

    def held(*args: Any, **kwargs: Any) -> Any:
        if met.acquire(blocking=False):
            meet.wait(MEET_S)
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, held)


def test_both_saw_a_free_sale(served: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    works = [partial(authorise, served, found) for found in by_each_phone(served, 2, True)]
    _meeting(monkeypatch, transactions, "insert", 2)
    assert sorted(race(*works)) == [reasons.OK, reasons.CONFLICT]


def test_both_saw_the_same_credit_space(served: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    served.store.run("UPDATE recipients SET credit_space = ?", evidence.AMOUNT)
    works = [partial(authorise, served, found) for found in by_each_phone(served, 2)]
    _meeting(monkeypatch, transactions, "insert", 2)
    assert sorted(race(*works)) == [reasons.OK, reasons.CREDIT_SPACE]
    assert served.credit_space() == 0


def test_neither_saw_the_other_of_one_refund(
    served: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds no refund under the id, waits for the purchase, and then finds one."""
    sale = served.post(1)
    _meeting(monkeypatch, refunds, "original", 2)
    first, second = race(*[partial(served.refund, bytes(16), sale, 100)] * 2)
    assert first == second
    assert served.booked(sale).state == POSTED
    assert served.store.value("SELECT max(refunded) FROM transactions") == 100


def test_the_stone_came_between(served: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was booked when the approval was looked up; a reversal is there when it is held."""
    found = served.evidence(1)
    real = transactions.insert

    def late(store: Any, event: str, booked: Any, now: int, **columns: Any) -> bool:
        if columns:
            monkeypatch.setattr(transactions, "insert", real)
            with ThreadPoolExecutor(1) as thread:
                assert thread.submit(served.reverse, found.approval_id).result() == VOIDED
        return real(store, event, booked, now, **columns)

    monkeypatch.setattr(transactions, "insert", late)
    assert authorise(served, found) == reasons.REVERSED
    assert served.booked(found.approval_id).state == VOIDED
    assert served.store.rows("SELECT state FROM transactions") == [(VOIDED,)]


# Bridges at the same books at once: who serves, and who speaks for a receiver.


def at(number: int, life: int = 1, run: int = 1) -> Position:
    return Position(b"bridge01", bytes([life]) * 16, bytes([run]) * 8, number, bytes([number]) * 32)


def claim(books: Books, position: Position, now: int = NOW) -> str:
    return journal_positions.claim(books.store, CLIENT, claimed(position), now, LEASE_S).standing


def test_two_lives_that_claim_at_once(books: Books) -> None:
    """A lost journal begun anew on two machines: one of them serves."""
    assert claim(books, at(9)) == Verdict.CURRENT
    works = [
        partial(claim, books, at(1, life), NOW + LEASE_S + 1) for life in range(2, 2 + THREADS)
    ]
    assert Counter(race(*works)) == {Verdict.CURRENT: 1, Verdict.IN_USE: THREADS - 1}


def test_two_first_lives_at_once(books: Books) -> None:
    works = [partial(claim, books, at(1, life)) for life in range(1, 1 + THREADS)]
    assert Counter(race(*works)) == {Verdict.CURRENT: 1, Verdict.IN_USE: THREADS - 1}


def test_two_restarts_at_once(books: Books) -> None:
    """Each is the same place of the same life: whatever they are told, one of them is served."""
    assert claim(books, at(9)) == Verdict.CURRENT
    runs = range(2, 2 + THREADS)
    assert set(race(*[partial(claim, books, at(9, run=run)) for run in runs])) == {Verdict.CURRENT}
    served = race(*[partial(_is_served, books, at(9, run=run)) for run in runs])
    assert Counter(served) == {True: 1, False: THREADS - 1}


def _is_served(books: Books, position: Position) -> bool:
    try:
        journal_positions.note(books.store, CLIENT, position, NOW)
    except Error as error:
        return error.code != reasons.JOURNAL_BEHIND
    return True


def test_calls_at_once_leave_the_newest_position(books: Books) -> None:
    held = [books.buy(number) for number in range(1, 1 + THREADS)]

    def confirm(number: int) -> str:
        caller = books.caller._replace(position=at(number))
        return ledger.confirm(books.store, caller, held[number - 1], NOW).state

    assert (
        race(*[partial(confirm, number) for number in range(1, 1 + THREADS)]) == [POSTED] * THREADS
    )
    assert books.store.rows("SELECT sequence FROM positions") == [(THREADS,)]


def test_a_call_and_the_life_that_follows(books: Books) -> None:
    """Either the call is done before the other life serves, or it is not done at all."""
    for number in range(1, 1 + ROUNDS):
        assert claim(books, at(1, 2 * number), NOW + number * 3 * LEASE_S) == Verdict.CURRENT
        found = books.buy(number)
        later = NOW + number * 3 * LEASE_S + LEASE_S + 1

        def confirm(life: int = 2 * number, id_: bytes = found) -> str:
            caller = books.caller._replace(position=at(1, life))
            try:
                return ledger.confirm(books.store, caller, id_, NOW).state
            except Error:
                return books.booked(id_).state

        state, standing = race(confirm, partial(claim, books, at(1, 2 * number + 1), later))
        assert (state, standing) in ((POSTED, Verdict.CURRENT), (PENDING, Verdict.CURRENT))
        assert books.booked(found).state == state


def test_the_client_is_renewed_once(books: Books) -> None:
    """By one of those that are named at the same time."""

    def renew(new: str) -> bool:
        try:
            return bindings.renew(books.store, CLIENT, new, NOW) == CLIENT
        except Error:
            return False

    assert sum(race(*[partial(renew, f"new {number}") for number in range(THREADS)])) == 1
    assert books.store.value("SELECT count(*) FROM clients WHERE until IS NULL") == 1


def test_a_receiver_is_bound_to_one_client(books: Books) -> None:
    def enrol(client: str) -> bytes:
        terms = receivers.Terms(1, f"Store of {client}", 7, evidence.SEK)
        value = receivers.certificate_for(bytes(32), evidence.RECEIVER_ID, terms, NOW + 1)
        return receivers.enrol(books.store, books.keys, value, client)

    race(*[partial(enrol, f"client {number}") for number in range(THREADS)])
    assert books.store.value("SELECT count(*) FROM bindings WHERE until IS NULL") == 1
    assert books.store.value("SELECT count(*) FROM certificates WHERE replaced IS NULL") == 1
