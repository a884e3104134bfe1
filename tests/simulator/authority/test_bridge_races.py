"""Bridges at the same books at once: who serves, and who speaks for a receiver."""

from __future__ import annotations

from collections import Counter
from functools import partial

from bridge.authority.messages import Verdict
from receiver import reasons
from receiver.errors import Error
from simulator.authority.accounts import bindings, receivers
from simulator.authority.ledger import journal_positions, ledger
from simulator.authority.ledger.journal_positions import LEASE_S, Position
from simulator.authority.storage.schema import PENDING, POSTED
from tests.simulator.authority.test_races import ROUNDS, THREADS, race
from tests.support.shop.authority_books import CLIENT, NOW, Books, claimed
from tests.support.values import evidence


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
