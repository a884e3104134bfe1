"""A sale with four phones at a board of a chip's memory, through the real bridge and authority.

All four send key and credential and wait at the code; one types it and pays. What it cost is what
the machine counted meanwhile (`simulator/hardware/rv32/port/stats.c`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, suppress

import msgspec

from receiver.protocol import gatt
from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.conversation.events import Act, Code, View
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.world.receiver_command import Chip
from simulator.world.world import Settings, World

AMOUNT = 100  # so that no limit ends a thousand sales
BOOT_S = 20.0  # from the start of the process to HELLO: seconds of an instruction-counting QEMU
SALE_S = 40.0  # for four phones
PATIENCE_S = 15  # of the till: a board without memory for it leaves the sale open
_LOOK_S = 0.02  # between two looks at the machine's file, which nothing announces


class Stats(msgspec.Struct):
    """The machine's figures since its start: thousands of instructions, bytes, and counts."""

    boot: int
    longest_turn: int
    longest_turn_collecting: int
    collection: int
    collections: int
    collections_in_a_turn: int
    allocations: int
    failed: int
    live: int
    pool_least: int
    native: int


class BoardError(Exception):
    """The board does not come up in this memory, or does not sell; the text says which."""


class _Waiting(Buyer):
    """A buyer who types the code when told to."""

    comes_again = False

    def __init__(self) -> None:
        super().__init__()
        self.waits = asyncio.Event()  # at the code
        self.types = asyncio.Event()

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        async for act in super().act(view):
            if isinstance(act, Code):
                self.waits.set()
                await self.types.wait()
            yield act


async def sell(
    chip: Chip, sales: int = 1, tell: Callable[[Stats], object] = bool
) -> tuple[Stats, Stats]:
    """Sell; return the figures before and after; raises BoardError. `tell` hears those of each."""
    async with World(Settings(rate=0, chip=chip)) as world:
        await _in_one_life(world, world.receiver_up(), BOOT_S)
        wallets = [await world.new_wallet() for _ in range(gatt.LINKS_MOST)]
        before = after = await _stats(world)
        async with AsyncExitStack() as stack:
            near = [phone_radio(world.radio.phones) for _ in wallets]
            radios = [await stack.enter_async_context(radio) for radio in near]
            phones = [PhoneApp(*pair) for pair in zip(wallets, radios, strict=True)]
            for _ in range(sales):
                await _in_one_life(world, _sale(world, phones), SALE_S)
                after = await _stats(world)
                tell(after)
        return before, after


async def _in_one_life(
    world: World, work: Coroutine[object, object, object], most_s: float
) -> None:
    """Do it, unless the board is reset meanwhile or it takes longer; raises BoardError."""
    assert world.line is not None
    doing = asyncio.create_task(work)
    try:
        async with asyncio.timeout(most_s):
            while not doing.done():
                if (await world.line.ask("status"))["boots"] > 1:
                    raise BoardError("it was reset")
                await asyncio.wait({doing}, timeout=_LOOK_S)
            await doing
    except TimeoutError as error:
        raise BoardError(f"no end within {most_s} s") from error
    finally:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)


async def _sale(world: World, phones: list[PhoneApp]) -> None:
    sale = await world.till.ring_up(AMOUNT, patience_s=PATIENCE_S)
    buyers = [_Waiting() for _ in phones]
    visits = [
        asyncio.create_task(phone.buy(buyer)) for phone, buyer in zip(phones, buyers, strict=True)
    ]
    try:
        for buyer in buyers:
            await buyer.waits.wait()
        buyers[0].types.set()
        final = await world.till.outcome(sale["sale_id"])
        if final["state"] != "approved":
            raise BoardError(f"the sale is {final['state']}: {final['reason']}")
        await world.till.paid(sale["sale_id"])
        for buyer in buyers[1:]:
            buyer.types.set()  # too late: they are told so
        await asyncio.gather(*visits)
    finally:
        for visit in visits:
            visit.cancel()
        await asyncio.gather(*visits, return_exceptions=True)


async def _stats(world: World) -> Stats:
    """Return the figures of a machine at rest, which writes them before it sleeps."""
    path = world.receiver.directory / "stats.json"
    last = b""
    while True:
        with suppress(FileNotFoundError, msgspec.DecodeError):
            now = path.read_bytes()
            found = msgspec.json.decode(now, type=Stats)
            if now == last:
                return found
            last = now
        await asyncio.sleep(_LOOK_S)
