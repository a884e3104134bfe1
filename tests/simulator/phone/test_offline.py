"""A phone at a till that cannot ask the authority: provisionally approved, and not final."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from receiver import reasons
from receiver.link import wire
from simulator.authority.keys import Keys
from simulator.authority.storage import schema
from simulator.phone.conversation import events, states
from simulator.phone.wallet import wallet as wallets
from simulator.phone.wallet.wallet import NEVER_AFTER_S
from tests.support.machines.phone import EPOCH, RECEIVER, RECIPIENT, TRANSACTION, Shop, wallet
from tests.support.values import evidence
from tests.support.values.refusals import refused_as

FLOOR = evidence.AMOUNT
YEAR_MS = 365 * 24 * 3600 * 1000


@pytest.fixture
def shop(keys: Keys, tmp_path: Path) -> Shop:
    """Where an approval has just been handed over, of a phone that may buy offline."""
    held = wallet(keys, floor=FLOOR)
    held.path = tmp_path / "wallet.json"
    return handed_over(Shop(keys, held))


def handed_over(shop: Shop) -> Shop:
    shop.learn(FLOOR)
    shop.visit()
    shop.type()
    return shop


def provisional(shop: Shop, receiver: bytes = RECEIVER, **changes: Any) -> bytes:
    """A receiver's word for the approval at hand; `changes` spoil it."""
    name = changes.pop("approval_id", shop.approval_id)
    certificate = changes.pop("certificate", shop.certificate)
    return evidence.provisional(receiver, certificate, name, EPOCH, **changes)


def answer(shop: Shop, state: str, receipt: bytes | None = None) -> None:
    shop.tell_phone(events.Answered(shop.asked[-1], state, receipt))


def test_a_provisional_receipt_is_shown_and_the_authority_asked(shop: Shop) -> None:
    shop.stand_in()
    assert shop.phone.state == states.ACCEPTED
    assert "provisional" in shop.told
    assert not shop.linked
    (pending,) = shop.wallet.pending.values()
    assert pending.accepted
    assert shop.asked == [pending.approval_id]
    assert shop.phone.outcome is None


def test_it_is_not_final_while_the_authority_does_not_say(shop: Shop) -> None:
    shop.stand_in()
    answer(shop, events.NO_ANSWER)
    shop.wait(states.ACCEPTED_MS)
    assert shop.ended == (events.ACCEPTED, reasons.ACCEPTED_OFFLINE)
    assert (shop.outcome.receipt, shop.outcome.retry) == (None, False)
    assert shop.outcome.view is not None
    assert wallets.load(shop.wallet.path or Path()).pending == shop.wallet.pending
    assert shop.wallet.bought == {}


@pytest.mark.parametrize("state", [schema.PENDING, schema.POSTED])
def test_it_is_final_once_the_authority_has_booked_it(shop: Shop, state: str) -> None:
    shop.stand_in()
    answer(shop, events.UNSEEN)
    shop.wait(states.ASK_FIRST_MS)
    answer(shop, state, shop.receipt())
    outcome = shop.outcome
    assert outcome.result == events.APPROVED
    assert outcome.receipt is not None
    assert outcome.receipt.transaction_id == TRANSACTION
    assert (shop.wallet.pending, set(shop.wallet.bought)) == ({}, {TRANSACTION})


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        (schema.DECLINED, reasons.PURCHASE_LIMIT, reasons.PURCHASE_LIMIT),
        (schema.VOIDED, reasons.OK, reasons.REVERSED),
    ],
)
def test_the_authority_may_still_say_no(shop: Shop, state: str, reason: int, told: int) -> None:
    """And nobody goes to that till again for it: the goods are gone."""
    shop.stand_in()
    answer(shop, state, shop.receipt(reason))
    outcome = shop.outcome
    assert (outcome.result, outcome.reason, outcome.retry) == (events.DECLINED, told, False)
    assert (shop.wallet.pending, shop.wallet.bought) == ({}, {})


@pytest.mark.parametrize("state", [schema.EXPIRED, events.UNSEEN, events.NO_ANSWER])
def test_these_are_no_end(shop: Shop, state: str) -> None:
    shop.stand_in()
    answer(shop, state, shop.receipt() if state == schema.EXPIRED else None)
    assert shop.phone.outcome is None
    assert shop.wallet.pending


def test_an_offline_purchase_may_be_uploaded_at_any_time(shop: Shop) -> None:
    """Also one whose provisional receipt never came: the till may have accepted it."""
    shop.break_link()
    shop.now += YEAR_MS
    answer(shop, events.UNSEEN)
    assert shop.phone.outcome is None
    assert shop.wallet.pending


def test_what_no_till_may_accept_offline_is_over_one_day(keys: Keys) -> None:
    shop = handed_over(Shop(keys, wallet(keys, floor=FLOOR - 1)))
    shop.break_link()
    shop.now += (NEVER_AFTER_S + 1) * 1000
    answer(shop, events.UNSEEN)
    assert shop.outcome.result == events.DECLINED


def test_a_sale_that_was_accepted_is_not_approved_again(shop: Shop) -> None:
    shop.stand_in()
    shop.wait(states.ACCEPTED_MS)
    shop.meet()
    shop.visit()
    assert (shop.phone.state, shop.writes) == (states.UNKNOWN, [])
    shop.wait(states.ASK_MS)
    assert shop.outcome.result == events.ACCEPTED


# What it does not believe.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"receiver": evidence.seed("another")}, reasons.BAD_SIGNATURE),
        ({"certificate": b"another"}, reasons.WRONG_RECEIVER),
        ({"approval_id": bytes(16)}, reasons.WRONG_SESSION),
        ({"amount": evidence.AMOUNT - 1}, reasons.WRONG_AMOUNT),
        ({"currency": 978}, reasons.WRONG_AMOUNT),
        ({"store": 102}, reasons.WRONG_TILL),
        ({"till": 4}, reasons.WRONG_TILL),
        ({"version": 2}, reasons.WRONG_VERSION),
    ],
)
def test_a_provisional_receipt_for_anything_else(
    shop: Shop, changes: dict[str, Any], reason: int
) -> None:
    shop.result(provisional(shop, **changes))
    assert shop.phone.state == states.UNKNOWN
    assert shop.whys == [reasons.name(reason)] * 2
    assert [pending.accepted for pending in shop.wallet.pending.values()] == [False]


def test_one_that_is_replayed_from_another_sale(shop: Shop) -> None:
    shop.stand_in()
    old = shop.sent(wire.PROVISIONAL)[-1].receipt
    shop.meet()
    shop.visit(b"saleref2")
    shop.type()
    shop.result(old)
    assert shop.phone.state == states.UNKNOWN
    assert not shop.wallet.pending[b"saleref2"].accepted


def test_one_above_the_floor_of_its_credential(keys: Keys) -> None:
    shop = handed_over(Shop(keys, wallet(keys, floor=FLOOR - 1)))
    shop.result(provisional(shop))
    assert shop.phone.state == states.UNKNOWN
    assert shop.whys == ["above_floor"] * 2


def test_one_for_a_refund(keys: Keys) -> None:
    held = wallet(keys, floor=FLOOR)
    held.bought = {TRANSACTION: wallets.Bought(TRANSACTION, FLOOR, evidence.SEK, RECIPIENT)}
    shop = Shop(keys, held)
    shop.visit(original=TRANSACTION)
    shop.type()
    shop.result(provisional(shop))
    assert shop.phone.state == states.UNKNOWN
    assert shop.whys == ["wrong_kind"] * 2
    assert not any(pending.accepted for pending in held.pending.values())


def test_the_receivers_word_is_no_receipt(shop: Shop) -> None:
    """A receipt is the authority's, under its own key."""
    (pending,) = shop.wallet.pending.values()
    with refused_as(reasons.MALFORMED):
        shop.wallet.check_receipt(pending, provisional(shop))
