"""The bridge's sale: one table, closed, with one end for every sale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.money import facts
from bridge.money.sale import (
    ASKING,
    FINAL,
    SHOWN,
    TABLE,
    UNASKED,
    VOLATILE,
    Event,
    Fact,
    IllegalMoveError,
    Sale,
    State,
    Terms,
)
from receiver import reasons

TERMS = Terms("sale-0123456789ab", 3, 24_900, 752, 25, "kvitto å", b"12345678", b"receiver")
EVERY_PAIR = [(state, event) for state in State for event in Event]


def in_state(state: State) -> Sale:
    sale = Sale(TERMS)
    sale.state = state
    return sale


def test_the_table_is_closed() -> None:
    assert set(TABLE) == set(State)
    assert {after for exits in TABLE.values() for after in exits.values()} <= set(State)
    assert {event for exits in TABLE.values() for event in exits} == set(Event)


@pytest.mark.parametrize(("state", "event"), EVERY_PAIR)
def test_a_pair_is_in_the_table_or_an_error(state: State, event: Event) -> None:
    sale = in_state(state)
    if event in TABLE[state]:
        sale.take(Fact(event))
        assert sale.state is TABLE[state][event]
    else:
        with pytest.raises(IllegalMoveError):
            sale.take(Fact(event))
        assert sale.state is state


def test_every_state_is_reached_and_leads_to_an_end() -> None:
    reached, new = {State.OPEN}, {State.OPEN}
    while new:
        new = {after for state in new for after in TABLE[state].values()} - reached
        reached |= new
    assert reached == set(State)
    ending = set(FINAL)
    for _ in State:
        ending |= {state for state, exits in TABLE.items() if ending & set(exits.values())}
    assert ending == set(State)


def test_ends_are_the_three_that_a_till_knows() -> None:
    assert {State.APPROVED, State.DECLINED, State.CANCELLED} == FINAL


def test_only_the_authority_makes_approved_and_only_who_was_asked() -> None:
    ways = {
        (state, event)
        for state, exits in TABLE.items()
        for event, after in exits.items()
        if after is State.APPROVED
    }
    assert ways == {(State.AUTHORISING, Event.GRANTED), (State.UNKNOWN, Event.GRANTED)}


def test_after_asking_no_end_comes_without_an_answer() -> None:
    """A timeout means unknown: from ASKING only a receipt or an acknowledged reversal ends."""
    silent = {Event.UNANSWERED, Event.OWED}
    for state in ASKING:
        for event in silent & set(TABLE[state]):
            assert TABLE[state][event] not in FINAL
    assert set(TABLE[State.REVERSING]) == {Event.REVERSED}


def test_what_a_restart_forgets_never_leaves_its_group() -> None:
    """Replayed without volatile events, a sale is still asked or still unasked."""
    for state, exits in TABLE.items():
        for event in VOLATILE & set(exits):
            assert (state in UNASKED) == (exits[event] in UNASKED)
            assert (state in ASKING) == (exits[event] in ASKING)


def test_the_till_sees_seven_states() -> None:
    shown = {in_state(state).shown for state in State}
    assert shown == set(State) - set(SHOWN)
    assert len(shown) == 7


def test_an_owed_reversal_bars_nobody() -> None:
    free = {state for state in State if not in_state(state).occupies_till}
    assert free == FINAL | {State.REVERSING}


OCTETS = st.binary(min_size=1, max_size=20)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 70), OCTETS), max_size=30))
def test_replaying_the_journal_gives_the_same_sale(
    choices: list[tuple[int, int, bytes]],
) -> None:
    sale, lines = Sale(TERMS), [Line(facts.RUNG, facts.dump_terms(TERMS))]
    for number, reason, octets in choices:
        moves = sorted(event for event in TABLE[sale.state] if event not in VOLATILE)
        if not moves:
            break
        fact = Fact(moves[number % len(moves)], reason, approval=octets, receipt=octets)
        sale.take(fact)
        lines.append(Line(fact.event, facts.dump_fact(fact)))
    replayed = facts.replay(lines)[TERMS.sale_id]
    assert vars(replayed) == vars(sale)
    assert vars(facts.replay(lines)[TERMS.sale_id]) == vars(replayed)


class Line:
    """A journal line in memory."""

    def __init__(self, kind: str, body: str) -> None:
        self.sale_id = TERMS.sale_id
        self.kind = str(kind)
        self.body = body


def test_a_mended_decline_forgets_its_approval_and_keeps_its_reason() -> None:
    sale = in_state(State.AUTHORISING)
    sale.approval = sale.approval_id = sale.record = b"old"
    sale.take(Fact(Event.MENDABLE, reasons.PURCHASE_LIMIT))
    assert (sale.approval, sale.approval_id, sale.record, sale.mended) == (b"", b"", b"", 1)
    sale.take(Fact(Event.OFFERED, offer=b"new"))
    assert sale.reason == reasons.PURCHASE_LIMIT
    sale.take(Fact(Event.CLAIMED))
    assert sale.reason == reasons.OK
