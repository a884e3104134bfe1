"""Every decision of the bridge about a sale, without I/O: honest ways, lies, silence, restarts."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.domain import effects, inputs
from bridge.domain.approval_attempt import NO_APPROVAL, VERDICT_MS
from bridge.domain.phones import Phone
from bridge.domain.sale import Fact
from bridge.domain.states import AT_THE_TILL, Event, State
from receiver import reasons
from receiver.encoding import cose
from receiver.link import wire
from receiver.protocol import gatt, identifiers, messages
from receiver.protocol.messages import NEW_OFFERS_MOST
from tests.support.machines.controller import (
    AT,
    LINK,
    PATIENCE_S,
    PHONE,
    RECEIVER,
    TILL,
    ControllerWorld,
)
from tests.support.values import evidence

OTHER_PHONE = evidence.seed("other phone")


@pytest.fixture
def offered(world: ControllerWorld) -> bytes:
    """A sale with an offer; what led there is read already."""
    world.begin()
    data = world.offer()
    world.outputs.clear()
    return data


def forge(data: bytes) -> bytes:
    """The same approval under a signature that nobody made."""
    return cose.build(
        cose.protected_header(cose.ALG_ESP256, b""),
        cose.parse(data, cose.ALG_ESP256, 0).payload,
        cose.APPROVAL,
        b"",
        lambda _: bytes(64),
    )


def verdict(offer: bytes, approval_id: bytes, reason: int) -> tuple[int, wire.Verdict]:
    """What the receiver is told of an approval that is refused."""
    return wire.VERDICT, wire.Verdict(identifiers.session_id(offer), approval_id, reason)


def refused_at(offer: bytes, reason: int) -> wire.Phone:
    """What the receiver tells of a phone that it refused."""
    return wire.Phone(identifiers.session_id(offer), LINK, wire.PHONE_REFUSED, reason)


# The honest way.


def test_a_purchase_from_ring_to_receipt(world: ControllerWorld) -> None:
    sale = world.begin()
    [(channel, order)] = world.sent()
    assert channel == wire.OPEN
    reference = identifiers.sale_reference(b"bridge01", TILL, sale.terms.sale_id)
    assert order == wire.Open(reference, 0, 24_900, evidence.SEK, TILL, PATIENCE_S, b"")
    offer = world.offer()
    assert sale.match_code == identifiers.match_code(offer)
    purchase = world.purchase(offer)
    world.present(offer, purchase.credential)
    assert sale.state == State.CLAIMED.value
    world.approve(offer, purchase.approval)
    [ask] = world.take(effects.RequestAuthorisation)
    assert ask.approval_id == purchase.approval_id
    assert (sale.state, sale.shown) == (State.AUTHORISATION_SENT, State.AUTHORISING)
    world.judge(offer, purchase.approval_id)
    assert sale.state == State.AUTHORISING.value
    world.answer(purchase.approval_id)
    assert sale.state == State.APPROVED.value
    assert world.sent() == [(wire.RESULT, wire.Result(identifiers.session_id(offer), sale.receipt))]
    world.give(inputs.TillNotified())
    assert (sale.state, sale.shown) == (State.TILL_NOTIFIED, State.APPROVED)
    assert world.controller.due is None


def test_facts_come_before_what_follows_from_them(world: ControllerWorld) -> None:
    """In this order they are carried out: a session writes each to the disk before the next act."""
    world.answer(world.asked().approval_id)
    found = [
        output.fact.event if isinstance(output, effects.Persist) else type(output)
        for output in world.outputs
        if not isinstance(output, effects.Publish)
    ]
    assert found == [
        *(effects.Acknowledge, effects.BeginSale, effects.Send),
        *(Event.OFFERED, effects.Acknowledge, effects.Acknowledge),
        *(
            Event.APPROVAL_RECEIVED,
            Event.AUTHORISATION_SENT,
            effects.RequestAuthorisation,
            effects.Acknowledge,
        ),
        *(Event.VERIFIED, effects.Acknowledge, Event.AUTHORISED, effects.Send),
    ]


def test_a_refusal_is_journalled_before_it_is_told(world: ControllerWorld, offered: bytes) -> None:
    purchase = world.hand(offered)
    world.outputs.clear()
    world.judge(offered, purchase.approval_id, reasons.BAD_SIGNATURE)
    assert world.kinds() == [
        effects.Refuse,
        effects.Persist,
        effects.QueueReversal,
        effects.Send,
        effects.Acknowledge,
    ]


def test_every_message_is_accepted_once(world: ControllerWorld) -> None:
    world.asked()
    assert len(world.take(effects.Acknowledge)) == 5
    world.give(inputs.MessageReceived(wire.APPROVAL, b"\xff", AT))
    world.give(inputs.MessageReceived(99, b"", AT))
    world.give(inputs.MessageReceived(wire.OPEN, b"", AT))
    assert len(world.take(effects.Acknowledge)) == 3
    assert world.refusals() == [reasons.MALFORMED, reasons.WRONG_TYPE, reasons.MALFORMED]


def test_a_receiver_that_comes_late_gets_the_order_with_what_is_left(
    world: ControllerWorld,
) -> None:
    world.ring()
    assert world.sent() == []
    world.move(10_500)
    world.sync()
    [(channel, order)] = world.sent()
    assert (channel, order.ttl) == (wire.OPEN, 15)


# Lies of a receiver.


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"amount": 1}, reasons.WRONG_AMOUNT),
        ({"currency": 978}, reasons.WRONG_CURRENCY),
        ({"till": TILL + 1}, reasons.WRONG_TILL),
        ({"reference": b"another0"}, reasons.WRONG_REFERENCE),
        ({"version": 2}, reasons.WRONG_VERSION),
    ],
)
def test_a_lying_offer_ends_the_sale(
    world: ControllerWorld, changes: dict[str, Any], cause: int
) -> None:
    sale = world.begin()
    world.sent()
    data = world.offer(**changes)
    assert (sale.state, sale.reason) == (State.DECLINED, reasons.RECEIVER_UNTRUSTED)
    assert world.refusals() == [cause, reasons.RECEIVER_UNTRUSTED]
    assert [channel for channel, _ in world.sent()] == [wire.CANCEL]
    assert world.take(effects.Persist)[-1].fact.evidence == data
    assert sale.match_code is None


def test_an_offer_under_another_key_ends_the_sale(world: ControllerWorld) -> None:
    sale = world.begin()
    terms = sale.terms
    data = evidence.offer(
        PHONE, world.certificate, AT, amount=terms.amount, reference=terms.reference
    )
    world.hear(wire.OFFER, wire.Opened(terms.reference, data, 0))
    assert sale.reason == reasons.RECEIVER_UNTRUSTED
    assert world.refusals() == [reasons.BAD_SIGNATURE, reasons.RECEIVER_UNTRUSTED]


def test_a_forged_approval_called_verified_is_caught(
    world: ControllerWorld, offered: bytes
) -> None:
    good = world.purchase(offered)
    world.present(offered, good.credential)
    world.approve(offered, forge(good.approval))
    assert world.sent() == [verdict(offered, good.approval_id, reasons.BAD_SIGNATURE)]
    world.judge(offered, good.approval_id)
    assert world.refusals() == [reasons.BAD_SIGNATURE, reasons.RECEIVER_UNTRUSTED]
    assert (world.take(effects.RequestAuthorisation), world.sale.state) == ([], State.OPEN)
    world.buy(offered)  # the next phone pays
    assert len(world.take(effects.RequestAuthorisation)) == 1


def test_a_verdict_about_another_approval_is_a_refusal(
    world: ControllerWorld, offered: bytes
) -> None:
    purchase = world.hand(offered)
    world.judge(offered, bytes(16))
    assert world.refusals() == [reasons.RECEIVER_UNTRUSTED]
    [owed] = world.take(effects.QueueReversal)
    assert owed.approval_id == purchase.approval_id
    assert world.sale.state is State.OPEN


def test_a_refusal_that_names_nothing_is_about_what_is_in_the_slot(
    world: ControllerWorld, offered: bytes
) -> None:
    purchase = world.hand(offered)
    world.judge(offered, NO_APPROVAL, reasons.BAD_SIGNATURE)
    assert world.refusals() == [reasons.BAD_SIGNATURE]
    assert world.sale.reversals == (purchase.approval_id,)


def test_a_receivers_second_word_changes_nothing(world: ControllerWorld, offered: bytes) -> None:
    purchase = world.buy(offered)
    world.judge(offered, purchase.approval_id, reasons.BAD_SIGNATURE)
    world.judge(offered, purchase.approval_id)
    assert world.sale.state is State.AUTHORISING
    world.judge(offered, bytes(16))
    assert world.refusals() == [reasons.WRONG_ORDER]


def test_a_kept_back_approval_is_late(world: ControllerWorld, offered: bytes) -> None:
    old = world.purchase(offered)
    world.present(offered, old.credential)
    world.move(PATIENCE_S * 1000)  # nobody came
    world.ring("sale-of-the-next-buyer")
    new = world.offer()
    world.outputs.clear()
    world.present(new, old.credential)
    world.approve(offered, old.approval)  # under its own session
    world.approve(new, old.approval)  # passed off as this one's
    assert world.refusals() == [reasons.WRONG_SESSION, reasons.BAD_SIGNATURE]
    assert world.take(effects.RequestAuthorisation) == []


def test_an_approval_after_its_offer_is_expired(world: ControllerWorld) -> None:
    world.begin()
    offer = world.offer(ttl=1)
    purchase = world.purchase(offer)
    world.present(offer, purchase.credential)
    world.controller.handle(inputs.LinkDown(), world.now)
    world.now += 1_000 + gatt.GRACE_MS + 1  # the sale's own patience is not looked at here
    world.approve(offer, purchase.approval)
    assert world.refusals() == [reasons.OFFER_EXPIRED]


# Bad approvals, good receiver.


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"amount": 1}, reasons.WRONG_AMOUNT),
        ({"currency": 978}, reasons.WRONG_CURRENCY),
        ({"recipient": 2}, reasons.WRONG_RECIPIENT),
        ({"version": 2}, reasons.WRONG_VERSION),
        ({"app": 0}, reasons.OLD_APP),
    ],
)
def test_a_bad_approval_is_named_and_the_slot_freed(
    world: ControllerWorld, offered: bytes, changes: dict[str, Any], cause: int
) -> None:
    world.hand(offered, **changes)
    assert world.refusals() == [cause]
    assert [(c, v.reason) for c, v in world.sent()] == [(wire.VERDICT, cause)]
    assert (world.sale.state, world.sale.reason) == (State.OPEN, cause)


def test_what_both_refuse_is_counted_once(world: ControllerWorld, offered: bytes) -> None:
    bad = world.hand(offered, amount=1)
    world.judge(offered, bad.approval_id, reasons.WRONG_AMOUNT)
    world.hear(wire.PHONE, refused_at(offered, reasons.WRONG_AMOUNT))
    good = world.hand(offered)
    world.judge(offered, good.approval_id, reasons.BAD_SIGNATURE)
    world.hear(wire.PHONE, refused_at(offered, reasons.BAD_SIGNATURE))
    assert world.refusals() == [reasons.WRONG_AMOUNT, reasons.BAD_SIGNATURE]
    world.hear(wire.PHONE, refused_at(offered, reasons.MALFORMED))  # the link's next phone
    assert world.refusals() == [reasons.MALFORMED]


def test_a_second_approval_is_refused_and_the_first_goes_on(
    world: ControllerWorld, offered: bytes
) -> None:
    first = world.buy(offered)
    second = world.purchase(offered, phone=OTHER_PHONE)
    world.outputs.clear()
    world.bring(offered, second, 1)
    assert world.refusals() == [reasons.SECOND_APPROVAL]
    world.approve(offered, first.approval)  # the same again is no second one
    assert world.refusals() == []
    sale = world.sale
    world.answer(first.approval_id)
    assert sale.state == State.APPROVED.value


def test_a_replay_in_the_next_sale_has_its_name(world: ControllerWorld, offered: bytes) -> None:
    paid = world.buy(offered)
    world.answer(paid.approval_id)
    world.ring("sale-of-the-next-buyer")
    new = world.offer()
    world.outputs.clear()
    world.bring(new, paid)
    assert (world.refusals(), world.sale.state) == ([reasons.REPLAY], State.OPEN)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"expires": AT}, reasons.CREDENTIAL_EXPIRED),
        ({"not_before": AT + 60}, reasons.CREDENTIAL_NOT_YET_VALID),
    ],
)
def test_a_credential_out_of_time_claims_nothing(
    world: ControllerWorld, offered: bytes, changes: dict[str, Any], cause: int
) -> None:
    """The approval is refused by the same name; a receiver without the time has not lied."""
    credential = evidence.credential(world.keys, PHONE, AT, **changes)
    world.present(offered, credential)
    assert (world.refusals(), world.sale.state) == ([cause], State.OPEN)
    approval = evidence.approval(PHONE, world.certificate, offered, credential)
    name = evidence.approval_id(world.certificate, offered, credential, approval)
    world.approve(offered, approval)
    world.judge(offered, name)
    assert (world.refusals(), world.sent()) == ([cause], [verdict(offered, name, cause)])
    assert world.take(effects.RequestAuthorisation) == []


def test_an_approval_without_any_credential_is_refused(
    world: ControllerWorld, offered: bytes
) -> None:
    world.approve(offered, world.purchase(offered).approval)
    assert world.refusals() == [reasons.WRONG_CREDENTIAL]


def test_a_phone_that_the_receiver_refuses_claims_nothing_any_more(
    world: ControllerWorld, offered: bytes
) -> None:
    world.present(offered, world.purchase(offered).credential)
    assert world.sale.state is State.CLAIMED
    world.hear(wire.PHONE, refused_at(offered, reasons.WRONG_AMOUNT))
    assert (world.sale.state, world.sale.reason) == (State.OPEN, reasons.WRONG_AMOUNT)
    world.approve(offered, world.purchase(offered).approval)
    assert world.refusals() == [reasons.WRONG_AMOUNT, reasons.WRONG_CREDENTIAL]


def test_a_credential_of_a_wrong_role_or_issuer_claims_nothing(
    world: ControllerWorld, offered: bytes
) -> None:
    world.present(offered, evidence.certificate(world.keys, RECEIVER, AT, store_name=""))
    stranger = cose.build(
        cose.protected_header(cose.ALG_ED25519, b"\x02\x63"),
        cose.parse(evidence.credential(world.keys, PHONE, AT), cose.ALG_ED25519, 2).payload,
        cose.CREDENTIAL,
        b"",
        lambda _: bytes(64),
    )
    world.present(offered, stranger)
    assert world.refusals() == [reasons.WRONG_ROLE, reasons.UNKNOWN_ISSUER]
    assert world.sale.state is State.OPEN


def test_no_verdict_in_time_is_a_refusal(world: ControllerWorld, offered: bytes) -> None:
    purchase = world.hand(offered)
    world.outputs.clear()
    world.move(VERDICT_MS - 1)
    assert world.outputs == []
    world.move(1)
    assert world.sent() == [verdict(offered, purchase.approval_id, reasons.VERDICT_TIMEOUT)]
    world.judge(offered, purchase.approval_id)  # too late
    assert world.refusals() == [reasons.VERDICT_TIMEOUT]
    assert (world.sale.state, world.sale.owed) == (State.OPEN, (purchase.approval_id,))


def test_what_is_to_be_reversed_is_never_asked_again(
    world: ControllerWorld, offered: bytes
) -> None:
    """Nor when a receiver that was away hands it over anew, with its word on it."""
    purchase = world.hand(offered)
    world.give(inputs.LinkDown())
    world.move(VERDICT_MS)
    world.outputs.clear()
    world.sync(world.sale.terms.reference, offered)
    world.bring(offered, purchase)
    # Without this word its slot would stay taken.
    assert world.sent() == [verdict(offered, purchase.approval_id, reasons.REPLAY)]
    world.judge(offered, purchase.approval_id)
    assert (world.refusals(), world.take(effects.RequestAuthorisation)) == ([reasons.REPLAY], [])
    assert world.sale.state is State.CLAIMED


def test_the_receivers_refusal_frees_the_slot(world: ControllerWorld, offered: bytes) -> None:
    first = world.hand(offered)
    world.sent()
    world.judge(offered, first.approval_id, reasons.OLD_APP)
    assert world.sent() == [verdict(offered, first.approval_id, reasons.OLD_APP)]
    sale = world.sale
    assert (sale.state, sale.reason) == (State.OPEN, reasons.OLD_APP)
    second = world.buy(offered, phone=OTHER_PHONE)  # while the first is still being reversed
    assert sale.owed == (first.approval_id,)
    sale.take(sale.given_back(first.approval_id))
    world.answer(second.approval_id)
    assert (sale.state, sale.approval_id) == (State.APPROVED, second.approval_id)
    assert sale.reversals == (first.approval_id,)
    assert not sale.owed


# The authority.


def test_a_mendable_decline_makes_a_new_offer_by_itself(world: ControllerWorld) -> None:
    purchase = world.asked()
    sale = world.sale
    for _ in range(NEW_OFFERS_MOST):
        world.outputs.clear()
        world.move(5_000)
        world.answer(purchase.approval_id, reasons.PURCHASE_LIMIT)
        assert (sale.state, sale.reason) == (State.OPEN, reasons.PURCHASE_LIMIT)
        (result, _), (opened, order) = world.sent()
        assert (result, opened) == (wire.RESULT, wire.OPEN)
        assert (order.reference, order.ttl) == (sale.terms.reference, PATIENCE_S)
        purchase = world.buy(world.offer())
    world.answer(purchase.approval_id, reasons.PURCHASE_LIMIT)
    assert (sale.state, sale.reason) == (State.DECLINED, reasons.PURCHASE_LIMIT)


def test_a_decline_that_cannot_be_mended_is_final(world: ControllerWorld) -> None:
    """What the authority declines is not reversed."""
    purchase = world.asked()
    sale = world.sale
    world.answer(purchase.approval_id, reasons.BUYER_BLOCKED)
    assert (sale.state, sale.reason) == (State.DECLINED, reasons.BUYER_BLOCKED)
    assert (world.take(effects.QueueReversal), sale.closed) == ([], True)


def test_a_decline_waits_for_the_receivers_word(world: ControllerWorld, offered: bytes) -> None:
    purchase = world.hand(offered)
    world.outputs.clear()
    world.answer(purchase.approval_id, reasons.PURCHASE_LIMIT)
    sale = world.sale
    assert (sale.state, sale.shown, sale.reason) == (
        State.DECLINED_AWAITING_RECEIVER,
        State.AUTHORISING,
        reasons.OK,
    )
    assert world.kinds() == [effects.Persist]
    world.outputs.clear()
    world.judge(offered, purchase.approval_id)
    assert world.kinds() == [effects.Persist, effects.Send, effects.Acknowledge, effects.Send]
    assert [channel for channel, _ in world.sent()] == [wire.RESULT, wire.OPEN]
    assert (sale.state, sale.reason, sale.mended) == (State.OPEN, reasons.PURCHASE_LIMIT, 1)


def test_a_decline_stands_when_the_receiver_refuses(world: ControllerWorld, offered: bytes) -> None:
    """The phone has its one answer, the refusal, and nothing is held: its link is closed."""
    purchase = world.hand(offered)
    world.answer(purchase.approval_id, reasons.BUYER_BLOCKED)
    world.outputs.clear()
    sale = world.sale
    world.judge(offered, purchase.approval_id, reasons.BAD_SIGNATURE)
    world.hear(wire.PHONE, refused_at(offered, reasons.BAD_SIGNATURE))
    assert world.refusals() == [reasons.BAD_SIGNATURE]  # once
    assert world.sent() == [
        (wire.RESULT, wire.Result(identifiers.session_id(offered), sale.receipt))
    ]
    assert world.take(effects.QueueReversal) == []
    assert (sale.state, sale.reason) == (State.DECLINED, reasons.BUYER_BLOCKED)


def test_a_late_verdict_on_an_earlier_approval_ends_no_wait(
    world: ControllerWorld, offered: bytes
) -> None:
    first = world.hand(offered)
    world.judge(offered, first.approval_id, reasons.BAD_SIGNATURE)
    second = world.hand(offered, phone=OTHER_PHONE)
    world.answer(second.approval_id, reasons.BUYER_BLOCKED)
    world.judge(offered, first.approval_id)
    assert world.sale.state is State.DECLINED_AWAITING_RECEIVER
    world.judge(offered, second.approval_id)
    assert world.controller.sale is None


def test_an_answered_offer_is_not_offered_again(world: ControllerWorld, offered: bytes) -> None:
    """Else a receiver that says so for ever would have the till wait for ever."""
    world.answer(world.buy(offered).approval_id, reasons.PURCHASE_LIMIT)
    world.outputs.clear()
    world.hear(wire.OFFER, wire.Opened(world.sale.terms.reference, offered, reasons.OK))
    assert (world.refusals(), world.sent()) == ([reasons.WRONG_ORDER], [])


def test_silence_is_unknown_and_an_answer_decides(world: ControllerWorld) -> None:
    purchase = world.asked()
    sale = world.sale
    world.give(inputs.AuthorityTimedOut(purchase.approval_id))
    world.give(inputs.AuthorityTimedOut(purchase.approval_id))
    assert sale.state == State.UNKNOWN.value
    world.answer(purchase.approval_id)
    assert sale.state == State.APPROVED.value


@pytest.mark.parametrize("answers", [0, 1])
def test_at_the_end_of_patience_the_reversal_is_owed(world: ControllerWorld, answers: int) -> None:
    purchase = world.asked()
    sale = world.sale
    for _ in range(answers):
        world.give(inputs.AuthorityTimedOut(purchase.approval_id))
    world.outputs.clear()
    world.move(PATIENCE_S * 1000)
    assert (sale.state, sale.shown) == (State.REVERSING.value, State.CANCELLED)
    assert world.controller.sale is None
    kinds = world.kinds()
    assert kinds.index(effects.Persist) < kinds.index(effects.QueueReversal)
    world.controller.handle(inputs.AuthorityAnswered(purchase.approval_id, b"late"), world.now)
    assert sale.state == State.REVERSING.value


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 1},
        {"currency": 978},
        {"store": 102},
        {"till": 4},
        {"approval_id": b"another approval"},
        {"transaction_id": messages.NO_TRANSACTION},
        {"reason": reasons.CODE_WRONG},
        {"version": 2},
    ],
)
def test_a_receipt_about_something_else_is_no_answer(
    world: ControllerWorld, changes: dict[str, Any]
) -> None:
    purchase = world.asked()
    world.sent()
    receipt = world.receipt(purchase.approval_id, changes=changes)
    world.give(inputs.AuthorityAnswered(purchase.approval_id, receipt))
    assert (world.sale.state, world.sent()) == (State.UNKNOWN, [])


def test_a_receipt_that_the_authority_did_not_sign_is_no_answer(world: ControllerWorld) -> None:
    purchase = world.asked()
    good = world.receipt(purchase.approval_id)
    world.give(inputs.AuthorityAnswered(purchase.approval_id, good[:-1] + bytes([good[-1] ^ 1])))
    world.give(inputs.AuthorityAnswered(purchase.approval_id, b"<html>"))
    assert world.sale.state is State.UNKNOWN
    assert world.refusals() == [reasons.BAD_SIGNATURE, reasons.MALFORMED]


def test_a_rejected_record_declines_only_the_first_time(world: ControllerWorld) -> None:
    purchase = world.asked()
    sale = world.sale
    world.sent()
    world.give(inputs.RecordRejected(purchase.approval_id, reasons.CONFLICT))
    assert (sale.state, sale.reason) == (State.DECLINED, reasons.CONFLICT)
    assert [channel for channel, _ in world.sent()] == [wire.CANCEL]


@pytest.mark.parametrize("verified", [True, False])
def test_a_rejected_record_is_reversed_so_that_its_phone_hears(
    world: ControllerWorld, offered: bytes, verified: bool
) -> None:
    """It is in no book, where the phone asks for it; what is declined is in one."""
    purchase = world.hand(offered)
    sale = world.sale
    if verified:
        world.judge(offered, purchase.approval_id)
    world.give(inputs.RecordRejected(purchase.approval_id, reasons.OFFER_EXPIRED))
    if not verified:
        assert not world.take(effects.QueueReversal)  # nothing tells yet that there is an answer
        world.judge(offered, purchase.approval_id)
    assert world.take(effects.QueueReversal) == [effects.QueueReversal(sale, purchase.approval_id)]
    assert (sale.state, sale.owed) == (State.DECLINED, (purchase.approval_id,))
    assert not sale.closed
    sale.take(sale.given_back(purchase.approval_id))
    assert (sale.state, sale.reason) == (State.DECLINED, reasons.OFFER_EXPIRED)
    assert sale.closed


def test_a_rejected_record_after_silence_proves_nothing(world: ControllerWorld) -> None:
    purchase = world.asked()
    sale = world.sale
    world.give(inputs.AuthorityTimedOut(purchase.approval_id))
    world.give(inputs.RecordRejected(purchase.approval_id, reasons.CONFLICT))
    assert sale.state == State.REVERSING.value
    assert len(world.take(effects.QueueReversal)) == 1


# People.


def test_no_phone_came(world: ControllerWorld, offered: bytes) -> None:
    sale = world.sale
    world.move(PATIENCE_S * 1000)
    assert (sale.state, sale.reason) == (State.CANCELLED, reasons.NOBODY_CAME)
    assert [channel for channel, _ in world.sent()] == [wire.CANCEL]


def ends_for(world: ControllerWorld) -> int:
    """Why the sale ends when the till's patience does."""
    sale = world.sale
    world.move(PATIENCE_S * 1000)
    assert sale.state not in AT_THE_TILL
    return sale.reason


@pytest.mark.parametrize("approves", [False, True])
@pytest.mark.parametrize(
    ("off_s", "refused"),
    [
        (-300, reasons.CREDENTIAL_NOT_YET_VALID),
        (-3600, reasons.CREDENTIAL_NOT_YET_VALID),
        (7200, reasons.CREDENTIAL_EXPIRED),
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_buyers_who_are_turned_away_by_a_wrong_clock(
    world: ControllerWorld, offered: bytes, *, approves: bool, off_s: int, refused: int, known: bool
) -> None:
    credential = evidence.credential(world.keys, PHONE, AT, not_before=AT - 60)
    approval = evidence.approval(PHONE, world.certificate, offered, credential, counter=1)
    world.at += off_s
    world.clock_wrong = known
    world.present(offered, credential)
    assert world.refusals() == [refused]
    if approves:
        world.approve(offered, approval)
        assert world.refusals() == [refused]
    assert ends_for(world) == (reasons.CLOCK_WRONG if known else reasons.NOBODY_CAME)


def test_a_credential_that_ended_by_a_jump_of_the_clock(
    world: ControllerWorld, offered: bytes
) -> None:
    purchase = world.purchase(offered)
    world.present(offered, purchase.credential)
    world.at += 7200
    world.clock_wrong = True
    world.approve(offered, purchase.approval)
    assert world.refusals() == [reasons.CREDENTIAL_EXPIRED]
    assert ends_for(world) == reasons.CLOCK_WRONG


def test_a_wrong_clock_does_not_explain_that_no_phone_came(
    world: ControllerWorld, offered: bytes
) -> None:
    world.clock_wrong = True
    assert ends_for(world) == reasons.NOBODY_CAME


@pytest.mark.parametrize("known", [False, True])
def test_a_certificate_that_has_ended_by_a_wrong_clock(world: ControllerWorld, known: bool) -> None:
    sale = world.begin()
    world.clock_wrong = known
    data = world.make_offer()
    world.at += 400 * 86_400
    world.hear(wire.OFFER, wire.Opened(sale.terms.reference, data, reasons.OK))
    reason = reasons.CLOCK_WRONG if known else reasons.CERTIFICATE_EXPIRED
    assert (sale.state, sale.reason) == (State.DECLINED, reason)


@pytest.mark.parametrize("known", [False, True])
def test_no_answer_under_a_wrong_clock(world: ControllerWorld, known: bool) -> None:
    """TLS may fail for it."""
    world.give(inputs.AuthorityTimedOut(world.asked().approval_id))
    world.clock_wrong = known
    assert ends_for(world) == (reasons.CLOCK_WRONG if known else reasons.REVERSED)


def test_no_receiver_came(world: ControllerWorld) -> None:
    sale = world.ring()
    world.move(PATIENCE_S * 1000)
    assert (sale.state, sale.reason) == (State.CANCELLED, reasons.RECEIVER_OFFLINE)


def test_the_cashier_cancels(world: ControllerWorld, offered: bytes) -> None:
    sale = world.sale
    world.give(inputs.Decide(Fact(Event.CANCELLED, reasons.CASHIER_CANCELLED)))
    assert (sale.state, sale.reason) == (State.CANCELLED, reasons.CASHIER_CANCELLED)
    [(channel, order)] = world.sent()
    assert (channel, order.reference) == (wire.CANCEL, sale.terms.reference)


def test_a_buyer_who_says_no_leaves_the_sale_open(world: ControllerWorld, offered: bytes) -> None:
    world.present(offered, world.purchase(offered).credential)
    left = wire.Phone(identifiers.session_id(offered), LINK, wire.PHONE_LEFT, reasons.BUYER_SAID_NO)
    world.hear(wire.PHONE, left)
    assert (world.sale.state, world.sale.reason) == (State.OPEN, reasons.BUYER_SAID_NO)
    assert world.take(effects.ReportPhone) == [
        effects.ReportPhone(wire.PHONE_LEFT, LINK, reasons.BUYER_SAID_NO, Phone.NONE)
    ]
    world.buy(offered)
    assert world.sale.state is State.AUTHORISING


def test_what_the_receiver_refuses_is_counted(world: ControllerWorld, offered: bytes) -> None:
    world.hear(wire.PHONE, wire.Phone(b"", 2, wire.PHONE_REFUSED, reasons.OVERSIZE))
    assert world.refusals() == [reasons.OVERSIZE]


def test_a_receiver_that_cannot_open_declines(world: ControllerWorld) -> None:
    sale = world.begin()
    world.hear(wire.OFFER, wire.Opened(sale.terms.reference, b"", reasons.NO_CERTIFICATE))
    assert (sale.state, sale.reason) == (State.DECLINED, reasons.NO_CERTIFICATE)


# Restarts of the receiver.


def test_a_reboot_before_an_approval_makes_a_new_offer(
    world: ControllerWorld, offered: bytes
) -> None:
    world.present(offered, world.purchase(offered).credential)
    world.give(inputs.LinkDown())
    world.move(3_000)
    world.sync()
    [(channel, order)] = world.sent()
    assert (channel, order.ttl) == (wire.OPEN, PATIENCE_S - 3)
    assert world.sale.state == State.OPEN.value
    world.answer(world.buy(world.offer()).approval_id)
    assert world.sale.state is State.APPROVED


def test_a_reboot_before_the_verdict_is_a_refusal(world: ControllerWorld, offered: bytes) -> None:
    purchase = world.hand(offered)
    world.give(inputs.LinkDown())
    world.sync()
    assert (world.sale.state, world.sale.reason) == (State.OPEN, reasons.RECEIVER_OFFLINE)
    assert world.sale.owed == (purchase.approval_id,)
    assert [channel for channel, _ in world.sent()] == [wire.OPEN]
    world.buy(world.offer())
    assert world.sale.state is State.AUTHORISING


def test_a_link_that_was_only_lost_goes_on(world: ControllerWorld, offered: bytes) -> None:
    purchase = world.hand(offered)
    world.give(inputs.LinkDown())
    world.sync(world.sale.terms.reference, offered)
    world.bring(offered, purchase)
    world.judge(offered, purchase.approval_id)
    assert (world.sent(), len(world.take(effects.RequestAuthorisation))) == ([], 1)
    assert world.sale.state is State.AUTHORISING


def test_a_verdict_counts_in_a_session_that_was_taken_up_again(
    world: ControllerWorld, offered: bytes
) -> None:
    """The order for another offer was lost with the link, and the first one goes on."""
    world.present(offered, world.purchase(offered).credential)
    world.give(inputs.LinkDown())
    world.sync()
    world.give(inputs.LinkDown())
    world.sync(world.sale.terms.reference, offered)
    world.buy(offered)
    assert world.sale.state is State.AUTHORISING


def test_an_offer_that_was_lost_with_the_link_is_taken_from_sync(world: ControllerWorld) -> None:
    sale = world.begin()
    data = world.make_offer()
    world.give(inputs.LinkDown())
    world.sync(sale.terms.reference, data)
    assert sale.offer == data


def test_a_result_that_was_lost_is_told_again(world: ControllerWorld, offered: bytes) -> None:
    purchase = world.buy(offered)
    sale = world.sale
    world.give(inputs.LinkDown())
    world.answer(purchase.approval_id)
    assert world.sent() == []
    world.sync(sale.terms.reference, offered)
    assert world.sent() == [
        (wire.RESULT, wire.Result(identifiers.session_id(offered), sale.receipt))
    ]
    world.approve(offered, purchase.approval)
    world.judge(offered, purchase.approval_id)
    assert ([channel for channel, _ in world.sent()], world.refusals()) == ([wire.RESULT], [])


def test_an_unknown_session_is_cancelled(world: ControllerWorld) -> None:
    world.ring()
    foreign = world.make_offer(reference=b"foreign0")
    world.give(inputs.Decide(Fact(Event.CANCELLED, reasons.CASHIER_CANCELLED)))
    world.sync(b"foreign0", foreign)
    [(channel, cancel)] = world.sent()
    assert (channel, cancel.reference) == (wire.CANCEL, b"foreign0")


def test_a_reboot_while_the_authority_is_asked_changes_nothing(world: ControllerWorld) -> None:
    purchase = world.asked()
    sale = world.sale
    world.sent()
    world.give(inputs.LinkDown())
    world.sync()
    assert world.sent() == []
    world.answer(purchase.approval_id)
    assert sale.state == State.APPROVED.value


def test_a_certificate_that_ends_is_no_lie(world: ControllerWorld) -> None:
    world.at = AT + evidence.LIFE_S
    sale = world.begin()
    world.offer()
    assert (sale.state, sale.reason) == (State.DECLINED, reasons.CERTIFICATE_EXPIRED)


def test_the_record_is_what_the_authority_takes(world: ControllerWorld) -> None:
    world.asked()
    [ask] = world.take(effects.RequestAuthorisation)
    assert ask.record == evidence.record(
        world.certificate,
        world.sale.offer,
        evidence.credential(world.keys, PHONE, AT),
        world.sale.approval,
        accepted=AT,
    )
    assert len(ask.approval_id) == len(messages.NO_TRANSACTION)


# The journal took no write for a while.


def test_the_receiver_has_its_time_once_its_approval_is_acknowledged(
    world: ControllerWorld,
) -> None:
    """Before that its verdict could not come: the line carries one message at a time."""
    world.begin()
    world.hand(world.offer())
    world.now += 6_000
    world.give(inputs.JournalWritten())
    world.move(4_999)
    assert not world.refusals()
    world.move(1)
    assert world.refusals() == [reasons.VERDICT_TIMEOUT]


def test_the_till_has_its_time_once_the_approval_is_written(world: ControllerWorld) -> None:
    world.answer(world.asked().approval_id)
    world.now += 20_000
    world.give(inputs.JournalWritten())
    world.move(14_999)
    assert world.sale.state is State.APPROVED
    sale = world.sale
    world.move(1)
    assert (sale.state, sale.reason) == (State.REVERSING, reasons.NOT_TOLD)
