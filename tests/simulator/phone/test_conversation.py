"""The phone's conversation against the receiver's core, with every way a purchase can end."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

from receiver import reasons
from receiver.crypto import host
from receiver.link import wire
from receiver.protocol import exchange, identifiers, messages, padding, validation
from simulator.authority.keys import Keys
from simulator.authority.storage import schema
from simulator.phone.conversation import (
    conversation,
    events,
    lost_link,
    progress,
    resuming,
    states,
)
from simulator.phone.conversation.messages import Maker, Mute
from simulator.phone.wallet.keys import KINDS
from simulator.phone.wallet.wallet import NEVER_AFTER_S
from tests.support.machines.phone import CODE, EPOCH, RECEIVER, TRANSACTION, TTL_S, Shop, wallet
from tests.support.values import evidence


def read(shop: Shop, offer: bytes) -> None:
    """A phone that comes, and what it reads."""
    shop.phone.handle(events.Connected(247), 0)
    shop.phone.handle(events.Read(shop.certificate, offer), 0)


@pytest.fixture
def in_doubt(approved: Shop) -> Shop:
    """The link broke after the approval."""
    approved.break_link()
    return approved


def pays(shop: Shop) -> None:
    """With the right code and the authority's yes."""
    shop.type()
    shop.decide()
    assert shop.outcome.result == events.APPROVED


@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_of_either_kind_pays(keys: Keys, kind: str) -> None:
    shop = Shop(keys, wallet(keys, kind=kind))
    shop.visit()
    pays(shop)


def test_the_table_is_closed() -> None:
    named = {name: value for name, value in vars(states).items() if isinstance(value, str)}
    for table, first in ((states.TABLE, states.SCANNING), (states.LINK_TABLE, states.APART)):
        reached = {after for row in table.values() for after in row.values()}
        assert reached | {first} == set(table)
        for row in table.values():
            assert set(row) <= set(named.values())


def test_every_event_of_the_table_is_raised_somewhere() -> None:
    used = {
        node.attr
        for part in (progress, resuming, conversation, lost_link)
        for node in ast.walk(ast.parse(inspect.getsource(part)))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "states"
    }
    raised = {vars(states)[name] for name in used - {"TABLE", "LINK_TABLE"}}
    for row in (*states.TABLE.values(), *states.LINK_TABLE.values()):
        assert set(row) <= raised


def test_an_approved_purchase(showing: Shop) -> None:
    view = showing.views[-1]
    assert (view.kind, view.store, view.amount) == (events.SHOWN, "Storgatan 1", evidence.AMOUNT)
    assert view.match_code == identifiers.match_code(showing.offer)
    showing.type()
    assert showing.phone.state == states.APPROVED
    showing.decide()
    outcome = showing.outcome
    assert (outcome.result, outcome.approval_id) == (events.APPROVED, showing.approval_id)
    assert outcome.receipt is not None
    assert outcome.receipt.transaction_id == TRANSACTION
    assert not showing.wallet.pending
    assert [(data[0], len(data)) for data in showing.writes] == [
        (exchange.KEY, 33),
        (exchange.CREDENTIAL, 182),
        (exchange.APPROVAL, 147),
    ]
    assert not showing.linked


def test_nothing_is_revealed_before_the_first_digit(showing: Shop) -> None:
    assert [data[0] for data in showing.writes] == [exchange.KEY]
    assert showing.wallet.stock(showing.wallet.recipients[0].id, EPOCH) == 4


def test_a_check_in_asks_before_it_shows(shop: Shop) -> None:
    shop.come()
    assert shop.phone.state == states.WAITING
    shop.ring_up()
    assert shop.phone.state == states.ASKING
    assert shop.views[-1].kind == events.ASKED
    assert shop.writes == []
    shop.tell_phone(events.Look())
    pays(shop)


def test_an_offer_notified_before_the_reads_are_done(shop: Shop) -> None:
    shop.ring_up()
    for read_too, state in ((shop.offer, states.SHOWING), (b"", states.ASKING)):
        shop.meet()
        shop.phone.handle(events.Connected(247), 0)
        shop.phone.handle(events.OfferNotified(shop.offer), 0)
        shop.phone.handle(events.Read(shop.certificate, read_too), 0)
        assert shop.phone.state == state


def test_an_offer_that_is_withdrawn_is_not_malformed(showing: Shop) -> None:
    """What its end means comes by itself, as a refusal or the next offer."""
    before = showing.phone.state
    showing.phone.handle(events.OfferNotified(b""), 0)
    assert showing.phone.state == before
    assert showing.phone.outcome is None


def test_a_buyer_at_the_wrong_till(showing: Shop) -> None:
    showing.phone.handle(events.SayNo(exchange.LEAVE_WRONG_TILL), 0)
    assert showing.outcome.result == events.LEFT
    assert showing.outcome.reason == reasons.WRONG_TILL


def test_a_buyer_who_says_no(showing: Shop) -> None:
    showing.tell_phone(events.SayNo(exchange.LEAVE_CANCELLED))
    assert showing.outcome.result == events.LEFT
    told = [phone.event for phone in showing.sent(wire.PHONE)]
    assert told == [wire.PHONE_NEAR, wire.PHONE_SHOWN, wire.PHONE_LEFT]


def test_a_final_decline(approved: Shop) -> None:
    approved.decide(reasons.BUYER_BLOCKED)
    assert approved.ended == (events.DECLINED, reasons.BUYER_BLOCKED)
    assert not approved.wallet.pending


@pytest.fixture
def declined(showing: Shop) -> Shop:
    """The buyer has typed a wrong code."""
    showing.type("000000")
    showing.decide(reasons.CODE_WRONG)
    return showing


def test_a_mended_decline_is_shown_straight_away(declined: Shop) -> None:
    assert declined.phone.state == states.DECLINED
    view = declined.views[-1]
    assert (view.kind, view.reason) == (events.DECLINED, reasons.CODE_WRONG)
    declined.ring_up()
    assert declined.phone.state == states.SHOWING
    assert declined.views[-1].attempt == 2
    pays(declined)
    assert len({record.data for record in declined.sent(wire.APPROVAL)}) == 2
    assert declined.wallet.counter == 3


def test_another_sale_after_a_decline_asks_first(declined: Shop) -> None:
    declined.ring_up(b"another!")
    assert declined.phone.state == states.ASKING


def test_a_decline_that_is_not_mended_stays_a_decline(approved: Shop) -> None:
    approved.decide(reasons.PURCHASE_LIMIT)
    approved.wait(states.MEND_MS)
    assert approved.ended == (events.DECLINED, reasons.PURCHASE_LIMIT)
    assert approved.outcome.receipt is not None


def test_a_refusal_before_the_approval(presented: Shop) -> None:
    presented.order(wire.CANCEL, wire.Cancel(evidence.REFERENCE, reasons.CASHIER_CANCELLED))
    assert presented.ended == (events.REFUSED, reasons.OFFER_EXPIRED)
    assert not presented.outcome.retry


def test_a_plain_refusal_of_the_key_is_believed(showing: Shop) -> None:
    """There may be no key yet to seal it with."""
    showing.tell_phone(events.Notified(exchange.refusal(reasons.BUSY)))
    assert showing.ended == (events.REFUSED, reasons.BUSY)


def test_a_plain_refusal_is_not_believed_once_something_was_sealed(presented: Shop) -> None:
    presented.tell_phone(events.Notified(exchange.refusal(reasons.OFFER_EXPIRED)))
    assert presented.phone.state == states.PRESENTED
    presented.tell_phone(events.Code(CODE))
    presented.decide()
    assert presented.outcome.result == events.APPROVED


def test_a_plain_refusal_is_not_believed_after_the_approval(approved: Shop) -> None:
    """Not even so much that the phone lets go: the result is still to come."""
    approved.tell_phone(events.Notified(exchange.refusal(reasons.BUSY)))
    assert approved.phone.state == states.APPROVED
    approved.decide()
    assert approved.outcome.result == events.APPROVED


@pytest.mark.parametrize("size", [padding.REFUSAL_SEALED, 1])
def test_a_forged_refusal_ends_nothing(presented: Shop, size: int) -> None:
    presented.tell_phone(events.Notified(exchange.sealed_refusal(bytes(size))))
    assert presented.phone.state == states.PRESENTED
    assert presented.told[-1] == "ignored"


@pytest.mark.parametrize("size", [padding.REFUSAL_SEALED, padding.RESULT_SEALED])
def test_an_answer_before_any_key(shop: Shop, size: int) -> None:
    shop.come()
    kind = exchange.REFUSAL if size == padding.REFUSAL_SEALED else exchange.RESULT
    shop.tell_phone(events.Notified(bytes([kind]) + bytes(size)))
    assert shop.phone.state == states.WAITING


def test_each_offer_has_its_own_key(shop: Shop) -> None:
    for _ in range(2):
        shop.visit()
        shop.tell_phone(events.FirstDigit())
        shop.break_link()
        shop.meet()
    shop.visit()
    shop.type("000000")
    shop.decide(reasons.CODE_WRONG)
    shop.ring_up()
    keys = [data for data in shop.writes if data[0] == exchange.KEY]
    assert len(keys) == len(set(keys)) == 2


def test_an_offer_whose_key_agrees_on_no_secret(shop: Shop) -> None:
    read(shop, evidence.offer(RECEIVER, shop.certificate, EPOCH, ephemeral=bytes(32)))
    assert shop.ended == (events.REFUSED, reasons.BAD_SEAL)


def test_a_refusal_after_the_approval_is_not_believed(approved: Shop) -> None:
    approved.refuse(reasons.BAD_SIGNATURE)
    assert (approved.phone.state, approved.asked) == (states.TURNED_AWAY, [approved.approval_id])
    assert approved.phone.outcome is None


@pytest.fixture
def passed_over(approved: Shop) -> Shop:
    """Another phone was faster; the approval in vain."""
    approved.refuse(reasons.BUSY)
    assert (approved.phone.state, approved.asked) == (states.PASSED_OVER, [approved.approval_id])
    return approved


def test_a_phone_that_came_too_late_pays_the_next_sale(passed_over: Shop) -> None:
    """As soon as the authority has not seen its approval either; its sale stays barred."""
    shop = passed_over
    shop.tell_phone(events.Answered(shop.approval_id, events.UNSEEN))
    outcome = shop.outcome
    assert (outcome.result, outcome.reason, outcome.retry) == (events.UNKNOWN, reasons.BUSY, True)
    assert list(shop.wallet.pending) == [evidence.REFERENCE]
    shop.meet()
    shop.visit(b"saleref2")
    pays(shop)
    assert list(shop.wallet.pending) == [evidence.REFERENCE]
    shop.meet()
    shop.visit()
    assert (shop.phone.state, shop.writes) == (states.UNKNOWN, [])


@pytest.mark.parametrize("state", [events.NO_ANSWER, schema.PENDING])
def test_busy_is_not_believed_on_the_receivers_word_alone(passed_over: Shop, state: str) -> None:
    receipt = passed_over.receipt() if state == schema.PENDING else None
    passed_over.tell_phone(events.Answered(passed_over.approval_id, state, receipt))
    assert passed_over.phone.state == states.PASSED_OVER
    passed_over.wait(states.ASK_MS)
    outcome = passed_over.outcome
    assert (outcome.result, outcome.retry) == (events.UNKNOWN, False)


def test_an_offer_is_not_approved_after_its_time(presented: Shop) -> None:
    presented.wait(TTL_S * 1000)
    assert presented.ended == (events.REFUSED, reasons.OFFER_EXPIRED)
    presented.tell_phone(events.Code(CODE))
    assert presented.sent(wire.APPROVAL) == []
    assert not presented.wallet.pending


def test_an_unknown_receiver_learns_nothing(keys: Keys, tmp_path: Path) -> None:
    shop = Shop(Keys(tmp_path / "stranger.json"), wallet(keys))
    shop.visit()
    assert shop.ended == (events.REFUSED, reasons.BAD_SIGNATURE)
    assert (shop.writes, shop.views) == ([], [])


def test_a_certificate_that_has_ended(keys: Keys) -> None:
    ended = evidence.certificate(keys, RECEIVER, EPOCH, expires=EPOCH)
    shop = Shop(keys, wallet(keys), certified=ended)
    shop.visit()
    assert (shop.outcome.reason, shop.writes) == (reasons.CERTIFICATE_EXPIRED, [])


@pytest.mark.parametrize(
    ("signer", "changes", "reason"),
    [
        (RECEIVER, {"version": 2}, reasons.WRONG_VERSION),
        (RECEIVER, {"currency": 978}, reasons.WRONG_CURRENCY),
        (evidence.seed("other"), {}, reasons.BAD_SIGNATURE),
    ],
    ids=["version", "currency", "signed by another receiver"],
)
def test_an_offer_that_does_not_fit_its_certificate(
    shop: Shop, signer: bytes, changes: dict[str, Any], reason: int
) -> None:
    read(shop, evidence.offer(signer, shop.certificate, EPOCH, **changes))
    assert shop.outcome.reason == reason


def test_a_small_mtu(shop: Shop) -> None:
    shop.ring_up()
    shop.come(mtu=184)
    assert (shop.outcome.reason, shop.writes) == (reasons.SMALL_MTU, [])


@pytest.mark.parametrize(
    "changes",
    [
        {"approval_id": bytes(16)},
        {"amount": evidence.AMOUNT - 1},
        {"currency": 978},
        {"store": 102},
        {"till": 4},
    ],
)
def test_a_receipt_about_something_else(approved: Shop, changes: dict[str, Any]) -> None:
    approved.decide(**changes)
    assert approved.phone.state == states.UNKNOWN
    assert "result_untrusted" in approved.told
    assert evidence.REFERENCE in approved.wallet.pending


def test_a_tampered_receipt(approved: Shop) -> None:
    receipt = bytearray(approved.receipt())
    receipt[-1] ^= 1
    approved.order(wire.RESULT, wire.Result(approved.receiver.sale.session, bytes(receipt)))
    assert approved.phone.state == states.UNKNOWN


def test_a_lost_result_is_asked_for_with_the_same_bytes(showing: Shop) -> None:
    showing.deaf = True
    showing.type()
    showing.decide()
    showing.deaf = False
    showing.wait(states.RESEND_MS)
    assert showing.writes[-1] == showing.writes[-2]
    assert showing.outcome.result == events.APPROVED
    assert len(showing.sent(wire.APPROVAL)) == 1


def test_a_lost_result_is_learned_from_the_authority(in_doubt: Shop) -> None:
    assert in_doubt.phone.state == states.UNKNOWN
    (approval_id,) = in_doubt.asked
    in_doubt.tell_phone(events.Answered(approval_id, events.NO_ANSWER))
    in_doubt.wait(states.ASK_FIRST_MS)
    assert len(in_doubt.asked) == 2
    in_doubt.tell_phone(events.Answered(approval_id, schema.PENDING, in_doubt.receipt()))
    assert in_doubt.outcome.result == events.APPROVED
    assert not in_doubt.wallet.pending


def test_silence_makes_unknown_and_never_a_no(approved: Shop) -> None:
    approved.deaf = True
    approved.wait(states.RESULT_MS)
    assert approved.phone.state == states.UNKNOWN
    approved.tell_phone(events.Answered(approved.asked[-1], events.UNSEEN))
    approved.wait(states.ASK_MS)
    assert approved.outcome.result == events.UNKNOWN
    assert approved.outcome.approval_id in approved.asked
    assert evidence.REFERENCE in approved.wallet.pending


def test_a_sale_in_doubt_is_not_approved_again(in_doubt: Shop) -> None:
    in_doubt.meet()
    in_doubt.visit()
    assert (in_doubt.phone.state, in_doubt.writes) == (states.UNKNOWN, [])
    (approval_id,) = in_doubt.asked
    in_doubt.tell_phone(events.Answered(approval_id, schema.VOIDED))
    assert in_doubt.ended == (events.DECLINED, reasons.REVERSED)
    in_doubt.meet()
    in_doubt.come()
    assert in_doubt.phone.state == states.SHOWING


def test_what_the_authority_never_saw_is_over_one_day(in_doubt: Shop) -> None:
    in_doubt.now += (NEVER_AFTER_S + 1) * 1000
    in_doubt.tell_phone(events.Answered(in_doubt.asked[-1], events.UNSEEN))
    assert not in_doubt.wallet.pending
    assert in_doubt.outcome.result == events.DECLINED


@pytest.mark.parametrize(
    ("state", "reason"), [(schema.DECLINED, reasons.OK), (schema.PENDING, reasons.CODE_WRONG)]
)
def test_an_authority_that_contradicts_itself_is_not_believed(
    in_doubt: Shop, state: str, reason: int
) -> None:
    in_doubt.tell_phone(events.Answered(in_doubt.asked[-1], state, in_doubt.receipt(reason)))
    assert in_doubt.phone.state == states.UNKNOWN


def test_a_hold_that_was_given_back_is_not_paid(in_doubt: Shop) -> None:
    in_doubt.tell_phone(events.Answered(in_doubt.asked[-1], schema.VOIDED, in_doubt.receipt()))
    assert in_doubt.ended == (events.DECLINED, reasons.REVERSED)


def test_a_link_that_breaks_before_the_approval_is_worth_another_visit(showing: Shop) -> None:
    showing.break_link()
    outcome = showing.outcome
    assert (outcome.result, outcome.retry) == (events.LOST, True)


def test_a_silent_phone_is_sent_away(shop: Shop) -> None:
    shop.ring_up()
    shop.meet(Mute(shop.wallet))
    shop.come()
    shop.wait(10_000)
    assert (shop.outcome.result, shop.writes) == (events.REFUSED, [])


def test_a_phone_without_credentials(keys: Keys) -> None:
    shop = Shop(keys, wallet(keys, credentials=0))
    shop.visit()
    shop.type()
    assert shop.outcome.reason == reasons.CREDENTIAL_EXPIRED


@pytest.mark.parametrize("data", [b"", b"\x05", b"\x06", b"\x06\x01\x01", b"\xff", b"\x02"])
def test_junk_from_a_receiver_changes_nothing(showing: Shop, data: bytes) -> None:
    showing.tell_phone(events.Notified(data))
    assert showing.phone.state == states.SHOWING
    assert "ignored" in showing.told


def test_a_result_that_was_not_asked_for(showing: Shop) -> None:
    padded = padding.pad(evidence_receipt(showing), padding.RESULT_SEALED)
    showing.tell_phone(events.Notified(exchange.result(padded)))
    assert showing.phone.state == states.SHOWING


def evidence_receipt(shop: Shop) -> bytes:
    """A true receipt of another purchase."""
    value = messages.Receipt(
        1, messages.APPROVED, bytes(16), evidence.AMOUNT, evidence.SEK, bytes(16), EPOCH, 101, 3, 0
    )
    return shop.keys.receipt(value)


def test_a_hold_is_no_end_once_the_receiver_has_refused(approved: Shop) -> None:
    """Else the phone would show "approved" for what the bridge is about to reverse."""
    receipt = approved.receipt()
    approved.refuse(reasons.BAD_SIGNATURE)
    assert approved.phone.state == states.TURNED_AWAY
    approved.tell_phone(events.Answered(approved.approval_id, schema.PENDING, receipt))
    assert approved.phone.state == states.TURNED_AWAY
    approved.tell_phone(events.Answered(approved.approval_id, schema.VOIDED, receipt))
    assert approved.outcome.result == events.DECLINED


def test_each_look_at_an_offer_has_a_key_of_its_own(showing: Shop) -> None:
    """The receiver refuses a key that it has seen: two results would share a nonce."""
    holder = validation.certificate(host, showing.wallet.pins, showing.certificate, EPOCH)
    offered = validation.offer(host, holder, showing.certificate, showing.offer)
    maker = Maker(showing.wallet)
    first, second = maker.show(offered), maker.show(offered)
    assert first != second
