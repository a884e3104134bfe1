"""Cut the power while the board writes its store, by a person's hand; nothing may be lost."""

from __future__ import annotations

import asyncio

from firmware.tools.board_line import BoardLine, BoardLineError
from receiver import reasons

from .bench import AtHand, Bench, identity, self_test
from .figures import BoardFigure, SkippedError, StepError

HAND_S = 120.0  # for a person to read, find the plug and pull it
UP_S = 30.0  # from the plug to HELLO, with waits after crashes in a row


async def power_cuts(bench: Bench) -> list[BoardFigure]:
    """Let it write without end, and have it unplugged; each time it must be as before."""
    if bench.person is None:
        raise SkippedError("it needs a person who pulls the plug: leave out --no-person")
    lost = 0
    async with BoardLine(bench.url) as line:
        try:
            await line.into_service()
            before = await identity(line)
            for number in range(bench.cuts):
                await _cut(line, bench.person, f"{number + 1} of {bench.cuts}")
                await line.into_service(UP_S)
                lost += await identity(line) != before
                await _writes(line)
        finally:
            await line.restart(service=False)
    return [
        BoardFigure("power cuts", bench.cuts, ""),
        BoardFigure("cuts that lost something", lost, "", 0, most=0),
    ]


async def _cut(line: BoardLine, person: AtHand, number: str) -> None:
    """Write until the board is gone, and wait until it is back."""
    await person.ask(f"cut {number}: unplug the board now, while it writes")
    try:
        async with asyncio.timeout(HAND_S):
            while True:
                await self_test(line)
    except TimeoutError:
        raise StepError(f"cut {number}: it was not unplugged within {HAND_S:g} s") from None
    except BoardLineError:
        pass  # it is gone
    await person.ask(f"cut {number}: plug it in again")
    await line.up(HAND_S)


async def _writes(line: BoardLine) -> None:
    tested = await self_test(line)
    if tested.reason:
        raise StepError(f"after a power cut its self-test fails: {reasons.name(tested.reason)}")
