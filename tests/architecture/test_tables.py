"""Every conversation's table is closed: what can happen is in it, what is not is an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from receiver import reasons, statemachine
from receiver.core import connection, sale_session, starvation
from receiver.errors import Error
from receiver.link import link_states
from simulator.phone.conversation import states as steps

Table = Mapping[str, Mapping[str, str]]

# table, where it begins, where it may end for good
TABLES = [
    pytest.param(connection.TABLE, connection.JOINED, {connection.CLOSED}, id="peer"),
    pytest.param(sale_session.TABLE, sale_session.IDLE, set(), id="sale"),
    pytest.param(starvation.TABLE, starvation.FED, set(), id="starvation"),
    pytest.param(steps.TABLE, steps.SCANNING, {steps.DONE}, id="phone"),
]


def spread(exits: Mapping[str, Iterable[str]], start: str) -> set[str]:
    """Every state that can be reached from `start`."""
    seen, new = {start}, {start}
    while new:
        new = {after for state in new for after in exits[state]} - seen
        seen |= new
    return seen


def targets(states: Table) -> dict[str, list[str]]:
    return {state: list(events.values()) for state, events in states.items()}


@pytest.mark.parametrize(("states", "start", "ends"), TABLES)
def test_every_target_is_a_state_and_every_state_is_reached(
    states: Table, start: str, ends: set[str]
) -> None:
    assert {after for exits in targets(states).values() for after in exits} <= set(states)
    assert spread(targets(states), start) == set(states)


@pytest.mark.parametrize(("states", "start", "ends"), TABLES)
def test_only_the_named_states_are_ends(states: Table, start: str, ends: set[str]) -> None:
    stuck = {state for state, exits in targets(states).items() if set(exits) <= {state}}
    assert stuck == ends
    home = ends or {start}
    for state in states:
        assert spread(targets(states), state) & home, state


@pytest.mark.parametrize(("states", "start", "ends"), TABLES)
def test_what_is_not_in_the_table_is_an_error(states: Table, start: str, ends: set[str]) -> None:
    events = {event for exits in states.values() for event in exits}
    for state in states:
        for event in events - set(states[state]):
            with pytest.raises(Error) as caught:
                statemachine.step(states, state, event)
            assert caught.value.code == reasons.WRONG_ORDER
        for event, after in states[state].items():
            assert statemachine.step(states, state, event) == after


def test_states_and_events_have_one_name_each() -> None:
    """Names are compared as strings: two states of one word would be one."""
    for module in (connection, sale_session):
        words = [value for value in vars(module).values() if isinstance(value, str)]
        states = [word for word in words if word in module.TABLE]
        assert len(states) == len(module.TABLE)
        events = {event for exits in module.TABLE.values() for event in exits}
        assert events <= set(words)


def test_every_state_of_a_link_ends_by_itself() -> None:
    """No phone may sit for ever in any state: either the state has its time or the offer has."""
    own = {state for state in connection.TABLE if state != connection.CLOSED}
    with_key = {connection.KEYED, connection.PRESENTED, connection.APPROVED}
    assert set(connection.STATE_MS) == own - with_key


def test_the_links_own_table_names_known_states_only() -> None:
    """Its behaviour is tested in tests/receiver/link/test_link.py."""
    for state, exits in link_states.TABLE.items():
        assert state in link_states.STATES
        for event, (after, _) in exits.items():
            assert event in link_states.EVENTS
            assert after in (*link_states.STATES, link_states.HOME)
