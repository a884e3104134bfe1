"""Two links over a lossy wire: everything arrives once and in order, and reboots are told."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.link import link, link_states
from receiver.link.link import Log, Message, Up
from tests.support.machines.link_pair import HOSTILE, Faults, World, downs, up_world, ups


@pytest.fixture
def world() -> World:
    return up_world()


def test_both_ends_come_up_once_and_know_each_other(world: World) -> None:
    world.run("idle")
    assert ups(world.device) == [Up(b"end 1", True)]
    assert ups(world.host) == [Up(b"end 0", True)]


def test_an_idle_link_is_silent(world: World) -> None:
    for end in world.ends:
        end.link.transmit(world.now)
        assert end.link.deadline() is None
        assert end.link.transmit(world.now) == b""


@pytest.mark.parametrize("delay", [0, 30, 400])
def test_a_host_finds_a_device_that_runs_already(delay: int) -> None:
    world = up_world(faults=Faults(delay=delay))
    world.host.boot()
    world.run()
    world.run("idle")
    assert downs(world.device) == [link.REBOOTED]
    assert ups(world.host)[-1] == Up(b"end 0", True)


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_both_ends_come_up_over_any_wire(seed: int) -> None:
    up_world(seed, HOSTILE)


@pytest.mark.parametrize("size", [0, 1, 173, 177, 178, 237, 241, 242, 500, 2044])
def test_messages_of_every_length_arrive_whole(size: int, world: World) -> None:
    for end in world.ends:
        end.send(size)
    world.run("idle")
    for end in world.ends:
        [message] = [event for event in end.events if isinstance(event, Message)]
        assert message.channel == 1 - end.side
        assert message.payload == bytes(4 + size)


@pytest.mark.parametrize("seed", range(25))
def test_exactly_once_in_order_over_a_hostile_wire(seed: int) -> None:
    world = World(seed, HOSTILE)
    dice = random.Random(seed)
    while world.device.sent + world.host.sent < 80:
        for end in world.ends:
            end.patience = 300
            if dice.random() < 0.2:
                end.send(dice.choice([0, 30, 170, 180, 400]))
        if dice.random() < 0.02:
            world.wires[dice.randrange(2)].cut(world.now, dice.randrange(12_000))
        world.turn()
    world.run("idle")
    for end, peer in ((world.device, world.host), (world.host, world.device)):
        assert peer.accepted == end.delivered == list(range(end.sent))
        assert not end.lost
        assert not end.link.counters["strange"]


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_taken_twice_when_ends_reboot(seed: int) -> None:
    """Each message is delivered, lost, or died with its sender; none is accepted twice."""
    world = World(seed, HOSTILE)
    dice = random.Random(seed)
    while world.device.sent + world.host.sent < 80:
        for end in world.ends:
            end.patience = 300
            if dice.random() < 0.2:
                end.send(dice.choice([0, 30, 400]))
            if dice.random() < 0.01:
                end.boot()
        world.turn()
    world.run("idle")
    for end, peer in ((world.device, world.host), (world.host, world.device)):
        taken = peer.accepted
        assert taken == sorted(set(taken))
        assert set(end.delivered) <= set(taken)
        assert end.delivered == sorted(set(end.delivered))
        assert not set(end.delivered) & set(end.lost)
        died = {number for (boot, _), number in end.numbers.items() if boot < end.boots}
        assert {*end.delivered, *end.lost} | died == set(range(end.sent))


def test_a_cut_repeats_what_was_in_flight(world: World) -> None:
    """The same boots after a long silence: the sequence goes on, nothing is lost."""
    world.host.send(400)
    for way in world.wires:
        way.cut(world.now, 15_000)
    world.run("idle")
    assert downs(world.host) == [link.SILENT]
    assert [up.fresh for up in ups(world.host)] == [True, False]
    assert world.device.accepted == [0]


def test_a_rebooted_device_costs_the_messages_for_the_old_one(world: World) -> None:
    world.host.send()
    world.host.send()
    world.device.boot()
    world.run("idle")
    assert downs(world.host) == [link.REBOOTED]
    assert world.host.lost == [0, 1]
    assert world.host.link.counters["resets"] == 1
    assert [up.fresh for up in ups(world.host)] == [True, True]


def test_what_is_sent_before_the_first_hello_waits_for_it() -> None:
    world = World()
    world.host.send()
    world.run("idle")
    assert world.device.accepted == [0]


def test_a_line_opened_anew_begins_anew(world: World) -> None:
    world.host.send(400)
    world.host.link.cut()
    assert world.host.link.state == link_states.SEEKING
    world.run("idle")
    assert downs(world.host) == [link.CLOSED]
    assert world.device.accepted == [0]
    assert not downs(world.device)


def test_a_log_line_is_cut_and_never_acknowledged(world: World) -> None:
    world.device.link.log(bytes(300))
    world.run("idle")
    world.turn()
    world.turn()
    assert Log(bytes(link.LOG_MAX)) in world.host.events
    assert not any(end.link.counters["retransmits"] for end in world.ends)
