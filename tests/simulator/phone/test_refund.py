"""A phone and refunds: of what it bought, of what is left of it, and of nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from receiver import reasons
from receiver.link import wire
from receiver.protocol import exchange, messages, signed
from simulator.authority.keys import Keys
from simulator.authority.storage import schema
from simulator.phone.conversation import events, states
from simulator.phone.wallet import wallet as wallets
from simulator.phone.wallet.wallet import BOUGHT_MOST, Bought
from tests.support.machines.phone import RECIPIENT, TRANSACTION, Shop, batch, wallet
from tests.support.values import evidence

OTHER = RECIPIENT + 1
REFUND = b"refund01"


@pytest.fixture
def shop(keys: Keys) -> Shop:
    """After a purchase."""
    shop = Shop(keys, wallet(keys, credentials=8))
    shop.visit()
    shop.type()
    shop.decide()
    shop.meet()
    return shop


def refund(shop: Shop, amount: int = evidence.AMOUNT, reference: bytes = REFUND) -> None:
    """A new visit, up to the offer."""
    shop.meet()
    shop.visit(reference, amount, TRANSACTION)


def approved(shop: Shop, amount: int = evidence.AMOUNT, reference: bytes = REFUND) -> None:
    refund(shop, amount, reference)
    shop.type()
    shop.decide(transaction_id=reference * 2)


def left(shop: Shop) -> int:
    bought = shop.wallet.bought[TRANSACTION]
    return bought.amount - bought.refunded


def bought_with(shop: Shop, **changes: Any) -> None:
    """The phone remembers its purchase with these changes."""
    shop.wallet.bought[TRANSACTION] = shop.wallet.bought[TRANSACTION]._replace(**changes)


def reason_of(shop: Shop) -> int:
    """Why the phone has refused, before it wrote anything."""
    assert (shop.outcome.result, shop.writes) == (events.REFUSED, [])
    return shop.outcome.reason


def test_a_purchase_is_remembered(shop: Shop) -> None:
    bought = Bought(TRANSACTION, evidence.AMOUNT, evidence.SEK, RECIPIENT)
    assert shop.wallet.bought == {TRANSACTION: bought}


def test_what_was_declined_is_not(keys: Keys) -> None:
    shop = Shop(keys, wallet(keys))
    shop.visit()
    shop.type()
    shop.decide(reasons.BUYER_BLOCKED)
    assert shop.wallet.bought == {}


def test_a_refund_is_shown_as_one_and_approved_with_the_code(shop: Shop) -> None:
    refund(shop, 100)
    assert shop.views[-1].refund
    assert shop.phone.state == states.SHOWING
    shop.type()
    shop.decide(transaction_id=bytes(16))
    assert shop.outcome.result == events.APPROVED
    writes = [exchange.KEY, exchange.CREDENTIAL, exchange.APPROVAL]
    assert [data[0] for data in shop.writes] == writes
    assert left(shop) == evidence.AMOUNT - 100
    assert list(shop.wallet.bought) == [TRANSACTION]


def test_a_purchase_is_not_shown_as_a_refund(shop: Shop) -> None:
    shop.visit(REFUND)
    assert not shop.views[-1].refund


def test_refunds_add_up_to_the_purchase_and_no_further(shop: Shop) -> None:
    approved(shop, 100, b"refund01")
    approved(shop, evidence.AMOUNT - 100, b"refund02")
    assert left(shop) == 0
    refund(shop, 1, b"refund03")
    assert reason_of(shop) == reasons.REFUND_EXCEEDS


def test_a_refund_that_was_declined_leaves_what_there_was(shop: Shop) -> None:
    refund(shop)
    shop.type()
    shop.decide(reasons.NOT_POSTED)
    assert left(shop) == evidence.AMOUNT
    refund(shop)
    assert shop.phone.state == states.SHOWING


def test_a_refund_in_doubt_counts(shop: Shop) -> None:
    refund(shop)
    shop.type()
    shop.break_link()
    refund(shop, 1, b"refund02")
    assert reason_of(shop) == reasons.REFUND_EXCEEDS
    refund(shop)
    assert shop.phone.state == states.UNKNOWN


def test_a_refund_whose_end_the_authority_tells(shop: Shop) -> None:
    refund(shop)
    shop.type()
    shop.break_link()
    receipt = shop.receipt(transaction_id=bytes(range(16)))
    shop.tell_phone(events.Answered(shop.asked[-1], schema.POSTED, receipt))
    assert left(shop) == 0


@pytest.mark.parametrize("amount", [evidence.AMOUNT + 1, 2**32 - 1])
def test_more_than_was_bought(shop: Shop, amount: int) -> None:
    refund(shop, amount)
    assert reason_of(shop) == reasons.REFUND_EXCEEDS


def test_what_another_phone_bought(keys: Keys) -> None:
    shop = Shop(keys, wallet(keys))
    refund(shop)
    assert reason_of(shop) == reasons.OTHER_BUYER


def test_another_currency_than_was_paid_in(shop: Shop) -> None:
    bought_with(shop, currency=978)
    refund(shop)
    assert reason_of(shop) == reasons.WRONG_CURRENCY


def test_it_goes_back_to_whom_the_purchase_was_invoiced(shop: Shop, keys: Keys) -> None:
    shop.wallet.credentials[OTHER] = batch(keys, recipient=OTHER)
    refund(shop)
    shop.tell_phone(events.FirstDigit(OTHER))
    shown = signed.parse(messages.CREDENTIAL, shop.phone._credential).value
    assert shown.recipient == RECIPIENT


def test_it_needs_a_credential_of_that_recipient(shop: Shop) -> None:
    bought_with(shop, recipient=OTHER)
    refund(shop)
    shop.tell_phone(events.FirstDigit())
    assert shop.outcome.reason == reasons.CREDENTIAL_EXPIRED


def test_a_refund_that_comes_by_notification(shop: Shop) -> None:
    shop.come()
    shop.ring_up(REFUND, 100, TRANSACTION)
    assert (shop.phone.state, shop.views[-1].refund) == (states.ASKING, True)
    shop.tell_phone(events.Look())
    shop.type()
    shop.decide(transaction_id=bytes(16))
    assert left(shop) == evidence.AMOUNT - 100


def test_a_wrong_code_may_be_mended(shop: Shop) -> None:
    refund(shop, 100)
    shop.type()
    shop.decide(reasons.CODE_WRONG)
    shop.ring_up(REFUND, 100, TRANSACTION)
    assert shop.views[-1].refund
    shop.type()
    shop.decide(transaction_id=bytes(16))
    assert left(shop) == evidence.AMOUNT - 100
    assert len(shop.sent(wire.APPROVAL)) == 3


# The wallet.


def test_what_was_bought_survives_the_file(shop: Shop, tmp_path: Path) -> None:
    shop.wallet.path = tmp_path / "wallet.json"
    approved(shop, 100)
    refund(shop, 200, b"refund02")
    shop.type()
    assert wallets.load(shop.wallet.path) == shop.wallet


def test_the_newest_purchases_are_remembered(shop: Shop) -> None:
    for number in range(BOUGHT_MOST):
        name = number.to_bytes(16, "big")
        shop.wallet.bought[name] = Bought(name, 1, evidence.SEK, RECIPIENT)
    shop.visit(b"saleref2")
    shop.type()
    shop.decide(transaction_id=b"the newest one !")
    assert len(shop.wallet.bought) == BOUGHT_MOST
    assert TRANSACTION not in shop.wallet.bought
    assert list(shop.wallet.bought)[-1] == b"the newest one !"
