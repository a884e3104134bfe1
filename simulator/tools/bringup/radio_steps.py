"""Measure the board in the air, as this computer's Bluetooth hears it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise

from bleak import BleakClient
from bleak.backends.device import BLEDevice

from firmware.tools.board_line import BoardLine
from firmware.tools.everyday import air, expected
from firmware.tools.everyday.air import HeardTill
from receiver.protocol import gatt

from . import radio_option
from .bench import Bench
from .figures import BoardFigure, SkippedError, StepError

LISTEN_S = 5.0  # 33 advertisements of an idle till, of which adapters hear a third
UP_S = 20.0
LINK_S = 20.0  # four connections one after the other, on a busy channel
IDLE_MS = gatt.ADVERTISE_IDLE_US / 1000
HEARD_MS = (LISTEN_S * 1000) / 3  # an adapter that hears one in ten still hears two a second


async def advertising(bench: Bench) -> list[BoardFigure]:
    """How often it is heard while idle, and how loud."""
    async with _till(bench) as (heard, _):
        gaps = [(after - before) * 1000 for before, after in pairwise(sorted(heard.times))]
    if not gaps:
        raise StepError("heard once only: hold the computer closer")
    return [
        BoardFigure("shortest interval heard", min(gaps), "ms", IDLE_MS, most=HEARD_MS),
        BoardFigure("middle interval heard", sorted(gaps)[len(gaps) // 2], "ms", IDLE_MS),
        BoardFigure("advertisements heard", len(heard.times), "", LISTEN_S * 1000 / IDLE_MS),
        BoardFigure("signal", heard.strength, "dBm", least=expected.DBM_LEAST),
    ]


async def links(bench: Bench) -> list[BoardFigure]:
    """Four connections at once, each of which reads the certificate."""
    if bench.radio == radio_option.COMPUTER:
        raise SkippedError(
            "one adapter holds one link to a till: connect four phones by hand, and look at "
            "`links` of HEALTH in `tillsign receiver monitor`"
        )
    async with _till(bench) as (heard, _), AsyncExitStack() as stack:
        read = [await _linked(stack, bench, heard.device) for _ in range(gatt.LINKS_MOST)]
    if len(set(read)) != 1:
        raise StepError("the links read different certificates")
    return [BoardFigure("links at once", len(read), "", gatt.LINKS_MOST, least=gatt.LINKS_MOST)]


async def _linked(stack: AsyncExitStack, bench: Bench, device: BLEDevice) -> bytes:
    """Connect one more phone, and keep it connected; return what it reads."""
    radio = await stack.enter_async_context(radio_option.adapter(bench.radio))
    client = BleakClient(device, backend=radio.client)
    async with asyncio.timeout(LINK_S):
        await stack.enter_async_context(client)
        return bytes(await client.read_gatt_char(gatt.CERTIFICATE))


@asynccontextmanager
async def _till(bench: Bench) -> AsyncIterator[tuple[HeardTill, BoardLine]]:
    """Give the strongest till in the air, while the board's line is held: it is the board.

    Raises SkippedError where this computer has no adapter.
    """
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(BoardLine(bench.url))
        await line.up(UP_S)
        radio = await stack.enter_async_context(radio_option.adapter(bench.radio))
        try:
            heard = await air.listen(air.Adapter(radio.scanner, radio.client), LISTEN_S)
        except air.NoAdapterError as error:
            raise SkippedError(str(error)) from error
        if not heard:
            raise StepError("not in the air: is the radio's antenna connected?")
        yield heard[0], line
