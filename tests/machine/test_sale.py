"""The sale conversation: one offer, one candidate at a time."""

from __future__ import annotations

import pytest

from receiver import checks, gatt, messages, reasons, sale
from receiver.errors import Error
from receiver.sale import Candidate, Sale

NOW, TTL_S = 1_000, 60
END = NOW + TTL_S * 1000
OFFER = messages.Offer(1, 1, 100, 752, 3, 0, TTL_S, bytes(32), b"saleref1", 0)
CERTIFICATE = messages.Certificate("", bytes(8), 0, 0, bytes(32), 0, "", 0, 752)
OFFERED = checks.Offered(CERTIFICATE, bytes(32), b"offer", OFFER)
FIRST, SECOND, THIRD, FOURTH, FIFTH = (
    Candidate(link, b"", b"credential", b"approval %d" % link) for link in range(5)
)
EVENTS = {event for exits in sale.TABLE.values() for event in exits}


def in_state(state: str) -> Sale:
    one = Sale()
    if state == sale.IDLE:
        return one
    one.open(OFFERED, b"session", NOW)
    if state == sale.ENDING:
        one.handle(sale.ENDED, NOW)
    elif state != sale.OPEN:
        one.take(FIRST, NOW)
    if state in (sale.CLAIMED, sale.SETTLED):
        one.handle(sale.PASSED, NOW)
        one.approval_id = b"approval id"
    if state == sale.SETTLED:
        one.handle(sale.RESULT, NOW)
    return one


@pytest.mark.parametrize("event", sorted(EVENTS))
@pytest.mark.parametrize("state", sale.TABLE)
def test_every_pair(state: str, event: str) -> None:
    one = in_state(state)
    assert one.state == state
    after = sale.TABLE[state].get(event)
    if after is None:
        with pytest.raises(Error) as caught:
            one.handle(event, NOW)
        assert caught.value.code == reasons.WRONG_ORDER
    else:
        one.handle(event, NOW)
    assert one.state == (after or state)
    if one.state == sale.IDLE:
        assert one.offered is None
        assert one.session == one.reference == b""


@pytest.mark.parametrize("state", sale.TABLE)
def test_a_new_offer_forgets_what_was(state: str) -> None:
    one = in_state(state)
    one.open(OFFERED, b"another", NOW)
    assert (one.state, one.session, one.reference) == (sale.OPEN, b"another", b"saleref1")
    assert one.candidate is None
    assert one.waiting == []
    assert one.approval_id == b""


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (sale.IDLE, None),
        (sale.OPEN, END),
        (sale.ENDING, END + gatt.GRACE_MS),
        (sale.CHECKING, None),
        (sale.CLAIMED, END + gatt.GRACE_MS),
        (sale.SETTLED, END + gatt.GRACE_MS),
    ],
)
def test_deadline(state: str, due: int | None) -> None:
    assert in_state(state).deadline() == due


@pytest.mark.parametrize("state", sale.TABLE)
def test_whether_a_phone_may_come(state: str) -> None:
    one = in_state(state)
    assert one.shown(END - 1) == (state in (sale.OPEN, sale.CHECKING))
    assert not one.shown(END)


# The candidate rule.


@pytest.mark.parametrize("state", [sale.OPEN, sale.ENDING])
def test_the_first_takes_the_slot_and_the_others_wait(state: str) -> None:
    one = in_state(state)
    assert one.take(FIRST, NOW)
    assert one.take(SECOND, NOW)
    assert (one.state, one.candidate, one.waiting) == (sale.CHECKING, FIRST, [SECOND])


@pytest.mark.parametrize("state", [sale.IDLE, sale.CLAIMED, sale.SETTLED])
def test_nobody_is_taken_once_the_session_is_closed(state: str) -> None:
    assert not in_state(state).take(SECOND, NOW)


def test_as_many_wait_as_there_are_other_links() -> None:
    one = in_state(sale.OPEN)
    taken = [one.take(each, NOW) for each in (FIRST, SECOND, THIRD, FOURTH, FIFTH)]
    assert taken == [True] * 4 + [False]


def test_whoever_waited_first_is_next() -> None:
    one = in_state(sale.OPEN)
    for each in (FIRST, SECOND, THIRD):
        one.take(each, NOW)
    one.refuse_candidate(sale.FAILED, NOW)
    assert (one.state, one.candidate, one.waiting) == (sale.CHECKING, SECOND, [THIRD])
    one.refuse_candidate(sale.FAILED, NOW)
    one.refuse_candidate(sale.FAILED, NOW)
    assert (one.state, one.candidate, one.waiting) == (sale.OPEN, None, [])


def test_rejected_by_the_bridge() -> None:
    one = in_state(sale.CLAIMED)
    one.refuse_candidate(sale.REJECTED, NOW)
    assert (one.state, one.candidate, one.approval_id) == (sale.OPEN, None, b"")


@pytest.mark.parametrize("state", [sale.IDLE, sale.OPEN, sale.SETTLED])
def test_refusing_where_there_is_no_candidate_to_refuse_changes_nothing(state: str) -> None:
    one = in_state(state)
    before = dict(vars(one))
    with pytest.raises(Error):
        one.refuse_candidate(sale.REJECTED, NOW)
    assert vars(one) == before
