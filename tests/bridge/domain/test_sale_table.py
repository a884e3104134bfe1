"""The bridge's sale: one table, closed, with one end for every sale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import event_codec
from bridge.domain.crash_recovery import RECOVERY, recover
from bridge.domain.sale import Fact, IllegalMoveError, Sale, Terms
from bridge.domain.states import (
    ASKING,
    AT_THE_TILL,
    FINAL,
    OWING,
    SHOWN,
    TABLE,
    UNASKED,
    VOLATILE,
    Event,
    State,
)
from bridge.domain.till_decisions import ACTS, STANDS, TooLateError, Wish, decide
from receiver import reasons

TERMS = Terms("sale-0123456789ab", 3, 24_900, 752, 25, "kvitto å", b"12345678", b"receiver")
EVERY_PAIR = [(state, event) for state in State for event in Event]
WORDS = (Event.VERIFIED, Event.AUTHORISED, Event.ACCEPTED_OFFLINE)
LAST_WORDS = (Event.MENDABLE, Event.DECLINED, Event.RECALLED, Event.REVERSAL_OWED, Event.ADOPTED)


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


def test_the_ends() -> None:
    assert {State.POSTED, State.LIABILITY, State.DECLINED, State.CANCELLED} == FINAL


def ways_to(end: State) -> set[tuple[State, Event]]:
    return {
        (state, event)
        for state, exits in TABLE.items()
        for event, after in exits.items()
        if after is end and state is not end
    }


def test_only_the_authority_makes_approved_or_who_stands_in_for_it() -> None:
    assert ways_to(State.APPROVED) == {
        (State.AUTHORISING, Event.AUTHORISED),
        (State.UNKNOWN, Event.AUTHORISED),
        (State.AUTHORISED_AWAITING_RECEIVER, Event.VERIFIED),
        (State.AUTHORISING, Event.ACCEPTED_OFFLINE),
        (State.UNKNOWN, Event.ACCEPTED_OFFLINE),
    }


def test_the_till_is_told_of_what_is_approved_or_still_held() -> None:
    """What is held of a sale that the journal shows as before its answer, the till may know."""
    held = {(state, Event.ADOPTED) for state in AT_THE_TILL}
    assert ways_to(State.TILL_NOTIFIED) == {(State.APPROVED, Event.TILL_NOTIFIED), *held}


def test_only_the_till_makes_paid_of_what_is_approved() -> None:
    assert ways_to(State.PAID) == {(State.APPROVED, Event.PAID), (State.TILL_NOTIFIED, Event.PAID)}
    assert ways_to(State.POSTED) == {
        (State.PAID, Event.POSTED),
        (State.REFUNDING, Event.POSTED),
        (State.REVERSING, Event.PAID_AFTER_ALL),  # which the authority had posted before
    }
    assert ways_to(State.LIABILITY) == {(State.PAID, Event.LIABILITY)}


def test_what_the_till_was_told_changes_by_a_decision_alone() -> None:
    assert {
        event
        for event, after in TABLE[State.TILL_NOTIFIED].items()
        if after is not State.TILL_NOTIFIED
    } == {
        Event.PAID,
        Event.REVERSAL_OWED,
    }


def test_paid_is_never_taken_back() -> None:
    after = {State.PAID}
    for _ in State:
        after |= {then for state in after for then in TABLE[state].values()}
    assert after == {State.PAID, State.POSTED, State.LIABILITY}


def test_approved_takes_both_words_whichever_comes_first() -> None:
    """On every way from an approval to APPROVED stand VERIFIED and GRANTED, once each.

    Or the receiver's word and the limits under which somebody stands in for the authority.
    """
    ways: list[tuple[State, tuple[Event, ...]]] = [(State.APPROVAL_RECEIVED, ())]
    approved = []
    while ways:
        state, taken = ways.pop()
        if state is State.APPROVED:
            approved.append(taken)
            continue
        ways += [
            (after, (*taken, event))
            for event, after in TABLE[state].items()
            if after not in (state, State.OPEN)
        ]
    words = [[event for event in way if event in WORDS] for way in approved]
    assert {tuple(two) for two in words} == {
        (Event.VERIFIED, Event.AUTHORISED),
        (Event.AUTHORISED, Event.VERIFIED),
        (Event.VERIFIED, Event.ACCEPTED_OFFLINE),
    }


def test_what_was_asked_about_is_decided_or_owed() -> None:
    """No way leads from asking to another approval but a decline or a recall, with its reversal."""
    asked = ASKING | {State.AUTHORISED_AWAITING_RECEIVER, State.DECLINED_AWAITING_RECEIVER}
    for state in asked:
        for event, after in TABLE[state].items():
            leaves = after not in asked
            assert leaves == (event in LAST_WORDS or (after is State.APPROVED))


def test_an_answer_comes_only_when_no_other_is_held() -> None:
    assert Event.RECALL_REVERSED not in TABLE[State.AUTHORISED_AWAITING_RECEIVER]


@pytest.mark.parametrize("wish", Wish)
def test_every_wish_has_one_answer_in_every_state(wish: Wish) -> None:
    """An act that the table knows, that it is so already, or that it is too late; never two."""
    for state in State:
        act = ACTS[wish].get(state)
        assert act is None or act in TABLE[state]
        assert not (act and state in STANDS[wish])
        sale = in_state(state)
        try:
            fact = decide(sale, wish)
        except TooLateError:
            assert act is None
            assert state not in STANDS[wish]
        else:
            assert (fact.event if fact else None) is act


@pytest.mark.parametrize("wish", Wish)
def test_the_first_decision_wins(wish: Wish) -> None:
    for state, event in ACTS[wish].items():
        sale = in_state(state)
        sale.take(Fact(event))
        assert decide(sale, wish) is None
        against = Wish.CANCEL if wish is Wish.PAY else Wish.PAY
        with pytest.raises(TooLateError):
            decide(sale, against)


def test_a_restart_has_one_row_for_every_state() -> None:
    """Nothing stays where only a conversation moves it, and a second restart does no more."""
    assert set(RECOVERY) == set(State)
    assert {state for state, event in RECOVERY.items() if event} == AT_THE_TILL
    for state in State:
        sale = in_state(state)
        fact = recover(sale)
        if fact is not None:
            sale.take(fact)
        assert recover(sale) is None


def test_after_asking_no_end_comes_without_an_answer() -> None:
    """A timeout means unknown: from ASKING only a receipt or an acknowledged reversal ends."""
    silent = {Event.AUTHORITY_TIMEOUT, Event.REVERSAL_OWED}
    for state in ASKING:
        for event in silent & set(TABLE[state]):
            assert TABLE[state][event] not in FINAL
    assert set(TABLE[State.REVERSING]) == {
        *(Event.RECALL_REVERSED, Event.REVERSED),
        *(Event.PAID_AFTER_ALL, Event.REFUND_OWED),
    }


def test_what_a_restart_forgets_never_leaves_its_group() -> None:
    """Replayed without volatile events, a sale is still asked or still unasked."""
    for state, exits in TABLE.items():
        for event in VOLATILE & set(exits):
            assert (state in UNASKED) == (exits[event] in UNASKED)
            assert (state in ASKING) == (exits[event] in ASKING)


def test_the_till_sees_what_it_can_act_on() -> None:
    shown = {in_state(state).shown for state in State}
    assert shown == set(State) - set(SHOWN)
    assert shown == {
        *(State.OPEN, State.CLAIMED, State.AUTHORISING, State.UNKNOWN),
        *(State.APPROVED, State.PAID, State.REFUNDING, State.DECLINED, State.CANCELLED),
    }


def test_what_is_owed_bars_no_sale() -> None:
    assert set(State) - AT_THE_TILL == FINAL | OWING | {State.TILL_NOTIFIED}


OCTETS = st.binary(min_size=1, max_size=20)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 70), OCTETS), max_size=30))
def test_replaying_the_journal_gives_the_same_sale(
    choices: list[tuple[int, int, bytes]],
) -> None:
    sale, lines = Sale(TERMS), [Line(event_codec.RUNG, event_codec.dump_terms(TERMS))]
    for number, reason, octets in choices:
        moves = sorted(event for event in TABLE[sale.state] if event not in VOLATILE)
        if not moves:
            break
        event = moves[number % len(moves)]
        fact = Fact(event, reason, approval=octets, receipt=octets, reversal=octets)
        sale.take(fact)
        sale.date(fact.event, 1, sale)
        lines.append(Line(fact.event, *event_codec.dump_fact(fact)))
    replayed = event_codec.replay(lines)[TERMS.sale_id]
    assert vars(replayed) == vars(sale)
    assert vars(event_codec.replay(lines)[TERMS.sale_id]) == vars(replayed)


class Line:
    """A journal line in memory."""

    def __init__(self, kind: str, body: str, secret: bytes = b"") -> None:
        self.at = 1
        self.sale_id = TERMS.sale_id
        self.kind = str(kind)
        self.body = body
        self.secret = secret


def test_a_recalled_approval_is_forgotten_but_for_its_reversal() -> None:
    sale = in_state(State.AUTHORISED_AWAITING_RECEIVER)
    sale.approval = sale.approval_id = sale.record = sale.receipt = sale.transaction_id = b"old"
    sale.take(Fact(Event.RECALLED, reasons.VERDICT_TIMEOUT, reversal=b"old"))
    assert (sale.state, sale.reason) == (State.OPEN, reasons.VERDICT_TIMEOUT)
    assert (sale.approval_id, sale.receipt, sale.transaction_id) == (b"", b"", b"")
    assert (sale.reversals, sale.owed) == ((b"old",), (b"old",))
    sale.take(sale.given_back(b"old"))
    assert (sale.state, sale.reason) == (State.OPEN, reasons.VERDICT_TIMEOUT)
    assert (sale.reversals, sale.owed) == ((b"old",), ())


def test_a_sale_is_over_with_its_own_reversal_alone() -> None:
    sale = in_state(State.AUTHORISATION_SENT)
    sale.approval_id, sale.owed = b"own", (b"old",)
    sale.take(Fact(Event.REVERSAL_OWED, reversal=b"own"))
    sale.take(sale.given_back(b"old"))
    assert (sale.state, sale.owed) == (State.REVERSING, (b"own",))
    sale.take(sale.given_back(b"own"))
    assert (sale.state, sale.reason) == (State.CANCELLED, reasons.OK)
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
