"""One phone's link: its states, its time, and what it forgets."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.core import connection
from receiver.core.connection import Peer
from receiver.core.connections import Links
from receiver.protocol import gatt
from tests.support.values.refusals import refused_as

WAY = {
    connection.JOINED: [],
    connection.READY: [connection.MTU],
    connection.OFFERED: [connection.MTU, connection.OFFER],
    connection.KEYED: [connection.MTU, connection.OFFER, connection.KEY],
    connection.PRESENTED: [connection.MTU, connection.OFFER, connection.KEY, connection.CREDENTIAL],
    connection.APPROVED: [
        connection.MTU,
        connection.OFFER,
        connection.KEY,
        connection.CREDENTIAL,
        connection.APPROVAL,
    ],
    connection.ANSWERED: [
        *(
            connection.MTU,
            connection.OFFER,
            connection.KEY,
            connection.CREDENTIAL,
            connection.APPROVAL,
        ),
        connection.ANSWER,
    ],
    connection.PARTING: [connection.MTU, connection.OFFER, connection.KEY, connection.TOO_LATE],
}
EVENTS = {event for exits in connection.TABLE.values() for event in exits}
NOW = 1_000


def in_state(state: str, link: int = 0) -> Peer:
    """A peer that came there the ordinary way, with everything that it may hold."""
    one = Peer(link, 0)
    for event in WAY[state]:
        one.handle(event, NOW)
    one.sealed.approval_data = one.sealed.credential_data = one.sealed.answer = b"held"
    return one


@pytest.fixture
def one(state: str) -> Peer:
    """In the state that the test names."""
    return in_state(state)


@pytest.mark.parametrize("state", WAY)
def test_the_ordinary_way(state: str) -> None:
    assert in_state(state).state == state


@pytest.mark.parametrize("event", sorted(EVENTS))
@pytest.mark.parametrize("state", WAY)
def test_every_pair(state: str, event: str, one: Peer) -> None:
    after = connection.TABLE[state].get(event)
    if after is None:
        with refused_as(reasons.WRONG_ORDER):
            one.handle(event, NOW)
    else:
        one.handle(event, NOW)
    assert one.state == (after or state)


FORGETS = [
    (state, event)
    for event in (connection.OFFER, connection.END)
    for state in WAY
    if state != connection.JOINED and event in connection.TABLE[state]
]


@pytest.mark.parametrize(("state", "event"), FORGETS)
def test_a_new_offer_and_the_end_forget_the_old(event: str, one: Peer) -> None:
    one.handle(event, NOW)
    held = one.sealed
    assert held.credential_data == held.approval_data == held.answer == b""


def test_a_withdrawn_offer_is_forgotten_unless_it_was_answered() -> None:
    """An answer may be asked for again."""
    for state in (
        connection.OFFERED,
        connection.KEYED,
        connection.PRESENTED,
        connection.APPROVED,
        connection.ANSWERED,
    ):
        one = in_state(state)
        one.handle(connection.WITHDRAWN, NOW)
        assert one.sealed.answer == (b"held" if state == connection.ANSWERED else b"")


@pytest.mark.parametrize(
    ("state", "patience"),
    [
        (connection.JOINED, gatt.MTU_MS),
        (connection.READY, NOW + gatt.CHECK_IN_MS),
        (connection.OFFERED, NOW + gatt.KEY_MS),
        (connection.KEYED, 90_000 + gatt.GRACE_MS),
        (connection.PRESENTED, 90_000 + gatt.GRACE_MS),
        (connection.APPROVED, 90_000 + gatt.GRACE_MS),
        (connection.ANSWERED, NOW + gatt.CHECK_IN_MS),
        (connection.PARTING, NOW + gatt.PART_MS),
    ],
)
def test_deadline(patience: int, one: Peer) -> None:
    one.end = 90_000
    assert one.deadline() == patience


def test_a_refusal_that_waits_prolongs_nothing() -> None:
    one = in_state(connection.KEYED)
    one.end = NOW - gatt.GRACE_MS + 1
    one.part(reasons.BUSY, NOW)
    assert one.deadline() == NOW + 1
    one.handle(connection.APPROVAL, NOW + 1)
    assert one.deadline() == NOW + 1


def test_two_minutes_are_the_most_without_a_key() -> None:
    one = in_state(connection.READY)
    one.handle(connection.OFFER, gatt.LINK_MS - 1)
    assert one.deadline() == gatt.LINK_MS


def test_what_changes_nothing_does_not_prolong_the_time() -> None:
    one = in_state(connection.READY)
    one.handle(connection.WITHDRAWN, NOW + 5_000)
    assert one.deadline() == NOW + gatt.CHECK_IN_MS


# All links.


def fill(*states: str) -> Links:
    links = Links()
    for link, state in enumerate(states):
        one = links.join(link, NOW)
        one.state = state
    return links


@pytest.mark.parametrize(
    ("states", "evicted"),
    [
        ((connection.READY,) * 3, None),
        ((connection.READY,) * 4, 0),
        ((connection.KEYED, connection.JOINED, connection.READY, connection.JOINED), 1),
        ((connection.KEYED, connection.PRESENTED, connection.APPROVED, connection.JOINED), None),
        ((connection.KEYED,) * 4, None),
        ((connection.ANSWERED, connection.KEYED, connection.KEYED, connection.JOINED), 0),
        ((connection.CLOSED, connection.READY, connection.READY, connection.JOINED), None),
        ((connection.PARTING, connection.READY, connection.READY, connection.JOINED), None),
        ((connection.PARTING,) * 4, None),
    ],
)
def test_who_makes_room(states: tuple[str, ...], evicted: int | None) -> None:
    late = fill(*states).to_evict(NOW + gatt.PLACE_MS)
    assert (late.link if late else None) == evicted


def test_no_link_is_driven_out_before_it_had_time_to_send_a_key() -> None:
    links = fill(*(connection.READY,) * 4)
    assert links.to_evict(NOW + gatt.PLACE_MS - 1) is None
    assert links.deadline() == NOW + gatt.PLACE_MS


def test_a_new_offer_gives_that_time_again() -> None:
    links = fill(connection.OFFERED, *(connection.READY,) * 3)
    offered = links.get(0)
    assert offered is not None
    offered.handle(connection.OFFER, NOW + 1)
    late = links.to_evict(NOW + gatt.PLACE_MS)
    assert late is not None
    assert late.link == 1


def test_three_links_leave_room() -> None:
    assert fill(*(connection.READY,) * 3).deadline() == NOW + gatt.CHECK_IN_MS


def test_the_oldest_is_the_one_that_came_first_whatever_its_handle() -> None:
    links = Links()
    for link in (3, 1, 0, 2):
        links.join(link, NOW)
    assert [one.link for one in links] == [3, 1, 0, 2]
    late = links.to_evict(NOW + gatt.PLACE_MS)
    assert late is not None
    assert late.link == 3


def test_join_get_and_drop() -> None:
    links = fill(connection.READY, connection.READY)
    again = links.join(0, NOW)
    assert len(links) == 2
    assert links.get(0) is again
    links.drop(0)
    links.drop(0)
    assert links.get(0) is None
    assert len(links) == 1


def test_deadlines_of_links_that_are_closed_do_not_count() -> None:
    links = fill(connection.CLOSED, connection.JOINED)
    assert links.deadline() == NOW + gatt.MTU_MS
    assert [one.link for one in links.overdue(NOW + gatt.MTU_MS)] == [1]
    assert links.overdue(NOW + gatt.MTU_MS - 1) == []
    assert fill(connection.CLOSED).deadline() is None
