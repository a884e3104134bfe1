"""What a soak runs in: real processes for authority, bridge, lines and receivers, and one air."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

from bridge import config
from simulator.authority import Authority, offline, people
from simulator.authority.limits import Limits
from simulator.authority.process import AuthorityProcess
from simulator.line.client import LineProcess
from simulator.line.config import Config as LineConfig
from simulator.phone import authority as app
from simulator.phone.buyer import DEMO_CODE
from simulator.radio.server import Radio
from simulator.till import Till
from simulator.world import enrolment
from simulator.world.bridge import BridgeProcess, Place

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.phone.wallet import Wallet

# What may be sold without the authority: nearly everything, but not for long.
OFFLINE = Limits(floor=40_000, total=500_000, sales=20, hours=1)
TIMEOUT_S = 2.0  # of the bridge towards the authority: a cashier waits no longer than some of them
UP_S = 60.0  # until all receivers are there, on a busy machine


class Counter(NamedTuple):
    """One till's place: its receiver, the receiver's line, and whose phone comes there."""

    till: int
    receiver: enrolment.Enrolled
    line: LineProcess
    wallet: Wallet


class Shop:
    """An async context manager: everything is up, and every receiver has been heard."""

    def __init__(self, directory: Path, tills: int, database: str | None = None) -> None:
        self.directory = directory
        self._database = database
        self.authority: AuthorityProcess
        self.bridge = BridgeProcess(directory / "bridge")
        self.radio = Radio()
        self.counters: list[Counter] = []
        self._tills = tills
        self._stack = AsyncExitStack()

    @property
    def receivers(self) -> dict[int, bytes]:
        """Receiver id by till."""
        return {counter.till: counter.receiver.receiver_id for counter in self.counters}

    @property
    def journal(self) -> Path:
        return config.load(self.bridge.config).journal

    @property
    def bridge_id(self) -> bytes:
        return config.load(self.bridge.config).id

    async def __aenter__(self) -> Shop:
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _open(self, stack: AsyncExitStack) -> None:
        directory = self.directory / "authority"
        await stack.enter_async_context(self.radio)
        # In here it takes far less than over HTTP.
        async with Authority(directory, database=self._database) as books:
            client = books.ca.client("bridge")
            anna = books.seed_demo().buyers[0].id
            books.office.store.run("UPDATE buyers SET offline_floor = ?", OFFLINE.floor)
            for till in range(1, self._tills + 1):
                self.counters.append(
                    await self._counter(stack, books, client.fingerprint(), anna, till)
                )
        self.authority = await stack.enter_async_context(
            AuthorityProcess(directory, self._database)
        )
        for counter in self.counters:
            counter.wallet.authority = self.authority.url
        places = [
            Place(counter.till, counter.line.serial, counter.receiver.certificate)
            for counter in self.counters
        ]
        pins = self.counters[0].receiver.directory / "pins"
        self.bridge.configure(
            self.authority, client, places, pins=pins, timeout_s=TIMEOUT_S, offline=True
        )
        stack.push_async_callback(self.bridge.stop)
        await self.bridge.start()
        await self._all_up()

    async def _counter(
        self, stack: AsyncExitStack, books: Authority, client: str, buyer: int, till: int
    ) -> Counter:
        directory = self.directory / f"receiver-{till}"
        receiver = enrolment.enrol(books, directory, client)
        office = books.office
        offline.set_limits(office.store, receiver.receiver_id, OFFLINE, office.now())
        place = await self.radio.receiver(receiver.receiver_id)
        command = enrolment.command(receiver, place.endpoint, None)
        line = await LineProcess.start(
            LineConfig(
                serial=str(directory / "tty"),
                control=str(directory / "control"),
                argv=command.argv,
                log=str(directory / "receiver.log"),
                cwd=command.cwd,
                env=command.env,
            )
        )
        await stack.enter_async_context(line)
        word = people.add_activation(books.office.store, buyer)
        ca = books.ca.certificate
        wallet = await app.enrol(books.url, ca, word, DEMO_CODE)
        return Counter(till, receiver, line, wallet)

    async def _all_up(self) -> None:
        async with (
            asyncio.timeout(UP_S),
            Till(self.bridge.till_api) as till,
            till.watch() as events,
        ):
            while not all(receiver["up"] for receiver in await till.receivers()):
                await anext(events)
