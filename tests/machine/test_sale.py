"""The sale conversation: one offer, one candidate at a time."""

from __future__ import annotations

import contextlib

import pytest

from receiver import checks, gatt, messages, reasons, sale, wire
from receiver.errors import Error
from receiver.pool import Pair
from receiver.sale import Candidate, Sale

NOW, TTL_S = 1_000, 60
END = NOW + TTL_S * 1000
OFFER = messages.Offer(1, 1, 100, 752, 3, 0, TTL_S, bytes(32), b"saleref1", 0, b"")
CERTIFICATE = messages.Certificate("", bytes(8), 0, 0, bytes(32), 0, "", 0, 752)
OFFERED = checks.Offered(CERTIFICATE, bytes(32), b"offer", OFFER)
CREDENTIAL = messages.Credential(0, 0, bytes(8), bytes(33), 0, 1, 1)
FIRST, SECOND, THIRD, FOURTH, FIFTH = (
    Candidate(link, bytes(32), b"credential", CREDENTIAL, b"approval", b"id %d" % link)
    for link in range(5)
)
ORDER = wire.Open(b"saleref1", messages.PURCHASE, 100, 752, 3, TTL_S, b"")
EVENTS = {event for exits in sale.TABLE.values() for event in exits}


def in_state(state: str) -> Sale:
    """A sale that came there the ordinary way, with a key for its offer."""
    one = Sale()
    if state == sale.IDLE:
        return one
    one.order(ORDER, NOW)
    one.pair = Pair(bytearray(b"secret"), b"public")
    if state == sale.SIGNING:
        return one
    one.open(OFFERED, b"session", NOW)
    if state == sale.ENDING:
        one.handle(sale.ENDED, NOW)
    elif state != sale.OPEN:
        one.take(FIRST, NOW)
    if state == sale.REFUSING:
        one.refuse(reasons.WRONG_AMOUNT, NOW)
    if state in (sale.CLAIMED, sale.STANDING_IN, sale.ACCEPTED, sale.SETTLED):
        one.accept(NOW)
    if state in (sale.STANDING_IN, sale.ACCEPTED):
        one.stand_in(1_800_000_000, NOW)
    if state == sale.ACCEPTED:
        one.stood_in(b"receipt", NOW)
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
def test_a_new_order_forgets_what_was(state: str) -> None:
    one = in_state(state)
    pair = one.pair
    one.order(ORDER._replace(reference=b"saleref2"), NOW)
    assert (one.state, one.session, one.reference) == (sale.SIGNING, b"", b"saleref2")
    assert (one.offered, one.candidate, one.pair, one.waiting) == (None, None, None, [])
    assert (one.as_of, one.provisional) == (0, b"")
    assert pair is None or not any(pair.private)
    one.open(OFFERED, b"another", NOW)
    assert (one.state, one.session, one.ordered) == (sale.OPEN, b"another", None)


@pytest.mark.parametrize("event", sorted(EVENTS))
@pytest.mark.parametrize("state", [each for each in sale.TABLE if each != sale.IDLE])
def test_the_offers_key_lives_until_the_result(state: str, event: str) -> None:
    """Not shorter: the bridge may still refuse an approval that holds here, and then another
    phone sends its key for the same offer."""
    one = in_state(state)
    pair = one.pair
    over = (sale.ACCEPTED, sale.SETTLED)
    assert pair is not None or state in over
    after = sale.TABLE[state].get(event, state)
    with contextlib.suppress(Error):
        one.handle(event, NOW)
    assert one.state == after
    is_over = state in over or after in (*over, sale.IDLE)
    assert (one.pair is None) == is_over
    assert pair is None or any(pair.private) != is_over


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (sale.IDLE, None),
        (sale.SIGNING, None),
        (sale.OPEN, END),
        (sale.ENDING, END + gatt.GRACE_MS),
        (sale.CHECKING, None),
        (sale.REFUSING, NOW + sale.WORD_MS),
        (sale.CLAIMED, END + gatt.GRACE_MS),
        (sale.STANDING_IN, END + gatt.GRACE_MS),
        (sale.ACCEPTED, END + gatt.GRACE_MS),
        (sale.SETTLED, END + gatt.GRACE_MS),
    ],
)
def test_deadline(state: str, due: int | None) -> None:
    assert in_state(state).deadline() == due


def test_the_first_time_of_a_stand_in_counts() -> None:
    one = in_state(sale.STANDING_IN)
    one.stand_in(1_800_000_001, NOW)
    assert (one.state, one.as_of) == (sale.STANDING_IN, 1_800_000_000)


@pytest.mark.parametrize("state", sale.TABLE)
def test_whether_a_phone_may_come(state: str) -> None:
    one = in_state(state)
    assert one.shown(END - 1) == (state in (sale.OPEN, sale.CHECKING, sale.REFUSING))
    assert not one.shown(END)


# Keys.


def test_no_key_is_taken_twice() -> None:
    one = in_state(sale.OPEN)
    one.meet(bytes(32))
    one.meet(bytes(7) + bytes([1]) * 25)
    with pytest.raises(Error) as caught:
        one.meet(bytes(32))
    assert caught.value.code == reasons.REPLAY


def test_as_many_keys_as_come_fill_no_heap() -> None:
    one = in_state(sale.OPEN)
    for number in range(3 * sale.KEYS_MOST):
        one.meet(number.to_bytes(32, "little"))
    with pytest.raises(Error):
        one.meet((2 * sale.KEYS_MOST).to_bytes(32, "little"))
    assert len(one._keys) == sale.KEYS_MOST
    one.order(ORDER, NOW)
    assert one._keys == []


# The candidate rule.


@pytest.mark.parametrize("state", [sale.OPEN, sale.ENDING])
def test_the_first_takes_the_slot_and_the_others_wait(state: str) -> None:
    one = in_state(state)
    assert one.take(FIRST, NOW)
    assert one.take(SECOND, NOW)
    assert (one.state, one.candidate, one.waiting) == (sale.CHECKING, FIRST, [SECOND])


@pytest.mark.parametrize("state", [sale.IDLE, sale.SIGNING, sale.CLAIMED, sale.SETTLED])
def test_nobody_is_taken_before_the_offer_or_once_the_session_is_closed(state: str) -> None:
    assert not in_state(state).take(SECOND, NOW)


@pytest.mark.parametrize("state", [sale.CHECKING, sale.REFUSING])
def test_as_many_wait_as_there_are_other_links(state: str) -> None:
    one = in_state(state)
    taken = [one.take(each, NOW) for each in (SECOND, THIRD, FOURTH, FIFTH)]
    assert taken == [True] * 3 + [False]


@pytest.mark.parametrize("state", [sale.CHECKING, sale.REFUSING])
def test_whoever_waited_first_is_next_once_the_bridge_has_said_so(state: str) -> None:
    one = in_state(state)
    for each in (SECOND, THIRD):
        one.take(each, NOW)
    if state == sale.REFUSING:
        assert (one.candidate, one.refusal) == (FIRST, reasons.WRONG_AMOUNT)
    one.release(NOW)
    assert (one.state, one.candidate, one.waiting) == (sale.CHECKING, SECOND, [THIRD])
    assert one.refusal == reasons.OK
    one.release(NOW)
    one.release(NOW)
    assert (one.state, one.candidate, one.waiting) == (sale.OPEN, None, [])


def test_nobody_waits_for_more_once_one_is_accepted() -> None:
    one = in_state(sale.CHECKING)
    one.take(SECOND, NOW)
    one.accept(NOW)
    assert (one.state, one.candidate, one.waiting) == (sale.CLAIMED, FIRST, [])
    one.release(NOW)
    assert (one.state, one.candidate) == (sale.OPEN, None)


@pytest.mark.parametrize("state", [sale.IDLE, sale.SIGNING, sale.OPEN, sale.SETTLED])
def test_refusing_where_there_is_no_candidate_to_refuse_changes_nothing(state: str) -> None:
    one = in_state(state)
    before = dict(vars(one))
    with pytest.raises(Error):
        one.release(NOW)
    assert vars(one) == before
