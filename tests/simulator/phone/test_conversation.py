"""The phone's conversation against the receiver's core, with every way a purchase can end."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from receiver import reasons
from receiver.crypto import host
from receiver.link import wire
from receiver.protocol import exchange, identifiers, messages, padding, validation
from simulator.authority.keys import Keys
from simulator.authority.storage import schema
from simulator.phone.conversation import conversation, events, states
from simulator.phone.conversation.messages import Maker, Mute
from simulator.phone.wallet.keys import KINDS
from simulator.phone.wallet.wallet import NEVER_AFTER_S
from tests.support.machines.phone import CODE, EPOCH, RECEIVER, TRANSACTION, TTL_S, Shop, wallet
from tests.support.values import evidence


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.json")


@pytest.fixture
def shop(keys: Keys) -> Shop:
    return Shop(keys, wallet(keys))


@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_of_either_kind_pays(keys: Keys, kind: str) -> None:
    shop = Shop(keys, wallet(keys, kind=kind))
    shop.ring_up()
    shop.come()
    shop.type()
    shop.decide()
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.APPROVED


def test_the_table_is_closed() -> None:
    named = {name: value for name, value in vars(states).items() if isinstance(value, str)}
    reached = {after for row in states.TABLE.values() for after in row.values()}
    assert reached | {states.SCANNING} == set(states.TABLE)
    for row in states.TABLE.values():
        assert set(row) <= set(named.values())


def test_every_event_of_the_table_is_raised_somewhere() -> None:
    tree = ast.parse(Path(conversation.__file__).read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "states"
    }
    raised = {vars(states)[name] for name in used - {"TABLE"}}
    for row in states.TABLE.values():
        assert set(row) <= raised


def test_an_approved_purchase(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    view = shop.views[-1]
    assert (view.kind, view.store, view.amount) == (events.SHOWN, "Storgatan 1", evidence.AMOUNT)
    assert view.match_code == identifiers.match_code(shop.offer)
    shop.type()
    assert shop.phone.state == states.APPROVED
    shop.decide()
    outcome = shop.phone.outcome
    assert outcome is not None
    assert outcome.result == events.APPROVED
    assert outcome.receipt is not None
    assert outcome.receipt.transaction_id == TRANSACTION
    assert outcome.approval_id == shop.sent(wire.VERDICT)[-1].approval_id
    assert not shop.wallet.pending
    assert [(data[0], len(data)) for data in shop.writes] == [
        (exchange.KEY, 33),
        (exchange.CREDENTIAL, 182),
        (exchange.APPROVAL, 147),
    ]
    assert not shop.linked


def test_nothing_is_revealed_before_the_first_digit(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    assert [data[0] for data in shop.writes] == [exchange.KEY]
    assert shop.wallet.stock(shop.wallet.recipients[0].id, EPOCH) == 4


def test_a_check_in_asks_before_it_shows(shop: Shop) -> None:
    shop.come()
    assert shop.phone.state == states.WAITING
    shop.ring_up()
    assert shop.phone.state == states.ASKING
    assert shop.views[-1].kind == events.ASKED
    assert shop.writes == []
    shop.tell_phone(events.Look())
    shop.type()
    shop.decide()
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.APPROVED


def test_an_offer_notified_before_the_reads_are_done(shop: Shop) -> None:
    shop.ring_up()
    early = shop.offer
    shop.phone.handle(events.Connected(247), 0)
    shop.phone.handle(events.OfferNotified(early), 0)
    shop.phone.handle(events.Read(shop.certificate, early), 0)
    assert shop.phone.state == states.SHOWING
    shop.meet()
    shop.phone.handle(events.Connected(247), 0)
    shop.phone.handle(events.OfferNotified(early), 0)
    shop.phone.handle(events.Read(shop.certificate, b""), 0)
    assert shop.phone.state == states.ASKING


def test_a_buyer_who_says_no(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.tell_phone(events.SayNo(exchange.LEAVE_CANCELLED))
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.LEFT
    assert [phone.event for phone in shop.sent(wire.PHONE)] == [wire.PHONE_SHOWN, wire.PHONE_LEFT]


def test_a_final_decline(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    shop.decide(reasons.BUYER_BLOCKED)
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.BUYER_BLOCKED)
    assert not shop.wallet.pending


def test_a_mended_decline_is_shown_straight_away(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type("000000")
    shop.decide(reasons.CODE_WRONG)
    assert shop.phone.state == states.DECLINED
    assert (shop.views[-1].kind, shop.views[-1].reason) == (events.DECLINED, reasons.CODE_WRONG)
    shop.ring_up()
    assert shop.phone.state == states.SHOWING
    assert shop.views[-1].attempt == 2
    shop.type()
    shop.decide()
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.APPROVED
    counters = {record.data for record in shop.sent(wire.APPROVAL)}
    assert len(counters) == 2
    assert shop.wallet.counter == 3


def test_another_sale_after_a_decline_asks_first(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type("000000")
    shop.decide(reasons.CODE_WRONG)
    shop.ring_up(b"another!")
    assert shop.phone.state == states.ASKING


def test_a_decline_that_nobody_mends_stays_a_decline(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    shop.decide(reasons.PURCHASE_LIMIT)
    shop.wait(states.MEND_MS)
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.PURCHASE_LIMIT)
    assert outcome.receipt is not None


def test_a_refusal_before_the_approval(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.tell_phone(events.FirstDigit())
    shop.order(wire.CANCEL, wire.Cancel(evidence.REFERENCE, reasons.CASHIER_CANCELLED))
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.OFFER_EXPIRED)
    assert not outcome.retry


def test_a_plain_refusal_of_the_key_is_believed(shop: Shop) -> None:
    """There may be no key yet to seal it with."""
    shop.ring_up()
    shop.come()
    shop.tell_phone(events.Notified(exchange.refusal(reasons.BUSY)))
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.BUSY)


def test_a_plain_refusal_is_not_believed_once_something_was_sealed(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.tell_phone(events.FirstDigit())
    shop.tell_phone(events.Notified(exchange.refusal(reasons.OFFER_EXPIRED)))
    assert shop.phone.state == states.PRESENTED
    shop.tell_phone(events.Code(CODE))
    shop.decide()
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.APPROVED


def test_a_plain_refusal_is_not_believed_after_the_approval(shop: Shop) -> None:
    """Not even so much that the phone lets go: the result is still to come."""
    shop.ring_up()
    shop.come()
    shop.type()
    shop.tell_phone(events.Notified(exchange.refusal(reasons.BUSY)))
    assert shop.phone.state == states.APPROVED
    shop.decide()
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.APPROVED


@pytest.mark.parametrize("size", [padding.REFUSAL_SEALED, 1])
def test_a_forged_refusal_ends_nothing(shop: Shop, size: int) -> None:
    shop.ring_up()
    shop.come()
    shop.tell_phone(events.FirstDigit())
    shop.tell_phone(events.Notified(exchange.sealed_refusal(bytes(size))))
    assert shop.phone.state == states.PRESENTED
    assert shop.told[-1] == "ignored"


@pytest.mark.parametrize("size", [padding.REFUSAL_SEALED, padding.RESULT_SEALED])
def test_an_answer_before_any_key(shop: Shop, size: int) -> None:
    shop.come()
    kind = exchange.REFUSAL if size == padding.REFUSAL_SEALED else exchange.RESULT
    shop.tell_phone(events.Notified(bytes([kind]) + bytes(size)))
    assert shop.phone.state == states.WAITING


def test_each_offer_has_its_own_key(shop: Shop) -> None:
    for _ in range(2):
        shop.ring_up()
        shop.come()
        shop.tell_phone(events.FirstDigit())
        shop.break_link()
        shop.meet()
    shop.ring_up()
    shop.come()
    shop.type("000000")
    shop.decide(reasons.CODE_WRONG)
    shop.ring_up()
    keys = [data for data in shop.writes if data[0] == exchange.KEY]
    assert len(keys) == len(set(keys)) == 2


def test_an_offer_whose_key_agrees_with_nobody(shop: Shop) -> None:
    offer = evidence.offer(RECEIVER, shop.certificate, EPOCH, ephemeral=bytes(32))
    shop.phone.handle(events.Connected(247), 0)
    shop.phone.handle(events.Read(shop.certificate, offer), 0)
    assert shop.phone.outcome is not None
    assert (shop.phone.outcome.result, shop.phone.outcome.reason) == (
        events.REFUSED,
        reasons.BAD_SEAL,
    )


def test_a_refusal_after_the_approval_is_not_believed(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    own, approval_id = shop.receiver.sale.session, shop.sent(wire.VERDICT)[-1].approval_id
    shop.order(wire.VERDICT, wire.Verdict(own, approval_id, reasons.BAD_SIGNATURE))
    assert shop.phone.state == states.TURNED_AWAY
    assert shop.asked == [approval_id]
    assert shop.phone.outcome is None


def pass_over(shop: Shop) -> bytes:
    """Another phone was faster; the approval in vain."""
    shop.ring_up()
    shop.come()
    shop.type()
    own, approval_id = shop.receiver.sale.session, shop.sent(wire.VERDICT)[-1].approval_id
    shop.order(wire.VERDICT, wire.Verdict(own, approval_id, reasons.BUSY))
    assert shop.phone.state == states.PASSED_OVER
    assert shop.asked == [approval_id]
    name: bytes = approval_id
    return name


def test_a_phone_that_came_too_late_pays_the_next_sale(shop: Shop) -> None:
    """As soon as the authority has not seen its approval either; its sale stays barred."""
    approval_id = pass_over(shop)
    shop.tell_phone(events.Answered(approval_id, events.UNSEEN))
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason, outcome.retry) == (events.UNKNOWN, reasons.BUSY, True)
    assert list(shop.wallet.pending) == [evidence.REFERENCE]
    shop.meet()
    shop.ring_up(b"saleref2")
    shop.come()
    shop.type()
    shop.decide()
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.APPROVED
    assert list(shop.wallet.pending) == [evidence.REFERENCE]
    shop.meet()
    shop.ring_up()
    shop.come()
    assert shop.phone.state == states.UNKNOWN
    assert shop.writes == []


@pytest.mark.parametrize("state", [events.NO_ANSWER, schema.PENDING])
def test_busy_is_not_believed_on_the_receivers_word_alone(shop: Shop, state: str) -> None:
    approval_id = pass_over(shop)
    receipt = shop.receipt() if state == schema.PENDING else None
    shop.tell_phone(events.Answered(approval_id, state, receipt))
    assert shop.phone.state == states.PASSED_OVER
    shop.wait(states.ASK_MS)
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.retry) == (events.UNKNOWN, False)


def test_an_offer_is_not_approved_after_its_time(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.tell_phone(events.FirstDigit())
    shop.wait(TTL_S * 1000)
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.OFFER_EXPIRED)
    shop.tell_phone(events.Code(CODE))
    assert shop.sent(wire.APPROVAL) == []
    assert not shop.wallet.pending


def test_an_unknown_receiver_learns_nothing(keys: Keys, tmp_path: Path) -> None:
    held = wallet(keys)
    stranger = Keys(tmp_path / "stranger.json")
    shop = Shop(stranger, held)
    shop.ring_up()
    shop.come()
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.BAD_SIGNATURE)
    assert shop.writes == []
    assert shop.views == []


def test_a_certificate_that_has_ended(keys: Keys) -> None:
    ended = evidence.certificate(keys, RECEIVER, EPOCH, expires=EPOCH)
    shop = Shop(keys, wallet(keys), certified=ended)
    shop.ring_up()
    shop.come()
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.reason == reasons.CERTIFICATE_EXPIRED
    assert shop.writes == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 2}, reasons.WRONG_VERSION),
        ({"currency": 978}, reasons.WRONG_CURRENCY),
    ],
)
def test_an_offer_that_does_not_fit_its_certificate(
    shop: Shop, changes: dict[str, Any], reason: int
) -> None:
    offer = evidence.offer(RECEIVER, shop.certificate, EPOCH, **changes)
    shop.phone.handle(events.Connected(247), 0)
    shop.phone.handle(events.Read(shop.certificate, offer), 0)
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.reason == reason


def test_an_offer_signed_by_another_receiver(shop: Shop) -> None:
    offer = evidence.offer(evidence.seed("other"), shop.certificate, EPOCH)
    shop.phone.handle(events.Connected(247), 0)
    shop.phone.handle(events.Read(shop.certificate, offer), 0)
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.reason == reasons.BAD_SIGNATURE


def test_a_small_mtu(shop: Shop) -> None:
    shop.ring_up()
    shop.come(mtu=184)
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.reason == reasons.SMALL_MTU
    assert shop.writes == []


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
def test_a_receipt_about_something_else(shop: Shop, changes: dict[str, Any]) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    shop.decide(**changes)
    assert shop.phone.state == states.UNKNOWN
    assert "result_untrusted" in shop.told
    assert evidence.REFERENCE in shop.wallet.pending


def test_a_tampered_receipt(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    receipt = bytearray(shop.receipt())
    receipt[-1] ^= 1
    shop.order(wire.RESULT, wire.Result(shop.receiver.sale.session, bytes(receipt)))
    assert shop.phone.state == states.UNKNOWN


def test_a_lost_result_is_asked_for_with_the_same_bytes(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.deaf = True
    shop.type()
    shop.decide()
    shop.deaf = False
    shop.wait(states.RESEND_MS)
    assert shop.writes[-1] == shop.writes[-2]
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.APPROVED
    assert len(shop.sent(wire.APPROVAL)) == 1


def test_a_lost_result_is_learned_from_the_authority(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    shop.break_link()
    assert shop.phone.state == states.UNKNOWN
    (approval_id,) = shop.asked
    shop.tell_phone(events.Answered(approval_id, events.NO_ANSWER))
    shop.wait(states.ASK_FIRST_MS)
    assert len(shop.asked) == 2
    shop.tell_phone(events.Answered(approval_id, schema.PENDING, shop.receipt()))
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.APPROVED
    assert not shop.wallet.pending


def test_silence_makes_unknown_and_never_a_no(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    shop.deaf = True
    shop.wait(states.RESULT_MS)
    assert shop.phone.state == states.UNKNOWN
    shop.tell_phone(events.Answered(shop.asked[-1], events.UNSEEN))
    shop.wait(states.ASK_MS)
    outcome = shop.phone.outcome
    assert outcome is not None
    assert outcome.result == events.UNKNOWN
    assert outcome.approval_id in shop.asked
    assert evidence.REFERENCE in shop.wallet.pending


def test_a_sale_in_doubt_is_not_approved_again(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    shop.break_link()
    shop.meet()
    shop.ring_up()
    shop.come()
    assert shop.phone.state == states.UNKNOWN
    assert shop.writes == []
    (approval_id,) = shop.asked
    shop.tell_phone(events.Answered(approval_id, schema.VOIDED))
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.REVERSED)
    shop.meet()
    shop.come()
    assert shop.phone.state == states.SHOWING


def test_what_the_authority_never_saw_is_over_one_day(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    shop.break_link()
    shop.now += (NEVER_AFTER_S + 1) * 1000
    shop.tell_phone(events.Answered(shop.asked[-1], events.UNSEEN))
    assert not shop.wallet.pending
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.DECLINED


@pytest.mark.parametrize(
    ("state", "reason"), [(schema.DECLINED, reasons.OK), (schema.PENDING, reasons.CODE_WRONG)]
)
def test_an_authority_that_contradicts_itself_is_not_believed(
    shop: Shop, state: str, reason: int
) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    shop.break_link()
    shop.tell_phone(events.Answered(shop.asked[-1], state, shop.receipt(reason)))
    assert shop.phone.state == states.UNKNOWN


def test_a_hold_that_was_given_back_is_not_paid(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.type()
    shop.break_link()
    shop.tell_phone(events.Answered(shop.asked[-1], schema.VOIDED, shop.receipt()))
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.REVERSED)


def test_a_link_that_breaks_before_the_approval_is_worth_another_visit(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    shop.break_link()
    outcome = shop.phone.outcome
    assert outcome is not None
    assert (outcome.result, outcome.retry) == (events.LOST, True)


def test_a_silent_phone_is_sent_away(shop: Shop) -> None:
    shop.ring_up()
    shop.meet(Mute(shop.wallet))
    shop.come()
    shop.wait(10_000)
    outcome = shop.phone.outcome
    assert outcome is not None
    assert outcome.result == events.REFUSED
    assert shop.writes == []


def test_a_phone_without_credentials(keys: Keys) -> None:
    shop = Shop(keys, wallet(keys, credentials=0))
    shop.ring_up()
    shop.come()
    shop.type()
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.reason == reasons.CREDENTIAL_EXPIRED


@pytest.mark.parametrize("data", [b"", b"\x05", b"\x06", b"\x06\x01\x01", b"\xff", b"\x02"])
def test_junk_from_a_receiver_changes_nothing(shop: Shop, data: bytes) -> None:
    shop.ring_up()
    shop.come()
    shop.tell_phone(events.Notified(data))
    assert shop.phone.state == states.SHOWING
    assert "ignored" in shop.told


def test_a_result_that_nobody_asked_for(shop: Shop) -> None:
    shop.ring_up()
    shop.come()
    padded = padding.pad(evidence_receipt(shop), padding.RESULT_SEALED)
    shop.tell_phone(events.Notified(exchange.result(padded)))
    assert shop.phone.state == states.SHOWING


def evidence_receipt(shop: Shop) -> bytes:
    """A true receipt of another purchase."""
    value = messages.Receipt(
        1, messages.APPROVED, bytes(16), evidence.AMOUNT, evidence.SEK, bytes(16), EPOCH, 101, 3, 0
    )
    return shop.keys.receipt(value)


def test_a_hold_is_no_end_once_the_receiver_has_refused(shop: Shop) -> None:
    """Else the phone would show "approved" for what the bridge is about to reverse."""
    shop.ring_up()
    shop.come()
    shop.type()
    receipt = shop.receipt()
    own, approval_id = shop.receiver.sale.session, shop.sent(wire.VERDICT)[-1].approval_id
    shop.order(wire.VERDICT, wire.Verdict(own, approval_id, reasons.BAD_SIGNATURE))
    assert shop.phone.state == states.TURNED_AWAY
    shop.tell_phone(events.Answered(approval_id, schema.PENDING, receipt))
    assert shop.phone.state == states.TURNED_AWAY
    shop.tell_phone(events.Answered(approval_id, schema.VOIDED, receipt))
    assert shop.phone.outcome is not None
    assert shop.phone.outcome.result == events.DECLINED


def test_each_look_at_an_offer_has_a_key_of_its_own(shop: Shop) -> None:
    """The receiver refuses a key that it has seen: two results would share a nonce."""
    shop.ring_up()
    shop.come()
    holder = validation.certificate(host, shop.wallet.pins, shop.certificate, EPOCH)
    offered = validation.offer(host, holder, shop.certificate, shop.offer)
    maker = Maker(shop.wallet)
    first, second = maker.show(offered), maker.show(offered)
    assert first != second
