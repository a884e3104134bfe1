"""The sale conversation: one offer, one candidate at a time."""

from __future__ import annotations

import contextlib

import pytest

from receiver import reasons
from receiver.core import sale_session
from receiver.core.key_pool import Pair
from receiver.core.sale_session import Candidate, Sale
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import gatt, messages, validation
from tests.support.values.refusals import refused_as

NOW, TTL_S = 1_000, 60
END = NOW + TTL_S * 1000
OFFER = messages.Offer(1, 1, 100, 752, 3, 0, TTL_S, bytes(32), b"saleref1", 0, b"")
CERTIFICATE = messages.Certificate("", bytes(8), 0, 0, bytes(32), 0, "", 0, 752)
OFFERED = validation.Offered(CERTIFICATE, bytes(32), b"offer", OFFER)
CREDENTIAL = messages.Credential(0, 0, bytes(8), bytes(33), 0, 1, 1)
SUBMISSION = validation.Submission(bytes(32), b"credential", CREDENTIAL, b"approval")
FIRST, SECOND, THIRD, FOURTH, FIFTH = (
    Candidate(link, SUBMISSION, b"id %d" % link) for link in range(5)
)
ORDER = wire.Open(b"saleref1", messages.PURCHASE, 100, 752, 3, TTL_S, b"")
EVENTS = {event for exits in sale_session.TABLE.values() for event in exits}


def in_state(state: str) -> Sale:
    """A sale that came there the ordinary way, with a key for its offer."""
    one = Sale()
    if state == sale_session.IDLE:
        return one
    one.order(ORDER, NOW)
    one.pair = Pair(bytearray(b"secret"), b"public")
    if state == sale_session.SIGNING:
        return one
    one.open(OFFERED, b"session", NOW)
    if state == sale_session.ENDING:
        one.handle(sale_session.ENDED, NOW)
    elif state != sale_session.OPEN:
        one.take(FIRST, NOW)
    if state == sale_session.REFUSING:
        one.refuse(reasons.WRONG_AMOUNT, NOW)
    if state in (
        sale_session.CLAIMED,
        sale_session.STANDING_IN,
        sale_session.ACCEPTED,
        sale_session.SETTLED,
    ):
        one.accept(NOW)
    if state in (sale_session.STANDING_IN, sale_session.ACCEPTED):
        one.stand_in(1_800_000_000, NOW)
    if state == sale_session.ACCEPTED:
        one.stood_in(b"receipt", NOW)
    if state == sale_session.SETTLED:
        one.handle(sale_session.RESULT, NOW)
    return one


@pytest.fixture
def one(state: str) -> Sale:
    """In the state that the test names."""
    return in_state(state)


@pytest.mark.parametrize("event", sorted(EVENTS))
@pytest.mark.parametrize("state", sale_session.TABLE)
def test_every_pair(state: str, event: str, one: Sale) -> None:
    assert one.state == state
    after = sale_session.TABLE[state].get(event)
    if after is None:
        with refused_as(reasons.WRONG_ORDER):
            one.handle(event, NOW)
    else:
        one.handle(event, NOW)
    assert one.state == (after or state)
    if one.state == sale_session.IDLE:
        assert one.offered is None
        assert one.session == one.reference == b""


@pytest.mark.parametrize("state", sale_session.TABLE)
def test_a_new_order_forgets_what_was(one: Sale) -> None:
    pair = one.pair
    one.order(ORDER._replace(reference=b"saleref2"), NOW)
    assert (one.state, one.session, one.reference) == (sale_session.SIGNING, b"", b"saleref2")
    assert (one.offered, one.candidate, one.pair, one.waiting) == (None, None, None, [])
    assert (one.as_of, one.provisional) == (0, b"")
    assert pair is None or not any(pair.private)
    one.open(OFFERED, b"another", NOW)
    assert (one.state, one.session, one.ordered) == (sale_session.OPEN, b"another", None)


@pytest.mark.parametrize("event", sorted(EVENTS))
@pytest.mark.parametrize(
    "state", [each for each in sale_session.TABLE if each != sale_session.IDLE]
)
def test_the_offers_key_lives_until_the_result(state: str, event: str, one: Sale) -> None:
    """Not shorter: the bridge may still refuse an approval that holds here, and then another
    phone sends its key for the same offer."""
    pair = one.pair
    over = (sale_session.ACCEPTED, sale_session.SETTLED)
    assert pair is not None or state in over
    after = sale_session.TABLE[state].get(event, state)
    with contextlib.suppress(Error):
        one.handle(event, NOW)
    assert one.state == after
    is_over = state in over or after in (*over, sale_session.IDLE)
    assert (one.pair is None) == is_over
    assert pair is None or any(pair.private) != is_over


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (sale_session.IDLE, None),
        (sale_session.SIGNING, None),
        (sale_session.OPEN, END),
        (sale_session.ENDING, END + gatt.GRACE_MS),
        (sale_session.CHECKING, None),
        (sale_session.REFUSING, NOW + sale_session.WORD_MS),
        (sale_session.CLAIMED, END + gatt.GRACE_MS),
        (sale_session.STANDING_IN, END + gatt.GRACE_MS),
        (sale_session.ACCEPTED, END + gatt.GRACE_MS),
        (sale_session.SETTLED, END + gatt.GRACE_MS),
    ],
)
def test_deadline(state: str, due: int | None) -> None:
    assert in_state(state).deadline() == due


def test_the_first_time_of_a_stand_in_counts() -> None:
    one = in_state(sale_session.STANDING_IN)
    one.stand_in(1_800_000_001, NOW)
    assert (one.state, one.as_of) == (sale_session.STANDING_IN, 1_800_000_000)


@pytest.mark.parametrize("state", sale_session.TABLE)
def test_whether_a_phone_may_come(state: str, one: Sale) -> None:
    assert one.shown(END - 1) == (
        state in (sale_session.OPEN, sale_session.CHECKING, sale_session.REFUSING)
    )
    assert not one.shown(END)


# Keys.


def test_no_key_is_taken_twice() -> None:
    one = in_state(sale_session.OPEN)
    one.meet(bytes(32))
    one.meet(bytes(7) + bytes([1]) * 25)
    with refused_as(reasons.REPLAY):
        one.meet(bytes(32))


def test_as_many_keys_as_come_fill_no_heap() -> None:
    one = in_state(sale_session.OPEN)
    for number in range(3 * sale_session.KEYS_MOST):
        one.meet(number.to_bytes(32, "little"))
    with pytest.raises(Error):
        one.meet((2 * sale_session.KEYS_MOST).to_bytes(32, "little"))
    assert len(one._keys) == sale_session.KEYS_MOST
    one.order(ORDER, NOW)
    assert one._keys == []


# The candidate rule.


@pytest.mark.parametrize("state", [sale_session.OPEN, sale_session.ENDING])
def test_the_first_takes_the_slot_and_the_others_wait(one: Sale) -> None:
    assert one.take(FIRST, NOW)
    assert one.take(SECOND, NOW)
    assert (one.state, one.candidate, one.waiting) == (sale_session.CHECKING, FIRST, [SECOND])


@pytest.mark.parametrize(
    "state", [sale_session.IDLE, sale_session.SIGNING, sale_session.CLAIMED, sale_session.SETTLED]
)
def test_no_candidate_is_taken_before_the_offer_or_once_the_session_is_closed(state: str) -> None:
    assert not in_state(state).take(SECOND, NOW)


@pytest.mark.parametrize("state", [sale_session.CHECKING, sale_session.REFUSING])
def test_as_many_wait_as_there_are_other_links(one: Sale) -> None:
    taken = [one.take(each, NOW) for each in (SECOND, THIRD, FOURTH, FIFTH)]
    assert taken == [True] * 3 + [False]


@pytest.mark.parametrize("state", [sale_session.CHECKING, sale_session.REFUSING])
def test_the_first_that_waited_is_next_once_the_bridge_has_said_so(state: str, one: Sale) -> None:
    for each in (SECOND, THIRD):
        one.take(each, NOW)
    if state == sale_session.REFUSING:
        assert (one.candidate, one.refusal) == (FIRST, reasons.WRONG_AMOUNT)
    one.release(NOW)
    assert (one.state, one.candidate, one.waiting) == (sale_session.CHECKING, SECOND, [THIRD])
    assert one.refusal == reasons.OK
    one.release(NOW)
    one.release(NOW)
    assert (one.state, one.candidate, one.waiting) == (sale_session.OPEN, None, [])


def test_no_candidate_waits_once_one_is_accepted() -> None:
    one = in_state(sale_session.CHECKING)
    one.take(SECOND, NOW)
    one.accept(NOW)
    assert (one.state, one.candidate, one.waiting) == (sale_session.CLAIMED, FIRST, [])
    one.release(NOW)
    assert (one.state, one.candidate) == (sale_session.OPEN, None)


@pytest.mark.parametrize(
    "state", [sale_session.IDLE, sale_session.SIGNING, sale_session.OPEN, sale_session.SETTLED]
)
def test_refusing_where_there_is_no_candidate_to_refuse_changes_nothing(one: Sale) -> None:
    before = dict(vars(one))
    with pytest.raises(Error):
        one.release(NOW)
    assert vars(one) == before
