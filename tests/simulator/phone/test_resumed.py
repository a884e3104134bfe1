"""A link is lost in mid-purchase: the phone comes back, and its buyer notices nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from receiver import reasons
from receiver.core import io
from receiver.link import wire
from receiver.protocol import exchange, gatt
from simulator.authority.storage import schema
from simulator.phone.conversation import events, states
from simulator.phone.wallet.wallet import NEVER_AFTER_S
from tests.support.machines.phone import CODE, EPOCH, MTU, Shop
from tests.support.values import evidence

LATER_MS = 700  # a hand that moved the phone away and back


def shows(shop: Shop) -> None:
    shop.visit()


def presents(shop: Shop) -> None:
    shop.visit()
    shop.tell_phone(events.FirstDigit())


def approves(shop: Shop) -> None:
    shop.visit()
    shop.type()


def waits(shop: Shop) -> None:
    shop.come()


def asks(shop: Shop) -> None:
    shop.come()
    shop.ring_up()


def is_declined(shop: Shop) -> None:
    shop.visit()
    shop.type("000000")
    shop.decide(reasons.CODE_WRONG)


STAGES: dict[str, Callable[[Shop], None]] = {
    states.WAITING: waits,
    states.ASKING: asks,
    states.SHOWING: shows,
    states.PRESENTED: presents,
    states.APPROVED: approves,
    states.DECLINED: is_declined,
}
KEYED = (states.SHOWING, states.PRESENTED, states.APPROVED)
in_every_state = pytest.mark.parametrize("state", STAGES)
in_a_keyed_state = pytest.mark.parametrize("state", KEYED)


def at(shop: Shop, state: str) -> Shop:
    STAGES[state](shop)
    assert shop.phone.state == state
    return shop


def finish(shop: Shop) -> None:
    """What the buyer has yet to do, once, and the authority's yes."""
    if shop.phone.state == states.WAITING or shop.phone.state == states.DECLINED:
        shop.ring_up()
    if shop.phone.state == states.ASKING:
        shop.tell_phone(events.Look())
    if shop.phone.state == states.SHOWING:
        shop.tell_phone(events.FirstDigit())
    if shop.phone.state == states.PRESENTED:
        shop.tell_phone(events.Code(CODE))
    shop.decide()
    assert shop.outcome.result == events.APPROVED
    assert not shop.wallet.pending


def approvals(shop: Shop) -> set[bytes]:
    return {data for data in shop.writes if data[0] == exchange.APPROVAL}


@in_every_state
@pytest.mark.parametrize("told", [True, False], ids=["both know", "the phone alone knows"])
def test_it_goes_on_where_it_was(shop: Shop, state: str, told: bool) -> None:
    at(shop, state)
    views = list(shop.views)
    shop.lose_link(told=told)
    assert shop.phone.link.is_up
    assert (shop.phone.state, shop.views) == (state, views)
    assert shop.told[-2:] == ["link_lost", "resumed"]
    finish(shop)
    declined = state == states.DECLINED
    assert len(approvals(shop)) == len(shop.sent(wire.APPROVAL)) == 1 + declined
    keys = [data for data in shop.writes if data[0] == exchange.KEY]
    assert len(keys) == 1 + declined


@in_every_state
def test_out_of_reach_for_a_while(shop: Shop, state: str) -> None:
    """It tries again and again; the screen stays."""
    at(shop, state)
    views = list(shop.views)
    shop.in_reach = False
    shop.lose_link()
    shop.wait(LATER_MS)
    assert (shop.phone.link.state, shop.phone.state) == (states.RESUMING, state)
    shop.come_near()
    assert shop.phone.link.is_up
    assert (shop.phone.state, shop.views) == (state, views)
    finish(shop)


@in_every_state
def test_lost_again_and_again(shop: Shop, state: str) -> None:
    at(shop, state)
    for _ in range(6):
        shop.lose_link()
        assert shop.phone.link.is_up
    finish(shop)


@in_every_state
def test_lost_on_the_way_back(shop: Shop, state: str) -> None:
    """Before the receiver's answer, at each step."""
    at(shop, state)
    shop.in_reach = False
    shop.lose_link()
    now = shop.now
    shop.phone.handle(events.Connected(MTU), now)
    shop.phone.handle(events.Gone(), now)
    assert shop.phone.link.state == states.RESUMING
    shop.wait(LATER_MS)
    shop.phone.handle(events.Connected(MTU), shop.now)
    shop.phone.handle(events.Read(shop.certificate, shop.offer), shop.now)
    if state in KEYED:
        assert shop.phone.link.state == states.CLAIMING
    shop.phone.handle(events.Gone(), shop.now)
    assert shop.phone.link.state == states.RESUMING
    shop.come_near()
    assert shop.phone.link.is_up
    finish(shop)


# The buyer acts meanwhile.


@pytest.mark.parametrize("state", [states.ASKING, states.SHOWING, states.PRESENTED])
def test_what_is_typed_meanwhile_counts(shop: Shop, state: str) -> None:
    at(shop, state)
    shop.in_reach = False
    shop.lose_link()
    acts: list[events.Act] = [events.Look(), events.FirstDigit(), events.Code(CODE)]
    for act in acts[list(STAGES).index(state) - 1 :]:
        shop.tell_phone(act)
    assert shop.phone.state == state
    assert not shop.wallet.pending  # nothing is signed for a receiver that is gone
    assert shop.wallet.counter == 1
    shop.come_near()
    assert shop.phone.state == states.APPROVED
    shop.decide()
    assert shop.outcome.result == events.APPROVED
    assert len(approvals(shop)) == 1


@pytest.mark.parametrize("state", [states.ASKING, states.SHOWING, states.PRESENTED])
def test_a_buyer_who_says_no_meanwhile(shop: Shop, state: str) -> None:
    at(shop, state)
    shop.in_reach = False
    shop.lose_link()
    before = len(shop.writes)
    shop.tell_phone(events.SayNo(exchange.LEAVE_CANCELLED))
    assert shop.ended == (events.LEFT, reasons.BUYER_SAID_NO)
    assert len(shop.writes) == before
    shop.in_reach = True
    shop.wait(states.RETURN_MS)
    assert not shop.linked


def test_a_code_for_an_offer_that_is_gone_is_forgotten(presented: Shop) -> None:
    """Another sale is on the air when the link is back: it is asked about, and not approved."""
    presented.in_reach = False
    presented.lose_link()
    presented.tell_phone(events.Code(CODE))
    presented.ring_up(b"another!")
    presented.come_near()
    assert presented.phone.state == states.ASKING
    presented.tell_phone(events.Look())
    assert presented.phone.state == states.SHOWING
    assert not presented.wallet.pending
    presented.type()
    presented.decide()
    assert presented.outcome.result == events.APPROVED


def test_a_buyer_cannot_type_without_end(presented: Shop) -> None:
    presented.in_reach = False
    presented.lose_link()
    for _ in range(100):
        presented.tell_phone(events.Code(CODE))
    presented.come_near()
    presented.decide()
    assert presented.outcome.result == events.APPROVED
    assert len(approvals(presented)) == 1


def test_an_offer_ends_while_the_link_is_lost(presented: Shop) -> None:
    presented.wait(presented.phone.deadline() - presented.now - 500)  # type: ignore[operator]
    presented.in_reach = False
    presented.lose_link()
    presented.tell_phone(events.Code(CODE))
    presented.wait(500)
    assert presented.ended == (events.REFUSED, reasons.OFFER_EXPIRED)
    assert not presented.wallet.pending


# What was lost on the air.


@pytest.mark.parametrize("kind", [exchange.KEY, exchange.CREDENTIAL, exchange.APPROVAL])
def test_a_message_that_was_lost_with_the_link(shop: Shop, kind: int) -> None:
    """Whether it arrived the phone cannot know: the receiver says."""
    shop.lost.add(kind)
    shop.visit()
    if kind != exchange.KEY:
        shop.type()
    assert shop.phone.link.is_up
    finish(shop)
    assert len(shop.sent(wire.APPROVAL)) == 1
    fresh = 2 if kind == exchange.KEY else 1  # a key that did not arrive is not used again
    assert len({data for data in shop.writes if data[0] == kind}) == fresh


def test_all_after_the_key_was_lost(showing: Shop) -> None:
    showing.dead = True
    showing.type()
    showing.dead = False
    showing.lose_link()
    showing.decide()
    assert showing.outcome.result == events.APPROVED


def test_a_result_that_was_lost(approved: Shop) -> None:
    approved.deaf = True
    approved.decide()
    approved.deaf = False
    approved.lose_link()
    assert approved.outcome.result == events.APPROVED


def test_an_answer_before_the_result_that_was_lost(shop: Shop) -> None:
    """The receiver sends the newest answer only: the phone opens it though it missed one."""
    at(shop, states.APPROVED)
    shop.deaf = True
    shop.result(b"not a receipt")
    shop.deaf = False
    shop.in_reach = False
    shop.lose_link()
    shop.decide()
    shop.come_near()
    assert shop.outcome.result == events.APPROVED


def test_a_result_that_comes_while_the_link_is_lost(approved: Shop) -> None:
    approved.in_reach = False
    approved.lose_link()
    approved.decide()
    approved.come_near()
    assert approved.outcome.result == events.APPROVED


def test_a_decline_and_the_next_offer_while_the_link_is_lost(showing: Shop) -> None:
    """The buyer sees why, and the new offer, as on a link that held."""
    showing.type("000000")
    showing.in_reach = False
    showing.lose_link()
    showing.decide(reasons.CODE_WRONG)
    showing.ring_up()
    showing.come_near()
    assert showing.phone.state == states.SHOWING
    assert showing.views[-1].reason == reasons.CODE_WRONG
    showing.type()
    showing.decide()
    assert showing.outcome.result == events.APPROVED


# Beside it the authority is asked.


@pytest.fixture
def lost(approved: Shop) -> Shop:
    approved.in_reach = False
    approved.lose_link()
    assert approved.asked == [approved.approval_id]
    return approved


def test_the_authority_answers_first(lost: Shop) -> None:
    lost.tell_phone(events.Answered(lost.approval_id, schema.PENDING, lost.receipt()))
    assert lost.outcome.result == events.APPROVED
    lost.in_reach = True
    lost.wait(states.RETURN_MS)
    assert not lost.linked


def test_the_receiver_answers_first(lost: Shop) -> None:
    lost.tell_phone(events.Answered(lost.approval_id, events.UNSEEN))
    lost.wait(states.ASK_FIRST_MS)
    assert lost.asked == [lost.approval_id] * 2
    lost.come_near()
    lost.tell_phone(events.Answered(lost.approval_id, events.UNSEEN))
    asked = len(lost.asked)
    lost.wait(states.ASK_MOST_MS)
    assert len(lost.asked) == asked  # the link is back, and brings the answer
    lost.decide()
    assert lost.outcome.result == events.APPROVED


def test_neither_answers(lost: Shop) -> None:
    lost.wait(states.RETURN_MS)
    assert lost.phone.state == states.UNKNOWN
    lost.wait(states.ASK_MS - states.RETURN_MS)
    assert lost.ended == (events.UNKNOWN, reasons.AUTHORITY_UNREACHABLE)
    assert list(lost.wallet.pending) == [evidence.REFERENCE]


def test_a_decline_by_the_authority_is_worth_another_visit(lost: Shop) -> None:
    receipt = lost.receipt(reasons.CODE_WRONG)
    lost.tell_phone(events.Answered(lost.approval_id, schema.DECLINED, receipt))
    assert lost.ended == (events.DECLINED, reasons.CODE_WRONG)
    assert lost.outcome.retry


def test_the_receiver_holds_nothing_of_an_approval(lost: Shop) -> None:
    lost.wait(gatt.RESUME_MS)
    lost.come_near()
    assert (lost.phone.state, lost.linked) == (states.UNKNOWN, False)
    assert lost.whys[-1] == "the receiver holds nothing of it"
    lost.now += NEVER_AFTER_S * 1000
    assert len(approvals(lost)) == 1


# What the receiver no longer holds is begun anew, with nothing shown or typed again.


@pytest.mark.parametrize("state", [states.SHOWING, states.PRESENTED])
def test_begun_anew(shop: Shop, state: str) -> None:
    at(shop, state)
    views = list(shop.views)
    shop.in_reach = False
    shop.lose_link()
    shop.wait(gatt.RESUME_MS)
    shop.come_near()
    assert (shop.phone.state, shop.views) == (state, views)
    finish(shop)
    keys = [data for data in shop.writes if data[0] == exchange.KEY]
    credentials = [data for data in shop.writes if data[0] == exchange.CREDENTIAL]
    assert len(set(keys)) == len(keys) == 2
    assert len(set(credentials)) == (2 if state == states.PRESENTED else 1)


def test_a_code_typed_meanwhile_is_signed_for_the_new_key(presented: Shop) -> None:
    presented.in_reach = False
    presented.lose_link()
    presented.wait(gatt.RESUME_MS)
    presented.tell_phone(events.Code(CODE))
    presented.come_near()
    presented.decide()
    assert presented.outcome.result == events.APPROVED
    assert len(presented.sent(wire.APPROVAL)) == 1


def test_a_receiver_that_never_holds_anything(presented: Shop) -> None:
    """Not for ever: another visit may find out why."""
    for _ in range(states.ANEW_MOST + 1):
        presented.receiver.handle(io.RadioLost(), presented.now)
        presented.lose_link()
    assert presented.ended == (events.LOST, reasons.LINK_TIMEOUT)
    assert presented.outcome.retry


@pytest.mark.parametrize("state", [states.ASKING, states.SHOWING, states.PRESENTED])
def test_no_offer_when_it_is_back(shop: Shop, state: str) -> None:
    at(shop, state)
    shop.in_reach = False
    shop.lose_link()
    shop.wait(gatt.RESUME_MS)
    shop.order(wire.CANCEL, wire.Cancel(evidence.REFERENCE, reasons.CASHIER_CANCELLED))
    shop.come_near()
    assert shop.ended == (events.LOST, reasons.LINK_TIMEOUT)
    assert shop.outcome.retry


@pytest.mark.parametrize("state", [states.WAITING, states.DECLINED])
def test_an_offer_that_opened_meanwhile(shop: Shop, state: str) -> None:
    at(shop, state)
    shop.in_reach = False
    shop.lose_link()
    shop.ring_up()
    shop.come_near()
    assert (
        shop.phone.state
        == {
            states.WAITING: states.ASKING,
            states.DECLINED: states.SHOWING,
        }[state]
    )
    finish(shop)


def test_a_new_certificate_when_it_is_back(shop: Shop) -> None:
    """One that the phone does not trust ends the visit."""
    at(shop, states.WAITING)
    shop.in_reach = False
    shop.lose_link()
    ended = evidence.certificate(shop.keys, evidence.seed("receiver"), EPOCH, expires=EPOCH)
    shop.certificate = ended
    shop.come_near()
    assert shop.ended == (events.REFUSED, reasons.CERTIFICATE_EXPIRED)


# The end of patience.


@in_every_state
def test_a_till_that_is_not_found_again(shop: Shop, state: str) -> None:
    at(shop, state)
    shop.in_reach = False
    shop.lose_link()
    shop.wait(states.RETURN_MS)
    if state == states.APPROVED:
        assert shop.phone.state == states.UNKNOWN
    elif state == states.DECLINED:
        assert shop.ended == (events.DECLINED, reasons.CODE_WRONG)
    else:
        assert shop.ended == (events.LOST, reasons.LINK_TIMEOUT)
        assert shop.outcome.retry


@in_a_keyed_state
def test_a_receiver_that_does_not_answer_the_claim(shop: Shop, state: str) -> None:
    """Perhaps it was not heard: the link is given up for another."""
    at(shop, state)
    shop.deaf = True
    shop.lose_link()
    assert shop.phone.link.state == states.CLAIMING
    shop.deaf = False
    shop.wait(states.CLAIM_MS + states.RETURN_PAUSE_MS)
    assert shop.phone.link.is_up
    finish(shop)


def test_a_small_mtu_when_it_is_back(presented: Shop) -> None:
    presented.in_reach = False
    presented.lose_link()
    presented.phone.handle(events.Connected(184), presented.now)
    assert presented.phone.link.state == states.RESUMING
    presented.come_near()
    finish(presented)


@pytest.mark.parametrize("data", [b"\x09", b"\x09\x02\x02", b"\x09\x02"])
def test_an_answer_to_no_claim(presented: Shop, data: bytes) -> None:
    presented.tell_phone(events.Notified(data))
    assert presented.told[-1] == "ignored"
    finish(presented)


@in_a_keyed_state
@pytest.mark.parametrize("last", [0, 1, 2, 3, 4, 5, 255])
def test_whatever_a_receiver_says_that_it_holds(shop: Shop, state: str, last: int) -> None:
    """A lie costs the purchase at most: one approval, and one counter."""
    at(shop, state)
    shop.in_reach = False
    shop.lose_link()
    shop.phone.handle(events.Connected(MTU), shop.now)
    shop.phone.handle(events.Read(shop.certificate, shop.offer), shop.now)
    shop.phone.handle(events.Notified(exchange.resumed(last)), shop.now)
    if shop.phone.state == states.SHOWING:
        shop.phone.handle(events.FirstDigit(), shop.now)
    if shop.phone.state == states.PRESENTED:
        shop.phone.handle(events.Code(CODE), shop.now)
    assert shop.wallet.counter == 2
    assert len(shop.wallet.pending) == 1


@pytest.mark.parametrize("state", [states.SHOWING, states.APPROVED])
def test_a_radio_that_was_switched_off(shop: Shop, state: str) -> None:
    at(shop, state)
    shop.break_link()
    if state == states.APPROVED:
        assert shop.phone.state == states.UNKNOWN
    else:
        assert shop.ended == (events.LOST, reasons.LINK_TIMEOUT)
