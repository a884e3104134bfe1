"""What the steps of a bring-up work with: the board's port, a radio, and perhaps a person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from firmware.tools.board_line import BoardLine
from receiver.link import service_wire

SALES = 100
CUTS = 5  # of the power: a person's patience; the simulated board is cut at every write
SELF_TEST_S = 30.0  # four operations of a second each on the slowest board, and the radio

Tell = Callable[[str], None]


class AtHand(Protocol):
    """The person at the board, who is asked to do something and needs not answer."""

    async def ask(self, what: str) -> None: ...


@dataclass(frozen=True)
class Bench:
    """`radio` is what `radio_option` knows. Without a person, steps that need one are skipped."""

    url: str
    radio: str
    tell: Tell
    person: AtHand | None
    sales: int = SALES
    cuts: int = CUTS

    @asynccontextmanager
    async def in_service(self) -> AsyncIterator[BoardLine]:
        """Give the line to the board in service mode; let it sell again, whatever happens."""
        async with BoardLine(self.url) as line:
            try:
                await line.into_service()
                yield line
            finally:
                await line.restart(service=False)


async def identity(line: BoardLine) -> service_wire.Identity:
    """Read what is in the board's store and is no secret."""
    question = (service_wire.READ, service_wire.Read(), service_wire.IDENTITY)
    found: service_wire.Identity = await line.ask(*question)
    return found


async def self_test(line: BoardLine) -> service_wire.Tested:
    """Let the board test itself."""
    question: tuple[int, Any, int] = (
        service_wire.SELF_TEST,
        service_wire.SelfTest(),
        service_wire.TESTED,
    )
    tested: service_wire.Tested = await line.ask(*question, within_s=SELF_TEST_S)
    return tested
