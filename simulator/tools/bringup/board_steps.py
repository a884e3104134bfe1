"""Measure the board by itself: facts, boot, arithmetic, memory, line."""

from __future__ import annotations

import os
import time

from firmware.tools.board_line import BoardLine, BoardRefusedError
from firmware.tools.everyday import expected
from receiver import reasons
from receiver.link import frames, service_wire, wire
from receiver.protocol.firmware import MANIFEST_MOST

from .bench import Bench, identity, self_test
from .figures import BoardFigure, StepError

UP_S = 20.0
BAUD = 115_200
# Of the stop-and-wait bound: what a chip's UART driver and a USB bridge's latency may take.
SHARE_LEAST = 0.5
REFUSALS = 10  # messages of the longest kind: 20 kB on the line, two seconds
HEALTH_S = 1.5 * wire.HEALTH_MS / 1000


async def board(bench: Bench) -> list[BoardFigure]:
    """Who it is, and that it starts without a fault."""
    async with BoardLine(bench.url) as line:
        hello = await line.up(UP_S)
    bench.tell(
        f"{hello.board}, {hello.interpreter} {hello.interpreter_version}, firmware "
        f"{hello.firmware} {hello.firmware_hash.hex()}"
    )
    async with bench.in_service() as line:
        held = await identity(line)
    bench.tell(f"release {held.release} for {held.board_class}; till {held.till}")
    return [
        BoardFigure("crashes in a row", hello.crashes, "", most=0),
        BoardFigure("enrolled", bool(held.certificate), ""),
    ]


async def boot(bench: Bench) -> list[BoardFigure]:
    """From the order to start anew until HELLO, in service mode and selling."""
    async with BoardLine(bench.url) as line:
        await line.up(UP_S)
        found = []
        for name, service in (("start in service mode", True), ("start to sell", False)):
            began = time.monotonic()
            hello = await line.restart(service=service)
            took = (time.monotonic() - began) * 1000
            found.append(_boot(name, took))
        if hello.fault:
            raise StepError(f"it does not sell: {reasons.name(hello.fault)}")
    return found


def _boot(name: str, ms: float) -> BoardFigure:
    row = expected.BOOT["littlefs"]
    return BoardFigure(name, ms, "ms", row.ms, most=expected.BOOT_MS_MOST, source=row.source)


async def crypto(bench: Bench) -> list[BoardFigure]:
    """Known answers, and the time of each operation."""
    async with bench.in_service() as line:
        tested = await self_test(line)
    if tested.reason:
        raise StepError(f"the self-test fails: {reasons.name(tested.reason)}; flash the board anew")
    return [
        BoardFigure(
            row.name, getattr(tested, field), "ms", row.ms, most=row.most_ms, source=row.source
        )
        for field, row in expected.CRYPTO.items()
    ]


async def memory(bench: Bench) -> list[BoardFigure]:
    """What is free in service mode with the radio on, and after the start of what sells."""
    async with bench.in_service() as line:
        tested = await self_test(line)
        health = await _health(line)
    return [
        BoardFigure("free in service mode", tested.free, "bytes", least=expected.FREE_LEAST),
        BoardFigure("largest piece in service mode", tested.largest, "bytes", least=_PIECE),
        BoardFigure("free after the start", health.free, "bytes", least=expected.FREE_LEAST),
    ]


_PIECE = expected.LARGEST_LEAST


async def _health(line: BoardLine) -> wire.Health:
    """Let it sell, and wait for its first report."""
    await line.restart(service=False)
    report: wire.Health = await line.heard(wire.HEALTH, HEALTH_S)
    return report


async def serial(bench: Bench) -> list[BoardFigure]:
    """The longest messages to the board, as of an update: each is refused as no manifest."""
    async with bench.in_service() as line:
        before = dict(line.counters)
        began = time.monotonic()
        for _ in range(REFUSALS):
            await _refused(line)
        took = time.monotonic() - began
        spent = {name: line.counters[name] - before[name] for name in before}
    rate = REFUSALS * MANIFEST_MOST / took
    return [
        BoardFigure(
            "bytes a second to the board", rate, "B/s", bound(), least=SHARE_LEAST * bound()
        ),
        BoardFigure("repeated", spent["retransmits"], "", 0, most=expected.RETRANSMITS_MOST),
        BoardFigure("pieces of garbage", spent["garbage"], "", 0, most=0),
    ]


async def _refused(line: BoardLine) -> None:
    junk = wire.Blob(os.urandom(MANIFEST_MOST))
    try:
        await line.ask(service_wire.UPDATE, junk, service_wire.PROGRESS)
    except BoardRefusedError:
        return
    raise StepError("the board takes noise for a manifest: do not use this firmware")


def bound() -> float:
    """Return the payload a second of stop-and-wait: a full frame, and its acknowledgement."""
    payload = frames.FRAME_MAX - frames.FRAME_OVERHEAD
    return payload * BAUD / 10 / (frames.FRAME_MAX + frames.FRAME_OVERHEAD)
