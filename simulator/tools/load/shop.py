"""The surroundings of a load: an authority, many receivers with a phone each, and one bridge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

from receiver.protocol import pins
from simulator.authority import Authority
from simulator.authority.process import AuthorityProcess
from simulator.authority.storage.store import Store
from simulator.phone.wallet.wallet import Wallet
from simulator.world import enrolment
from simulator.world.bridge import PROGRAM, BridgeProcess, Place

from .board import HOST, Board

TIMEOUT_S = 10.0
TOLD_S = 60.0  # until every receiver is connected to bridge and authority, on a busy machine
_BOOKED = "SELECT state, count(*), sum(amount) FROM transactions GROUP BY state"


class LoadCounter(NamedTuple):
    """One till's place: the receiver, and the phone of its buyer."""

    till: int
    board: Board
    wallet: Wallet


class BookedSales(NamedTuple):
    """The number of transactions, and their sum in minor units."""

    sales: int
    amount: int


NO_SALES = BookedSales(0, 0)


class LoadShop(NamedTuple):
    """The counters; authority and bridge are separate processes."""

    counters: list[LoadCounter]
    authority: AuthorityProcess
    bridge: BridgeProcess

    def booked(self) -> dict[str, BookedSales]:
        """Return what the authority has in each state."""
        with closing(Store(self.authority.database)) as store:
            rows = store.rows(_BOOKED)
            return {state: BookedSales(count, amount) for state, count, amount in rows}


@asynccontextmanager
async def load_shop(
    directory: Path, receivers: int, program: Sequence[str] = PROGRAM
) -> AsyncIterator[LoadShop]:
    """Open a shop in which every receiver is connected to the bridge, which runs `program`."""
    async with Authority(directory / "authority") as books:  # here it takes less than over HTTP
        client = books.ca.client("bridge")
        buyer = books.seed_demo().buyers[0].id
        counters = [
            LoadCounter(
                number,
                Board(enrolment.new_receiver(books, client.fingerprint()).identity()),
                enrolment.new_phone_in_books(books, buyer),
            )
            for number in range(1, receivers + 1)
        ]
    bridge = BridgeProcess(directory / "bridge", program)
    async with AsyncExitStack() as stack:
        authority = await stack.enter_async_context(AuthorityProcess(directory / "authority"))
        for counter in counters:
            stack.callback((await counter.board.listen()).close)
        pinned = directory / "pins"
        pinned.write_bytes(pins.encode(authority.pins))
        places = [_place(directory, counter) for counter in counters]
        bridge.configure(authority, client, places, pins=pinned, timeout_s=TIMEOUT_S)
        stack.push_async_callback(bridge.stop)
        await bridge.start()
        async with asyncio.timeout(TOLD_S):
            for counter in counters:
                await counter.board.told.wait()
        yield LoadShop(counters, authority, bridge)


def _place(directory: Path, counter: LoadCounter) -> Place:
    certificate = directory / f"receiver-{counter.till}.cose"
    certificate.write_bytes(counter.board.identity.certificate_data)
    return Place(counter.till, f"socket://{HOST}:{counter.board.port}", certificate)
