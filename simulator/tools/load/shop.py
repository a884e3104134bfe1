"""The surroundings of a load: an authority, many receivers with a phone each, and one bridge."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from receiver.protocol import pins
from simulator.authority import Authority
from simulator.authority.process import AuthorityProcess
from simulator.authority.storage.store import Store
from simulator.crypto.pki import Identity as TlsIdentity
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


class LoadShop:
    """An async context manager: everything is up, and every receiver is connected to the bridge.

    The authority and the bridge (`program`) are separate processes.
    """

    def __init__(self, directory: Path, receivers: int, program: Sequence[str] = PROGRAM) -> None:
        self.counters: list[LoadCounter] = []
        self.bridge = BridgeProcess(directory / "bridge", program)
        self.authority: AuthorityProcess
        self._directory = directory
        self._receivers = receivers
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> LoadShop:
        async with AsyncExitStack() as stack:
            directory = self._directory / "authority"
            async with Authority(directory) as books:  # here it takes far less than over HTTP
                client = books.ca.client("bridge")
                self._enrol(books, client.fingerprint())
            self.authority = await stack.enter_async_context(AuthorityProcess(directory))
            for counter in self.counters:
                stack.callback((await counter.board.listen()).close)
            self._configure(client)
            stack.push_async_callback(self.bridge.stop)
            await self.bridge.start()
            async with asyncio.timeout(TOLD_S):
                for counter in self.counters:
                    await counter.board.told.wait()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def booked(self) -> dict[str, BookedSales]:
        """Return what the authority has in each state."""
        store = Store(self.authority.database)
        try:
            rows = store.rows(
                "SELECT state, count(*), sum(amount) FROM transactions GROUP BY state"
            )
            return {state: BookedSales(count, amount) for state, count, amount in rows}
        finally:
            store.close()

    def _enrol(self, books: Authority, client: str) -> None:
        buyer = books.seed_demo().buyers[0].id
        for number in range(1, self._receivers + 1):
            board = Board(enrolment.new_receiver(books, client).identity())
            phone = enrolment.new_phone_in_books(books, buyer)
            self.counters.append(LoadCounter(number, board, phone))

    def _configure(self, client: TlsIdentity) -> None:
        pinned = self._directory / "pins"
        pinned.write_bytes(pins.encode(self.authority.pins))
        places = []
        for till, board, _ in self.counters:
            certificate = self._directory / f"receiver-{till}.cose"
            certificate.write_bytes(board.identity.certificate_data)
            places.append(Place(till, f"socket://{HOST}:{board.port}", certificate))
        self.bridge.configure(self.authority, client, places, pins=pinned, timeout_s=TIMEOUT_S)
