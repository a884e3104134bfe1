"""Which journal of a bridge serves: copies, restarts, lost disks, and two that both claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.authority.messages import Hash, KnownPosition, LifeId, RunId, StandingAnswer, Verdict
from receiver import reasons
from receiver.errors import Error
from simulator.authority.accounts import bindings, receivers
from simulator.authority.ledger import journal_positions, ledger
from simulator.authority.ledger.journal_positions import (
    LEASE_S,
    ForeignBridgeError,
    Position,
)
from simulator.authority.storage.schema import PENDING
from tests.support.shop.authority_books import CLIENT, NOW, Books, claimed
from tests.support.values import evidence
from tests.support.values.refusals import refused_as

BRIDGE = b"bridge01"
RUN, OTHER_RUN = b"run 1...", b"run 2..."
LIFE, NEXT_LIFE, THIRD_LIFE = (bytes([number]) * 16 for number in (1, 2, 3))
AFTER = NOW + LEASE_S + 1  # when a bridge that was heard at NOW is silent for too long


def chain(number: int, history: str = "") -> bytes:
    """The hash at a sequence of one history of the journal."""
    return evidence.seed(f"{history}{number}")


def at(number: int, life: bytes = LIFE, run: bytes = RUN, history: str = "") -> Position:
    return Position(BRIDGE, life, run, number, chain(number, history))


def claim(books: Books, position: Position, now: int = NOW, **more: Any) -> str:
    client = more.pop("client", CLIENT)
    asked = claimed(position, **more)
    return journal_positions.claim(books.store, client, asked, now, LEASE_S).standing


def note(books: Books, position: Position | None, now: int = NOW) -> None:
    """What a call does that changes nothing else."""
    journal_positions.note(books.store, CLIENT, position, now)


def newest(books: Books) -> Position:
    row = books.store.one("SELECT bridge, life, run, sequence, hash FROM positions")
    assert row is not None
    return Position(*row)


@pytest.fixture
def served(books: Books) -> Books:
    """One bridge serves, its journal at 10."""
    assert claim(books, at(10)) == Verdict.CURRENT
    return books


def test_a_bridge_never_heard_of_is_current(books: Books) -> None:
    asked = claimed(at(7), previous=NEXT_LIFE)
    answer = journal_positions.claim(books.store, CLIENT, asked, NOW, LEASE_S)
    assert answer == StandingAnswer(Verdict.CURRENT, None, None, LEASE_S, None)
    assert newest(books) == at(7)


def test_the_run_that_serves_only_goes_forward(served: Books) -> None:
    assert claim(served, at(12)) == Verdict.CURRENT
    assert claim(served, at(11)) == Verdict.CURRENT
    assert newest(served) == at(12)


# The same life, another run: how it stands against what is known, and what is known then.
RESTARTS = [
    ("at the same place", at(10, run=OTHER_RUN), None, Verdict.CURRENT),
    ("of another history", at(10, run=OTHER_RUN, history="x"), None, Verdict.FORK),
    ("an older copy", at(9, run=OTHER_RUN), None, Verdict.BEHIND),
    ("further, and does not say how", at(15, run=OTHER_RUN), None, Verdict.BEHIND),
    ("further, by the same chain", at(15, run=OTHER_RUN), (10, chain(10)), Verdict.CURRENT),
    ("further, by another chain", at(15, run=OTHER_RUN), (10, chain(10, "x")), Verdict.FORK),
    ("further, checked at an older place", at(15, run=OTHER_RUN), (9, chain(9)), Verdict.BEHIND),
]


@pytest.mark.parametrize(
    ("position", "checked", "standing"),
    [row[1:] for row in RESTARTS],
    ids=[row[0] for row in RESTARTS],
)
def test_a_restart_shows_that_its_journal_holds_all(
    served: Books, position: Position, checked: tuple[int, bytes] | None, standing: str
) -> None:
    assert claim(served, position, checked=checked) == standing
    assert newest(served) == (position if standing == Verdict.CURRENT else at(10))


def test_of_two_copies_that_are_alike_the_first_to_go_on_serves(served: Books) -> None:
    """A copied disk starts beside its original; the other one is behind from then on."""
    assert claim(served, at(10, run=OTHER_RUN)) == Verdict.CURRENT
    assert claim(served, at(10)) == Verdict.CURRENT
    with pytest.raises(Error):
        note(served, at(11, run=OTHER_RUN))
    assert claim(served, at(11), checked=(10, chain(10))) == Verdict.CURRENT
    assert claim(served, at(10, run=OTHER_RUN)) == Verdict.BEHIND
    assert claim(served, at(11, run=OTHER_RUN, history="x")) == Verdict.FORK
    assert (
        claim(served, at(12, run=OTHER_RUN, history="x"), checked=(11, chain(11, "x")))
        == Verdict.FORK
    )


def test_the_run_that_serves_begins_a_new_life_at_once(served: Books) -> None:
    """As it does once it has recovered what an older copy lacked."""
    asked = claimed(at(12, NEXT_LIFE), previous=LIFE)
    answer = journal_positions.claim(served.store, CLIENT, asked, NOW, LEASE_S)
    assert (answer.standing, answer.follows) == (Verdict.CURRENT, LIFE)
    again = journal_positions.claim(served.store, CLIENT, asked, NOW, LEASE_S)
    assert (again.standing, again.follows) == (Verdict.CURRENT, LIFE)
    assert claim(served, at(99), AFTER) == Verdict.SUPERSEDED


def test_a_machine_copied_while_it_ran_has_two_of_one_run(served: Books) -> None:
    assert claim(served, at(10, history="x")) == Verdict.FORK
    with refused_as(reasons.JOURNAL_BEHIND):
        note(served, at(10, history="x"))


@pytest.mark.parametrize("previous", [LIFE, None, THIRD_LIFE])
def test_a_new_life_waits_until_the_old_one_is_silent(
    served: Books, previous: bytes | None
) -> None:
    asked = claimed(at(3, NEXT_LIFE, OTHER_RUN), previous)
    for now in (NOW, NOW + LEASE_S):
        waits = journal_positions.claim(served.store, CLIENT, asked, now, LEASE_S)
        assert (waits.standing, waits.retry_after_s) == (Verdict.IN_USE, AFTER - now)
        assert newest(served) == at(10)
    taken = journal_positions.claim(served.store, CLIENT, asked, AFTER, LEASE_S)
    assert (taken.standing, taken.retry_after_s) == (Verdict.CURRENT, None)
    assert taken.newest == KnownPosition(LifeId(LIFE), RunId(RUN), 10, Hash(chain(10)), NOW)
    assert newest(served) == at(3, NEXT_LIFE, OTHER_RUN)


def test_a_life_that_another_followed_is_over_for_good(served: Books) -> None:
    assert claim(served, at(3, NEXT_LIFE, OTHER_RUN), AFTER, previous=LIFE) == Verdict.CURRENT
    for now in (AFTER, AFTER + 10 * LEASE_S):
        assert claim(served, at(99), now) == Verdict.SUPERSEDED
        assert claim(served, at(99, run=OTHER_RUN), now, previous=NEXT_LIFE) == Verdict.SUPERSEDED


def test_two_lives_of_one_backup(served: Books) -> None:
    """The second is refused while the first serves; a backup put back again later may follow it."""
    assert claim(served, at(3, NEXT_LIFE, OTHER_RUN), AFTER, previous=LIFE) == Verdict.CURRENT
    second = claimed(at(3, THIRD_LIFE), LIFE)
    answer = journal_positions.claim(served.store, CLIENT, second, AFTER, LEASE_S)
    assert (answer.standing, answer.retry_after_s) == (Verdict.FORK, LEASE_S + 1)
    assert claim(served, at(3, THIRD_LIFE), AFTER + LEASE_S + 1, previous=LIFE) == Verdict.CURRENT
    assert claim(served, at(4, NEXT_LIFE, OTHER_RUN), AFTER + LEASE_S + 1) == Verdict.SUPERSEDED


def test_a_life_restarted_is_no_past_life(served: Books) -> None:
    """Its former runs are over, and what follows it waits like any other."""
    assert claim(served, at(10, run=OTHER_RUN)) == Verdict.CURRENT
    assert claim(served, at(3, NEXT_LIFE), previous=LIFE) == Verdict.IN_USE


def test_a_bridge_that_stops_gives_its_place_away(served: Books) -> None:
    assert claim(served, at(11), ended=True) == Verdict.CURRENT
    assert claim(served, at(3, NEXT_LIFE, OTHER_RUN), previous=LIFE) == Verdict.CURRENT


@pytest.mark.parametrize("place", [10, 11, 12])
@pytest.mark.parametrize("again", [claim, note])
def test_a_bridge_that_goes_on_has_not_stopped(
    served: Books, again: Callable[[Books, Position], Any], place: int
) -> None:
    assert claim(served, at(11), ended=True) == Verdict.CURRENT
    again(served, at(place))
    assert claim(served, at(3, NEXT_LIFE, OTHER_RUN), previous=LIFE) == Verdict.IN_USE


# With every call


def test_a_call_keeps_the_place_and_moves_it_forward(served: Books) -> None:
    note(served, at(12))
    assert newest(served) == at(12)
    note(served, at(11), NOW + 5)
    assert newest(served) == at(12)
    assert claim(served, at(3, NEXT_LIFE, OTHER_RUN), AFTER, previous=LIFE) == Verdict.IN_USE
    assert claim(served, at(3, NEXT_LIFE, OTHER_RUN), AFTER + 5, previous=LIFE) == Verdict.CURRENT


def test_a_bridge_that_says_nothing_is_taken(served: Books) -> None:
    note(served, None)
    assert newest(served) == at(10)


def test_a_call_of_a_bridge_never_heard_of_is_its_first(books: Books) -> None:
    note(books, at(5))
    assert newest(books) == at(5)


def authorise(books: Books, position: Position) -> None:
    caller = books.caller._replace(position=position)
    ledger.authorise(books.store, books.keys, caller, books.evidence(2), NOW)


def confirm(books: Books, position: Position) -> None:
    [(held,)] = books.store.rows("SELECT approval_id FROM transactions WHERE state = 'PENDING'")
    ledger.confirm(books.store, books.caller._replace(position=position), held, NOW)


def reverse(books: Books, position: Position) -> None:
    ledger.reverse(books.store, books.caller._replace(position=position), bytes(16), NOW)


def refund(books: Books, position: Position) -> None:
    [(sale,)] = books.store.rows("SELECT approval_id FROM transactions WHERE state = 'POSTED'")
    books.caller = books.caller._replace(position=position)
    books.refund(bytes(16), sale, 1)


@pytest.mark.parametrize("call", [authorise, confirm, reverse, refund])
@pytest.mark.parametrize(
    "position", [at(11, run=OTHER_RUN), at(11, NEXT_LIFE), at(10, history="x")]
)
def test_nothing_is_done_for_a_journal_that_does_not_serve(
    served: Books, call: Callable[[Books, Position], None], position: Position
) -> None:
    served.post(8)
    served.buy(9)
    before = served.store.rows("SELECT * FROM transactions ORDER BY approval_id")
    with refused_as(reasons.JOURNAL_BEHIND):
        call(served, position)
    assert served.store.rows("SELECT * FROM transactions ORDER BY approval_id") == before
    assert newest(served) == at(10)
    call(served, at(11))
    assert newest(served) == at(11)
    assert served.store.rows("SELECT * FROM transactions ORDER BY approval_id") != before


def test_a_refused_call_leaves_the_position(served: Books) -> None:
    """What is refused is undone with all that came with it."""
    with refused_as(reasons.APPROVAL_UNKNOWN):
        ledger.confirm(served.store, served.caller._replace(position=at(12)), bytes(16), NOW)
    assert newest(served) == at(10)


def test_a_call_is_one_statement_more(served: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a sale's path, where the journal is further with each call."""
    asked: list[str] = []
    real = served.store._execute

    def count(sql: str, *values: Any) -> Any:
        asked.append(sql)
        return real(sql, *values)

    found = [served.buy(number) for number in (1, 2)]
    monkeypatch.setattr(served.store, "_execute", count)
    served.confirm(found[0])
    before = len(asked)
    ledger.confirm(served.store, served.caller._replace(position=at(11)), found[1], NOW)
    assert len(asked) - before == before + 1


# Whose bridge it is


def test_a_bridge_is_its_first_clients(served: Books) -> None:
    with pytest.raises(ForeignBridgeError):
        claim(served, at(11), client="other")
    with pytest.raises(ForeignBridgeError):
        journal_positions.note(served.store, "other", at(11), NOW)
    assert newest(served) == at(10)


def test_a_bridge_goes_with_the_last_of_its_receivers(served: Books) -> None:
    key, terms = evidence.seed("another key"), receivers.Terms(1, "Store", 7, evidence.SEK)
    value = receivers.certificate_for(key, evidence.RECEIVER_ID, terms, NOW)
    receivers.enrol(served.store, served.keys, value, "other")
    journal_positions.note(served.store, "other", at(11), NOW)
    assert newest(served) == at(11)
    with pytest.raises(ForeignBridgeError):
        claim(served, at(12))


def test_a_renewed_certificate_keeps_its_bridge(served: Books) -> None:
    assert bindings.renew(served.store, CLIENT, "renewed", NOW) == CLIENT
    client = bindings.certificate(served.store, "renewed").client
    assert claim(served, at(11), client=client) == Verdict.CURRENT
    assert served.booked(served.buy(1)).state == PENDING
