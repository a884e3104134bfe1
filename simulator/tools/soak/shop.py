"""The surroundings of a soak: real processes for authority, bridge, lines, receivers; one air."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
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


@dataclass
class Shop:
    """The counters and processes; receivers in the drawer are enrolled but have no place yet."""

    directory: Path
    radio: Radio
    authority: AuthorityProcess
    bridge: BridgeProcess
    stack: AsyncExitStack  # closes what is added later
    drawer: list[ReceiverFolder]
    counters: list[Counter] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        return configuration.load(self.bridge.config).journal

    @property
    def bridge_id(self) -> bytes:
        return configuration.load(self.bridge.config).id

    async def renumber(self, counter: Counter) -> None:
        """Give a till a new number from the bridge's next start on."""
        counter.number += len(self.counters)  # no other till has it
        self.place()

    async def exchange(self, counter: Counter) -> None:
        """Replace the receiver by a new one, for the bridge's next start."""
        async with counter.busy:
            await counter.line.stop()
            counter.receiver = self.drawer.pop()
            counter.line = await self.line(counter.receiver)
        self.place()

    def place(self) -> None:
        """Write the counters into the bridge's configuration."""
        self.bridge.place(
            Place(counter.number, counter.line.serial, counter.receiver.certificate)
            for counter in self.counters
        )

    async def line(self, receiver: ReceiverFolder) -> LineProcess:
        """Start a receiver behind its line."""
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
        return await self.stack.enter_async_context(line)


@asynccontextmanager
async def open_shop(directory: Path, tills: int, spares: int) -> AsyncIterator[Shop]:
    """Open a shop in which every receiver is connected; `spares` more lie in the drawer."""
    at = directory / "authority"
    async with Authority(at) as books:  # in this process it takes far less than over HTTP
        client = books.ca.client("bridge")
        anna = books.seed_demo().buyers[0].id
        books.office.store.run("UPDATE buyers SET offline_floor = ?", OFFLINE.floor)
        drawer = [
            _enrol(books, client.fingerprint(), directory / f"receiver-{number}")
            for number in range(1, tills + spares + 1)
        ]
        wallets = [await enrolment.new_phone(books, anna) for _ in range(tills)]
    bridge = BridgeProcess(directory / "bridge")
    async with AsyncExitStack() as stack:
        radio = await stack.enter_async_context(Radio())
        authority = await stack.enter_async_context(AuthorityProcess(at, lease_s=LEASE_S))
        shop = Shop(directory, radio, authority, bridge, stack, drawer)
        for number, wallet in enumerate(wallets, 1):
            wallet.authority = authority.url
            receiver = drawer.pop()
            line = await shop.line(receiver)
            shop.counters.append(Counter(number, receiver, line, wallet))
        pins = shop.counters[0].receiver.pins
        bridge.configure(authority, client, (), pins=pins, timeout_s=TIMEOUT_S, offline=True)
        shop.place()
        stack.push_async_callback(bridge.stop)
        await bridge.start()
        await _all_up(bridge)
        yield shop


def _enrol(books: Authority, client: str, directory: Path) -> ReceiverFolder:
    receiver, office = enrolment.new_receiver(books, client), books.office
    offline.set_limits(office.store, receiver.receiver_id, OFFLINE, office.now())
    return receiver.keep_in(directory)


async def _all_up(bridge: BridgeProcess) -> None:
    async with (
        asyncio.timeout(UP_S),
        Till(bridge.till_api) as till,
        till.watch() as events,
    ):
        while not all(receiver["up"] for receiver in await till.receivers()):
            await anext(events)
