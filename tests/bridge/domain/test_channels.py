"""Channels that a receiver may not use: known or not, well-formed or not, they move nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.domain import effects, inputs
from receiver import reasons
from receiver.link import wire
from tests.support.machines.controller import ControllerWorld
from tests.support.values.channels import BOTH_WAYS, TO_BRIDGE, TO_RECEIVER


@pytest.fixture
def world(tmp_path: Path) -> ControllerWorld:
    """A sale that the authority was asked about, under the reference that the samples name."""
    world = ControllerWorld(tmp_path)
    world.sync()
    world.ring()
    world.hand(world.offer())
    world.outputs.clear()
    return world


def test_every_channel_has_its_direction() -> None:
    assert {*TO_BRIDGE, *TO_RECEIVER, *BOTH_WAYS} == set(wire.LAYOUTS)


@pytest.mark.parametrize("channel", sorted({*TO_BRIDGE, *BOTH_WAYS} - {wire.HEALTH}))
def test_every_channel_of_a_receivers_is_understood(world: ControllerWorld, channel: int) -> None:
    """But for HEALTH, which is the session's."""
    world.give(inputs.MessageReceived(channel, b"?", world.at))
    assert world.refusals() != [reasons.WRONG_TYPE]


@pytest.mark.parametrize("channel", TO_RECEIVER)
def test_a_receiver_speaks_as_if_it_were_the_bridge(world: ControllerWorld, channel: int) -> None:
    before = world.sale.state, world.controller.due
    world.hear(channel, TO_RECEIVER[channel])
    assert world.refusals() == [reasons.WRONG_TYPE]
    assert [type(output) for output in world.outputs] == [effects.Acknowledge]
    assert (world.sale.state, world.controller.due) == before
