"""Words of a receiver about a session that is not at hand: refused by name, and nothing moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.domain import effects, inputs
from bridge.domain.states import State
from bridge.domain.till_decisions import Wish, decide
from receiver import reasons
from receiver.link import wire
from receiver.protocol import identifiers
from tests.support.machines.controller import LINK, RECEIVER, ControllerWorld, Purchase
from tests.support.values import evidence
from tests.support.values.channels import BOTH_WAYS, TO_BRIDGE, TO_RECEIVER

NOWHERE = evidence.seed("no session of ours")
NAMES = {"good": reasons.OK, "bad": reasons.BAD_SIGNATURE}


@pytest.fixture
def handed(world: ControllerWorld) -> Purchase:
    """The receiver's word is awaited."""
    world.begin()
    purchase = world.hand(world.offer())
    world.outputs.clear()
    return purchase


@pytest.mark.parametrize("reason", NAMES.values(), ids=NAMES)
def test_a_verdict_on_the_right_approval_in_a_session_that_is_not_known(
    world: ControllerWorld, handed: Purchase, reason: int
) -> None:
    due = world.controller.due
    world.hear(wire.VERDICT, wire.Verdict(NOWHERE, handed.approval_id, reason))
    assert (world.refusals(), world.kinds()) == ([reasons.WRONG_SESSION], [effects.Acknowledge])
    assert (world.sale.state, world.sale.owed) == (State.AUTHORISATION_SENT, ())
    assert world.controller.due == due  # its word is awaited as before


@pytest.mark.parametrize("reason", NAMES.values(), ids=NAMES)
def test_a_verdict_with_no_sale_at_hand(world: ControllerWorld, reason: int) -> None:
    world.sync()
    world.hear(wire.VERDICT, wire.Verdict(NOWHERE, bytes(16), reason))
    assert (world.refusals(), world.sent()) == ([reasons.WRONG_SESSION], [])


def test_the_word_on_a_session_that_ended_without_a_result_is_no_surprise(
    world: ControllerWorld, handed: Purchase
) -> None:
    """The cashier cancelled while the receiver was still at it."""
    offer = world.sale.offer
    fact = decide(world.sale, Wish.CANCEL)
    assert fact is not None
    world.give(inputs.Decide(fact))
    assert world.controller.sale is None
    world.outputs.clear()
    world.judge(offer, handed.approval_id)
    assert world.kinds() == [effects.Acknowledge]


def test_the_session_that_ended_last_is_known_and_the_one_before_is_not(
    world: ControllerWorld,
) -> None:
    """A late word on the last one is no surprise; there is none of an older one."""
    world.sync()
    ended = []
    for sale_id in ("sale-number-0001", "sale-number-0002"):
        world.ring(sale_id)
        offer = world.offer()
        purchase = world.buy(offer)
        world.answer(purchase.approval_id, reasons.BUYER_BLOCKED)
        assert world.controller.sale is None
        ended.append((offer, purchase.approval_id))
    world.outputs.clear()
    (older, name), (last, last_name) = ended
    world.judge(last, last_name)
    assert world.refusals() == []
    world.judge(older, name)
    assert (world.refusals(), world.sent()) == ([reasons.WRONG_SESSION], [])


def credential(world: ControllerWorld, purchase: Purchase) -> None:
    """For an offer that was never made for this sale."""
    other = evidence.offer(RECEIVER, world.certificate, world.at, sequence=99)
    world.present(other, purchase.credential)


def approval(world: ControllerWorld, purchase: Purchase) -> None:
    """Another one of the same phone's: what was good before is called a replay."""
    data = world.purchase(world.sale.offer).approval
    world.hear(wire.APPROVAL, wire.ApprovalRecord(NOWHERE, LINK, data))


def proof(world: ControllerWorld, purchase: Purchase) -> None:
    """A receipt of the receiver's own, for what nothing here was accepted offline."""
    name = purchase.approval_id
    receipt = evidence.provisional(RECEIVER, world.certificate, name, world.at)
    world.hear(wire.PROVISIONAL, wire.ProvisionalRecord(NOWHERE, receipt))


@pytest.mark.parametrize("say", [credential, approval, proof])
def test_other_words_about_a_session_that_is_not_known(
    world: ControllerWorld, handed: Purchase, say: Callable[[ControllerWorld, Purchase], None]
) -> None:
    before = world.sale.state, world.controller.due
    say(world, handed)
    assert (world.refusals(), world.take(effects.Persist)) == ([reasons.WRONG_SESSION], [])
    assert (world.sale.state, world.controller.due) == before
    world.judge(world.sale.offer, handed.approval_id)
    assert world.sale.state is State.AUTHORISING
    assert identifiers.session_id(world.sale.offer) != NOWHERE


# Channels that a receiver may not use: known or not, well-formed or not, they move nothing.


@pytest.fixture
def asked(world: ControllerWorld) -> ControllerWorld:
    """A sale that the authority was asked about, under the reference that the samples name."""
    world.begin()
    world.hand(world.offer())
    world.outputs.clear()
    return world


SESSIONS = {wire.HEALTH, wire.TRACEBACK}  # which the session reads, not the controller


def test_every_channel_has_its_direction() -> None:
    assert {*TO_BRIDGE, *TO_RECEIVER, *BOTH_WAYS} == set(wire.LAYOUTS)


@pytest.mark.parametrize("channel", sorted({*TO_BRIDGE, *BOTH_WAYS} - SESSIONS))
def test_every_channel_of_a_receivers_is_understood(asked: ControllerWorld, channel: int) -> None:
    asked.give(inputs.MessageReceived(channel, b"?", asked.at))
    assert asked.refusals() != [reasons.WRONG_TYPE]


@pytest.mark.parametrize("channel", TO_RECEIVER)
def test_a_receiver_speaks_as_if_it_were_the_bridge(asked: ControllerWorld, channel: int) -> None:
    before = asked.sale.state, asked.controller.due
    asked.hear(channel, TO_RECEIVER[channel])
    assert (asked.refusals(), asked.kinds()) == ([reasons.WRONG_TYPE], [effects.Acknowledge])
    assert (asked.sale.state, asked.controller.due) == before
