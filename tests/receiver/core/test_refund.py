"""Refunds that a phone approves: as a purchase, but for what the offer says."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.core import sale_session
from receiver.link import wire
from receiver.protocol import gatt, identifiers, messages
from tests.support.machines.receiver import TILL, Phone, World, offer_of
from tests.support.values import evidence

ORIGINAL = bytes(range(16))


def open_refund(world: World) -> bytes:
    return world.open(kind=messages.REFUND, original=ORIGINAL)


def test_the_offer_names_the_transaction_that_is_given_back(world: World) -> None:
    offer = open_refund(world)
    assert len(offer) <= gatt.OFFER_MOST
    value = offer_of(world)
    assert (value.kind, value.original, value.amount) == (
        messages.REFUND,
        ORIGINAL,
        evidence.AMOUNT,
    )
    assert world.sent(wire.OFFER) == [wire.Opened(evidence.REFERENCE, offer, reasons.OK)]


def test_it_is_advertised_as_one(world: World) -> None:
    offer = open_refund(world)
    flags = gatt.FLAG_OPEN | gatt.FLAG_REFUND
    assert world.advert() == gatt.Advert(gatt.VERSION, flags, TILL, identifiers.tag(offer))
    phone = Phone(world).connect().approve()
    assert world.advert().flags == gatt.FLAG_BUSY | gatt.FLAG_REFUND
    world.result()
    assert world.advert().flags == 0
    phone.vanish()
    world.open()
    assert world.advert().flags == gatt.FLAG_OPEN


def test_it_is_approved_and_settled_like_a_purchase(world: World) -> None:
    open_refund(world)
    phone = Phone(world).connect().approve()
    assert [record.data for record in world.sent(wire.APPROVAL)] == [phone.approval]
    (verdict,) = world.sent(wire.VERDICT)
    assert (verdict.approval_id, verdict.reason) == (phone.approval_id, reasons.OK)
    world.result(b"the receipt")
    assert phone.receipts == [b"the receipt"]
    assert (world.sale.state, world.counters) == (sale_session.SETTLED, {})


@pytest.mark.parametrize(
    ("kind", "original"),
    [
        (messages.PURCHASE, ORIGINAL),
        (messages.PURCHASE, b"x"),
        (messages.REFUND, b""),
        (messages.REFUND, ORIGINAL[:-1]),
    ],
)
def test_an_order_that_is_neither(world: World, kind: int, original: bytes) -> None:
    assert world.open(kind=kind, original=original) == b""
    assert world.sent(wire.OFFER) == [wire.Opened(evidence.REFERENCE, b"", reasons.MALFORMED)]
    assert world.sale.state == sale_session.IDLE
