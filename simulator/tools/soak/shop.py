"""The surroundings of a soak: real processes for authority, bridge, lines, receivers; one air."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bridge.config import configuration
from simulator.authority import Authority
from simulator.authority.accounts import offline
from simulator.authority.accounts.limits import Limits
from simulator.authority.process import AuthorityProcess
from simulator.hardware.radio.server import Radio
from simulator.hardware.serial_line.client import LineProcess
from simulator.hardware.serial_line.config import Config as LineConfig
from simulator.phone.wallet.wallet import Wallet
from simulator.world import enrolment
from simulator.world.bridge import BridgeProcess, Place
from simulator.world.enrolment import ReceiverFolder
from simulator.world.receiver_command import command
from simulator.world.till import Till

# The limits without the authority: nearly everything, but not for long.
OFFLINE = Limits(floor=40_000, total=500_000, sales=20, hours=1)
TIMEOUT_S = 2.0  # of the bridge towards the authority: some cashiers wait no longer
LEASE_S = 2  # of a journal at the authority: a restored one is served soon
UP_S = 60.0  # until all receivers are connected, on a busy machine


@dataclass
class Counter:
    """One till's place: number, receiver and line, which may change, and its buyer's phone.

    `busy` is held while its line or receiver is handled.
    """

    number: int
    receiver: ReceiverFolder
    line: LineProcess
    wallet: Wallet
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class Shop:
    """An async context manager: everything is up, and every receiver is connected."""

    def __init__(
        self, directory: Path, tills: int, database: str | None = None, spares: int = 0
    ) -> None:
        """Set up; `spares`: receivers that are enrolled but have no place yet."""
        self.directory = directory
        self._database = database
        self.authority: AuthorityProcess
        self.bridge = BridgeProcess(directory / "bridge")
        self.radio = Radio()
        self.counters: list[Counter] = []
        self._tills = tills
        self._spares = spares
        self._drawer: list[ReceiverFolder] = []
        self._stack = AsyncExitStack()

    @property
    def journal(self) -> Path:
        return configuration.load(self.bridge.config).journal

    @property
    def bridge_id(self) -> bytes:
        return configuration.load(self.bridge.config).id

    async def __aenter__(self) -> Shop:
        async with self._stack as stack:
            await self._open()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def renumber(self, counter: Counter) -> None:
        """Give a till a new number from the bridge's next start on."""
        counter.number += self._tills  # no other till has it
        self._place()

    async def exchange(self, counter: Counter) -> None:
        """Replace the receiver by a new one, for the bridge's next start."""
        async with counter.busy:
            await counter.line.stop()
            counter.receiver = self._drawer.pop()
            counter.line = await self._line(counter.receiver)
        self._place()

    async def _open(self) -> None:
        directory, stack = self.directory / "authority", self._stack
        await stack.enter_async_context(self.radio)
        # In this process it takes far less than over HTTP.
        async with Authority(directory, database=self._database) as books:
            client = books.ca.client("bridge")
            anna = books.seed_demo().buyers[0].id
            books.office.store.run("UPDATE buyers SET offline_floor = ?", OFFLINE.floor)
            for number in range(1, self._tills + self._spares + 1):
                self._drawer.append(self._enrol(books, client.fingerprint(), number))
            for till in range(1, self._tills + 1):
                self.counters.append(await self._counter(books, anna, till))
        self.authority = await stack.enter_async_context(
            AuthorityProcess(directory, self._database, lease_s=LEASE_S)
        )
        for counter in self.counters:
            counter.wallet.authority = self.authority.url
        pins = self.counters[0].receiver.pins
        self.bridge.configure(
            self.authority, client, (), pins=pins, timeout_s=TIMEOUT_S, offline=True
        )
        self._place()
        stack.push_async_callback(self.bridge.stop)
        await self.bridge.start()
        await self._all_up()

    def _place(self) -> None:
        self.bridge.place(
            Place(counter.number, counter.line.serial, counter.receiver.certificate)
            for counter in self.counters
        )

    def _enrol(self, books: Authority, client: str, number: int) -> ReceiverFolder:
        receiver, office = enrolment.new_receiver(books, client), books.office
        offline.set_limits(office.store, receiver.receiver_id, OFFLINE, office.now())
        return receiver.keep_in(self.directory / f"receiver-{number}")

    async def _counter(self, books: Authority, buyer: int, till: int) -> Counter:
        receiver = self._drawer.pop()
        line = await self._line(receiver)
        return Counter(till, receiver, line, await enrolment.new_phone(books, buyer))

    async def _line(self, receiver: ReceiverFolder) -> LineProcess:
        place = await self.radio.receiver(receiver.receiver_id)
        directory = receiver.directory
        start = command(directory, place.endpoint)
        line = LineProcess(
            LineConfig(
                serial=str(directory / "tty"),
                control=str(directory / "control"),
                argv=start.argv,
                log=str(directory / "receiver.log"),
                cwd=start.cwd,
                env=start.env,
            )
        )
        return await self._stack.enter_async_context(line)

    async def _all_up(self) -> None:
        async with (
            asyncio.timeout(UP_S),
            Till(self.bridge.till_api) as till,
            till.watch() as events,
        ):
            while not all(receiver["up"] for receiver in await till.receivers()):
                await anext(events)
