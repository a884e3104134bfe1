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
WORDS = (Event.VERIFIED, Event.GRANTED)
LAST_WORDS = (Event.MENDABLE, Event.DENIED, Event.RECALLED, Event.OWED)


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
    assert ways == {
        (State.AUTHORISING, Event.GRANTED),
        (State.UNKNOWN, Event.GRANTED),
        (State.GRANTED, Event.VERIFIED),
    }


def test_approved_takes_both_words_whichever_comes_first() -> None:
    """On every way from an approval to APPROVED stand VERIFIED and GRANTED, once each."""
    ways: list[tuple[State, tuple[Event, ...]]] = [(State.HANDED, ())]
    approved = []
    while ways:
        state, taken = ways.pop()
        if state is State.APPROVED:
            approved.append(taken)
        ways += [
            (after, (*taken, event))
            for event, after in TABLE[state].items()
            if after not in (state, State.OPEN)
        ]
    words = [[event for event in way if event in WORDS] for way in approved]
    assert {tuple(two) for two in words} == {WORDS, WORDS[::-1]}


def test_what_was_asked_about_is_decided_or_owed() -> None:
    """No way leads from asking to another approval but a decline or a recall, with its reversal."""
    asked = set(State) - UNASKED - FINAL - {State.REVERSING}
    for state in asked:
        for event, after in TABLE[state].items():
            leaves = after not in asked
            assert leaves == (event in LAST_WORDS or (after is State.APPROVED))


def test_an_approval_is_granted_only_when_no_other_is_held() -> None:
    assert not any(Event.RETURNED in TABLE[state] for state in (State.GRANTED, State.APPROVED))


def test_after_asking_no_end_comes_without_an_answer() -> None:
    """A timeout means unknown: from ASKING only a receipt or an acknowledged reversal ends."""
    silent = {Event.UNANSWERED, Event.OWED}
    for state in ASKING:
        for event in silent & set(TABLE[state]):
            assert TABLE[state][event] not in FINAL
    assert set(TABLE[State.REVERSING]) == {Event.RETURNED, Event.REVERSED}


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
        event = moves[number % len(moves)]
        fact = Fact(event, reason, approval=octets, receipt=octets, reversal=octets)
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


def test_a_recalled_approval_is_forgotten_but_for_its_reversal() -> None:
    sale = in_state(State.GRANTED)
    sale.approval = sale.approval_id = sale.record = sale.receipt = sale.transaction_id = b"old"
    sale.take(Fact(Event.RECALLED, reasons.VERDICT_TIMEOUT, reversal=b"old"))
    assert (sale.state, sale.reason) == (State.OPEN, reasons.VERDICT_TIMEOUT)
    assert (sale.approval_id, sale.receipt, sale.transaction_id) == (b"", b"", b"")
    assert (sale.reversals, sale.owed) == ((b"old",), (b"old",))
    sale.take(sale.given_back(b"old"))
    assert (sale.state, sale.reason) == (State.OPEN, reasons.VERDICT_TIMEOUT)
    assert (sale.reversals, sale.owed) == ((b"old",), ())


def test_a_sale_is_over_with_its_own_reversal_alone() -> None:
    sale = in_state(State.ASKED)
    sale.approval_id, sale.owed = b"own", (b"old",)
    sale.take(Fact(Event.OWED, reversal=b"own"))
    sale.take(sale.given_back(b"old"))
    assert (sale.state, sale.owed) == (State.REVERSING, (b"own",))
    sale.take(sale.given_back(b"own"))
    assert (sale.state, sale.reason) == (State.CANCELLED, reasons.REVERSED)
    assert not sale.owed


def test_a_mended_decline_forgets_its_approval_and_keeps_its_reason() -> None:
    sale = in_state(State.AUTHORISING)
    sale.approval = sale.approval_id = sale.record = b"old"
    sale.take(Fact(Event.MENDABLE, reasons.PURCHASE_LIMIT))
    assert (sale.approval, sale.approval_id, sale.record, sale.mended) == (b"", b"", b"", 1)
    sale.take(Fact(Event.OFFERED, offer=b"new"))
    assert sale.reason == reasons.PURCHASE_LIMIT
    sale.take(Fact(Event.CLAIMED))
    assert sale.reason == reasons.OK
