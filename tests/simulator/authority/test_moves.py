"""Every state of a transaction, everything that can happen in it, and its money."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from receiver import reasons, statemachine
from receiver.protocol.messages import PURCHASE, REFUND
from simulator.authority.ledger import ledger, states
from simulator.authority.ledger.record_verification import Evidence
from simulator.authority.ledger.states import ALARMS, CONFIRM, EFFECTS, NONE, REVERSE, TABLE
from simulator.authority.storage.schema import DECLINED, EXPIRED, PENDING, POSTED, VOIDED
from tests.support.shop.authority_books import NOW, WRONG, Books, BrokenConstraint
from tests.support.values import evidence
from tests.support.values.refusals import refused_as

STATES = (PENDING, POSTED, VOIDED, EXPIRED, DECLINED)
EVENTS = {event for exits in TABLE.values() for event in exits}
WEEK = ledger.EXPIRE_AFTER_S


def test_table_is_closed() -> None:
    assert set(TABLE) == {NONE, *STATES}
    assert {after for exits in TABLE.values() for after in exits.values()} == set(STATES)
    for state, event in itertools.product(TABLE, EVENTS):
        if event in TABLE[state]:
            assert statemachine.step(TABLE, state, event) == TABLE[state][event]
            continue
        with refused_as(reasons.WRONG_ORDER):
            statemachine.step(TABLE, state, event)


def test_a_bridge_may_say_either_in_every_state() -> None:
    """Confirmation and reversal come late, twice and in any order."""
    assert all({CONFIRM, REVERSE} <= set(TABLE[state]) for state in STATES)


def test_money_moves_with_states_only() -> None:
    """An effect belongs to a step of the table, and what is posted or declined is never undone."""
    steps = {(before, after) for before, exits in TABLE.items() for after in exits.values()}
    for kind, before, after in EFFECTS:
        assert kind in (PURCHASE, REFUND)
        assert (before, after) in steps
        assert before != after
        assert before not in (POSTED, DECLINED, VOIDED)
    assert set(ALARMS) <= {(state, event) for state, exits in TABLE.items() for event in exits}


def _sum(kind: int, *path: str) -> states.Effect:
    effects = [
        EFFECTS.get((kind, *step), states.Effect()) for step in itertools.pairwise((NONE, *path))
    ]
    return states.Effect(*map(sum, zip(*effects, strict=True)))


@pytest.mark.parametrize(
    "path", [(VOIDED,), (PENDING, VOIDED), (PENDING, EXPIRED, VOIDED), (DECLINED,)]
)
@pytest.mark.parametrize("kind", [PURCHASE, REFUND])
def test_whatever_ends_without_posting_leaves_nothing(kind: int, path: tuple[str, ...]) -> None:
    assert _sum(kind, *path) == states.Effect()


def test_whatever_is_posted_takes_its_amount_once() -> None:
    assert _sum(PURCHASE, PENDING, POSTED) == states.Effect(space=-1)
    assert _sum(PURCHASE, PENDING, EXPIRED, POSTED) == states.Effect(space=-1, late=1)
    for path in ((POSTED,), (PENDING, POSTED), (PENDING, EXPIRED, POSTED)):
        assert _sum(REFUND, *path) == states.Effect(space=1, refunded=1)


def held(books: Books) -> bytes:
    return books.buy(1)


def posted(books: Books) -> bytes:
    return books.post(1)


def voided(books: Books) -> bytes:
    approval_id = books.buy(1)
    books.reverse(approval_id)
    return approval_id


def tombstone(books: Books) -> bytes:
    found = books.evidence(1)
    books.reverse(found.approval_id)
    return found.approval_id


def expired(books: Books) -> bytes:
    approval_id = books.buy(1)
    assert ledger.sweep(books.store, NOW + WEEK) == 1
    return approval_id


def declined(books: Books) -> bytes:
    found = books.evidence(1, k=WRONG)
    assert books.authorise(found) == reasons.CODE_WRONG
    return found.approval_id


MADE = (held, posted, voided, tombstone, expired, declined)
# How it was made, then what a confirmation and a reversal leave it in.
ENDS = [
    (held, POSTED, VOIDED, None, None),
    (posted, POSTED, POSTED, None, states.REVERSED_POSTED),
    (voided, VOIDED, VOIDED, states.CONFIRMED_VOIDED, None),
    (tombstone, VOIDED, VOIDED, states.CONFIRMED_VOIDED, None),
    (expired, POSTED, VOIDED, states.POSTED_LATE, None),
    (declined, DECLINED, DECLINED, states.CONFIRMED_DECLINED, None),
]


@pytest.mark.parametrize(("make", "confirmed", "reversed_", "on_confirm", "on_reverse"), ENDS)
@pytest.mark.parametrize("event", [CONFIRM, REVERSE])
def test_every_end_is_one_and_stays(
    books: Books,
    *,
    event: str,
    make: Callable[[Books], bytes],
    confirmed: str,
    reversed_: str,
    on_confirm: str | None,
    on_reverse: str | None,
) -> None:
    money = books.money()
    approval_id = make(books)
    before = books.alarms()
    for _ in range(3):
        if event == CONFIRM:
            assert books.confirm(approval_id).state == confirmed
        else:
            assert books.reverse(approval_id) == reversed_
        alarm = on_confirm if event == CONFIRM else on_reverse
        assert books.alarms() == before + ([alarm] if alarm else [])
        assert books.money() == money


def test_confirming_what_is_not_known(books: Books) -> None:
    with refused_as(reasons.APPROVAL_UNKNOWN):
        books.confirm(bytes(16))


@pytest.mark.parametrize("make", MADE)
def test_another_receivers_transactions_are_not_touched(
    books: Books, make: Callable[[Books], bytes]
) -> None:
    approval_id = make(books)
    before = books.booked(approval_id)
    for move in (ledger.confirm, ledger.reverse):
        with refused_as(reasons.WRONG_RECEIVER):
            move(books.store, books.caller._replace(receiver=b"elsewher"), approval_id, NOW)
    assert books.booked(approval_id) == before


def test_sweep_looks_at_the_time_alone(books: Books) -> None:
    approval_id = books.buy(1)
    done = books.post(2)
    ledger.sweep(books.store, NOW + ledger.ALARM_AFTER_S - 1)
    assert books.alarms() == []
    for _ in range(2):
        assert ledger.sweep(books.store, NOW + ledger.ALARM_AFTER_S) == 0
        assert books.alarms() == [states.PENDING_LONG]
    assert ledger.sweep(books.store, NOW + WEEK - 1) == 0
    assert books.booked(approval_id).state == PENDING
    assert ledger.sweep(books.store, NOW + WEEK) == 1
    assert books.booked(approval_id).state == EXPIRED
    assert books.booked(done).state == POSTED
    assert books.alarms() == [states.PENDING_LONG, states.EXPIRED_UNHEARD]


def test_late_posting_may_exceed_the_credit_space(books: Books) -> None:
    approval_id = expired(books)
    books.store.run("UPDATE recipients SET credit_space = 5 WHERE id = ?", books.recipient)
    booked = books.confirm(approval_id, NOW + WEEK + 1)
    assert (booked.state, booked.late) == (POSTED, 1)
    assert books.credit_space() == 5 - evidence.AMOUNT
    assert books.authorise(books.evidence(2)) == reasons.CREDIT_SPACE
    with pytest.raises(BrokenConstraint):
        books.store.run("UPDATE recipients SET credit_space = credit_space - 6")


def test_what_expired_keeps_its_place(books: Books) -> None:
    """Else the same sale could be sold again, and a late word would post it twice."""
    expired(books)
    assert books.authorise(books.evidence(1, counter=9)) == reasons.CONFLICT


def test_expiring_comes_too_late_for_what_ended(books: Books) -> None:
    approval_id = books.post(1)
    ledger.expire(books.store, approval_id, NOW + WEEK)
    assert books.booked(approval_id).state == POSTED


@pytest.mark.parametrize("state", [VOIDED, EXPIRED])
def test_who_asks_again_hears_what_became_of_it(books: Books, state: str, found: Evidence) -> None:
    """A hold that expired may yet be posted: its receipt stands."""
    first = ledger.authorise(books.store, books.keys, books.caller, found, NOW)
    if state == VOIDED:
        books.reverse(found.approval_id)
        assert books.authorise(found) == reasons.REVERSED
    else:
        ledger.sweep(books.store, NOW + WEEK)
        assert ledger.authorise(books.store, books.keys, books.caller, found, NOW + WEEK) == first
    assert books.booked(found.approval_id).state == state
