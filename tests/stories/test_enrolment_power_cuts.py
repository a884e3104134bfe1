"""The board loses its power in the middle of its enrolment; the same command mends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from receiver.crypto import host
from receiver.protocol import messages, pins, signed
from tests.support.shop.second_person import command
from tests.support.world.simulated_till import SimulatedTill

pytestmark = [pytest.mark.processes, pytest.mark.crashes, pytest.mark.long]

PARTS = 4  # each tries every fourth write, so that the cores share them
LEAST = 11  # writes: marks of both restarts, a key, an enrolment; else a cut was never tried
NEVER = 1_000_000  # writes, as many as no board does here


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[SimulatedTill]:
    async with SimulatedTill(tmp_path) as till:
        yield till


@pytest.mark.parametrize("first", range(1, PARTS + 1))
@pytest.mark.parametrize("blank", [True, False], ids=["new", "moved"])
async def test_a_power_cut_at_every_write_is_repaired_by_the_same_command(
    till: SimulatedTill, blank: bool, first: int
) -> None:
    """In the middle of each write and erasure of flash and NVS, from its first order to its HELLO.

    A new board each time, which writes 12 times; or one that is enrolled already and is moved,
    which writes 11 times.
    """
    number, dark, receiver_id = first, True, ""
    await till.hello()
    if not blank:
        assert await till.enrolled(await till.ticket()) == 0
        receiver_id = await sells(till)
    while dark:
        moved = {"purpose": "move", "receiver_id": receiver_id} if receiver_id else {}
        ticket = await till.ticket(**moved)
        decision = asyncio.create_task(till.person.decides())
        till.board.cut_power_at_write(number)
        dark = await till.enrol_until_dark(ticket)
        if dark:
            assert till.board.writes_left() is None
            await till.board.power_up()
            assert await asyncio.to_thread(command(*till.enrolment(ticket))) == 0
        else:
            till.board.cut_power_at_write(NEVER)
        await decision
        receiver_id = await sells(till)
        number += PARTS
        if blank and dark:
            receiver_id = ""
            await till.blank()
    assert number - PARTS > LEAST  # the first of this part that no write reached


async def sells(till: SimulatedTill) -> str:
    """Check that the board sells with what was given to it; return its receiver id."""
    hello, stored = await till.hello(), till.stored()
    certificate = signed.parse(messages.CERTIFICATE, stored.certificate).value
    assert (hello.receiver_id, hello.fault) == (certificate.receiver_id, 0)
    assert host.ed25519_public(stored.seed) == certificate.key
    assert stored.pins == pins.encode(till.authority.pins)
    found: bytes = hello.receiver_id
    return found.hex()
