"""What the cashier sees of the buyer's phone: the furthest one, and never one that is away."""

from __future__ import annotations

import pytest

from bridge.domain import effects, inputs
from bridge.domain.phones import Phone, Phones
from bridge.domain.sale import Fact, Sale
from bridge.domain.states import Event, State
from bridge.till.rest.views import sale_view
from receiver import reasons
from receiver.link import wire
from receiver.protocol import gatt, identifiers
from tests.support.machines.controller import LINK, ControllerWorld

NEAR, SHOWN, GONE = wire.PHONE_NEAR, wire.PHONE_SHOWN, wire.PHONE_GONE


def moved(world: ControllerWorld, event: int, offer: bytes = b"", link: int = LINK) -> Phone:
    """Report one act of a phone; return what the cashier sees then."""
    session = identifiers.session_id(offer) if offer else b""
    world.hear(wire.PHONE, wire.Phone(session, link, event, reasons.OK))
    report = world.take(effects.ReportPhone)[-1]
    assert report.furthest is world.controller.phone
    return report.furthest


def displayed(sale: Sale) -> Phone:
    """Return what the till's answer says of the phone."""
    phone = sale_view(sale).phone
    return Phone[phone.code.upper()] if phone else Phone.NONE


@pytest.fixture
def offered(world: ControllerWorld) -> bytes:
    """An offer of a sale that waits for a buyer."""
    world.begin()
    return world.offer()


# The links alone.


def test_the_furthest_phone_counts() -> None:
    phones = Phones()
    phones.moved(0, NEAR, ours=False)
    phones.moved(1, SHOWN, ours=True)
    phones.typing(2)
    seen = [phones.furthest]
    for link in (2, 1, 0):
        phones.moved(link, GONE, ours=True)
        seen.append(phones.furthest)
    assert seen == [Phone.TYPING, Phone.LOOKING, Phone.NEAR, Phone.NONE]


@pytest.mark.parametrize("event", [wire.PHONE_LEFT, wire.PHONE_REFUSED, wire.PHONE_GONE])
def test_each_end_withdraws_a_phone(event: int) -> None:
    phones = Phones()
    phones.moved(0, NEAR, ours=False)
    phones.moved(0, event, ours=False)
    assert phones.furthest is Phone.NONE


def test_a_repeated_report_takes_nothing_back() -> None:
    phones = Phones()
    phones.typing(0)
    phones.moved(0, SHOWN, ours=True)
    phones.moved(0, NEAR, ours=False)
    assert phones.furthest is Phone.TYPING


def test_a_receiver_that_reports_every_link_fills_nothing() -> None:
    phones = Phones()
    for link in range(wire.LINK_MOST):
        phones.moved(link, NEAR, ours=False)
    assert len(phones.lose()) == gatt.LINKS_MOST
    assert phones.furthest is Phone.NONE


# At a sale.


def test_a_phone_that_checked_in_is_at_the_next_sale(world: ControllerWorld) -> None:
    world.sync()
    assert moved(world, NEAR) is Phone.NEAR
    sale = world.ring()
    assert displayed(sale) is Phone.NEAR
    assert [begun.after.phone for begun in world.take(effects.BeginSale)] == [Phone.NEAR]


def test_a_purchase_as_the_cashier_sees_it(world: ControllerWorld, offered: bytes) -> None:
    purchase, sale = world.purchase(offered), world.sale
    seen = [displayed(sale)]
    moved(world, NEAR)
    seen.append(displayed(sale))
    moved(world, SHOWN, offered)
    seen.append(displayed(sale))
    world.present(offered, purchase.credential)
    (claimed,) = world.take(effects.Publish)
    seen.append(displayed(sale))
    world.approve(offered, purchase.approval)
    assert sale.state is State.AUTHORISATION_SENT
    seen.append(displayed(sale))
    assert seen == [Phone.NONE, Phone.NEAR, Phone.LOOKING, Phone.TYPING, Phone.NONE]
    assert claimed.after.phone is Phone.TYPING


def test_an_invalid_credential_is_no_typing(world: ControllerWorld, offered: bytes) -> None:
    moved(world, SHOWN, offered)
    world.present(offered, world.purchase(offered).credential[:-1] + b"?")
    assert displayed(world.sale) is Phone.LOOKING


def test_a_word_about_another_offer_is_no_look_at_this_one(
    world: ControllerWorld, offered: bytes
) -> None:
    assert moved(world, SHOWN, world.make_offer()) is Phone.NEAR


def test_after_a_decline_the_phone_is_near_until_it_shows_the_new_offer(
    world: ControllerWorld, offered: bytes
) -> None:
    moved(world, SHOWN, offered)
    purchase = world.buy(offered)
    world.answer(purchase.approval_id, reasons.CODE_WRONG)
    assert (world.sale.state, displayed(world.sale)) == (State.OPEN, Phone.NEAR)
    assert moved(world, SHOWN, world.offer()) is Phone.LOOKING


def test_a_phone_that_has_paid_is_not_the_next_buyers(
    world: ControllerWorld, offered: bytes
) -> None:
    moved(world, NEAR, link=1)
    moved(world, SHOWN, offered)
    purchase = world.buy(offered)
    world.answer(purchase.approval_id)
    assert world.sale.state is State.APPROVED
    assert world.controller.phone is Phone.NEAR  # the other one
    assert moved(world, GONE, offered) is Phone.NEAR
    assert moved(world, GONE, link=1) is Phone.NONE


def test_a_sale_that_ends_leaves_the_phone_near(world: ControllerWorld, offered: bytes) -> None:
    moved(world, SHOWN, offered)
    sale = world.sale
    world.give(inputs.Decide(Fact(Event.CANCELLED, reasons.CASHIER_CANCELLED)))
    assert displayed(sale) is Phone.NONE
    assert world.controller.phone is Phone.NEAR


def test_no_phone_is_near_a_receiver_that_is_away(world: ControllerWorld, offered: bytes) -> None:
    moved(world, NEAR, link=1)
    moved(world, SHOWN, offered)
    world.give(inputs.LinkDown())
    assert displayed(world.sale) is Phone.NONE
    gone = reasons.RECEIVER_OFFLINE
    assert [(told.link, told.event, told.reason) for told in world.take(effects.ReportPhone)] == [
        *((1, GONE, gone), (LINK, GONE, gone)),
    ]


def test_an_old_receiver_reports_only_who_looks(world: ControllerWorld, offered: bytes) -> None:
    assert moved(world, SHOWN, offered) is Phone.LOOKING
    assert moved(world, GONE, offered) is Phone.NONE
