"""Channels that the bridge may not use: well-formed or not, they change nothing at the receiver."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.core import io, receiver
from receiver.link import wire
from tests.support.machines.receiver import Phone, World
from tests.support.values.channels import BOTH_WAYS, TO_BRIDGE, TO_RECEIVER


def test_every_order_has_its_channel() -> None:
    assert set(receiver._ORDERS) == {*TO_RECEIVER, *BOTH_WAYS}


@pytest.mark.parametrize("channel", TO_BRIDGE)
def test_a_bridge_speaks_as_if_it_were_a_receiver(world: World, channel: int) -> None:
    world.open()
    Phone(world).connect().approve()
    before, mark = world.sale.state, len(world.outputs)
    payload = wire.encode(channel, TO_BRIDGE[channel])
    world.feed(io.WireMessage(channel, payload))
    assert world.counters == {reasons.WRONG_TYPE: 1}
    assert [type(output) for output in world.outputs[mark:]] == [io.LogLine]
    assert world.sale.state == before
    world.result()
    assert world.counters == {reasons.WRONG_TYPE: 1}


@pytest.mark.parametrize("channel", [0, 8, 15, 23, 33, 255])
def test_a_channel_that_does_not_exist(world: World, channel: int) -> None:
    world.feed(io.WireMessage(channel, b"\xa0"))
    assert world.counters == {reasons.WRONG_TYPE: 1}
