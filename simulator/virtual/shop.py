"""A store in virtual time: the real bridge and its receivers, the authority, the tills.

Its process is the store's: `clock` has to be on, and the firmware's modules work on the boards.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bridge.books.event_bus import EventBus
from bridge.domain.receipts import Receipts
from bridge.domain.verification import Evidence
from bridge.journal import Journal
from bridge.sales.journal_standing import Phase
from bridge.sales.receiver_session import ReceiverSetup
from bridge.sales.sale_service import Service
from receiver.crypto import host
from receiver.protocol.enrolment import STORED_NAME
from simulator.authority.keys import Keys
from simulator.authority.storage.schema import PENDING, POSTED
from simulator.authority.storage.store import Store as Books
from simulator.phone.wallet.wallet import BATCH, Wallet

from . import enrolled, scratch
from .authority import VirtualAuthority
from .board import NonVolatile, VirtualBoard
from .bridge_client import BridgeClient
from .enrolled import Enrolled, RegisteredBuyers
from .interpreter import micropython
from .line import VirtualLine
from .memos import remembered
from .phone_client import PhoneClient
from .till import VirtualSale, VirtualTill

if TYPE_CHECKING:
    from simulator.authority.accounts.people import Phone
    from simulator.hardware.radio.model.chip import ChipProfile

    from .board import BoardRadio

BRIDGE_ID = b"bridge01"
CLIENT = "client"  # the bridge's certificate, as the books name it
CREDIT = 10**12  # öre for all buyers together: no run uses it up
BUYER_LIMIT = 500_000  # of one purchase
OFFLINE_FLOOR = 50_000  # so that phones keep their credentials, as in a chain that sells offline
AUTHORITY_MS = 20.0  # one way over a store's fixed line: estimate
PHONE_MS = 40.0  # one way over a mobile network, half of a usual 4G round trip: estimate
OPEN_MOST_S = 30.0  # for all receivers to boot, greet and get the time
LOOK_S = 0.02
DRAIN_S = 1.0


class VirtualShop:
    """One store; `open` it inside of its loop, `close` it in the end, or `async with` it."""

    def __init__(
        self,
        seed: int,
        tills: Iterable[int],
        chip: ChipProfile,
        ble_of: Callable[[int], BoardRadio],
        *,
        authority_ms: float = AUTHORITY_MS,
        phone_ms: float = PHONE_MS,
    ) -> None:
        """`ble_of` gives each till's receiver its radio.

        `authority_ms` and `phone_ms` are one way to the authority, for bridge and phone.
        """
        random.seed(f"{seed}/store")  # the bridge's own pauses
        self.folder = scratch.folder()
        self._seed = seed
        self._chances = Random(f"{seed}/keys")
        self.authority_trip_s = authority_ms / 1000
        self._phone_trip_s = phone_ms / 1000
        self._books = Books(self.folder / "books.sqlite")
        self._keys = Keys(self.folder / "keys.json", self._chances.randbytes)
        self.authority = VirtualAuthority(self._books, self._keys, CLIENT, time.time)
        self._buyers = RegisteredBuyers(
            self._books,
            self._keys,
            credit=CREDIT,
            purchase_limit=BUYER_LIMIT,
            floor=OFFLINE_FLOOR,
        )
        self._phones: dict[int, Phone] = {}
        self._wallets = itertools.count()
        self.lines: dict[int, VirtualLine] = {}
        self.boards: dict[int, VirtualBoard] = {}
        self._receivers: dict[int, Enrolled] = {}
        for till in tills:
            self._enrol(till, chip, ble_of(till))
        self.tills: dict[int, VirtualTill] = {}  # once it is open
        self.service: Service
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Start bridge and receivers; return when every receiver could sell."""
        async with AsyncExitStack() as stack:
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            stack.callback(self._books.close)
            stack.enter_context(micropython())
            stack.enter_context(remembered())
            self.service = await self._start_bridge(stack)
            for till, board in self.boards.items():
                board.start()
                stack.callback(board.cut_power)
                self.tills[till] = VirtualTill(self.service, till)
            async with asyncio.timeout(OPEN_MOST_S):
                while not self._is_open():  # noqa: ASYNC110 - time is virtual
                    await asyncio.sleep(LOOK_S)
            self._stack = stack.pop_all()

    async def close(self) -> None:
        """End all of it as SIGTERM ends the bridge."""
        await self._stack.aclose()

    # Phones.

    def new_wallet(self, name: str = "phone") -> Wallet:
        """Register a new buyer's phone, with credentials; its code is `DEMO_CODE`."""
        now = int(time.time())
        full_name = f"{self._seed}/{name}/{next(self._wallets)}"
        wallet, phone = self._buyers.wallet(full_name, now)
        self._phones[phone.id] = phone
        recipient = wallet.chosen(None)
        # Without the wallet's own check, which takes as long as all the rest.
        wallet.credentials[recipient] = self.authority.credentials(phone, recipient, BATCH)
        return wallet

    def phone_authority(self, wallet: Wallet) -> PhoneClient:
        """Return this phone's way to the authority."""
        phone = self._phones[wallet.phone_id]
        return PhoneClient(self.authority, phone, self._phone_trip_s)

    # For observers.

    def certificate(self, till: int) -> bytes:
        """Return the certificate of a till's receiver."""
        return self._receivers[till].certificate

    def states(self, sale: VirtualSale) -> dict[bytes, str]:
        """Return what the authority's books say of a sale: state by approval id."""
        receiver_id = self._receivers[sale.till].receiver_id
        since = int(time.time() - asyncio.get_running_loop().time() + sale.rung_at)
        return self.authority.states_of_sale(receiver_id, sale.reference, since)

    def is_booked(self, sale: VirtualSale) -> bool:
        """Return whether the authority holds or has posted an amount for this sale."""
        return any(state in (PENDING, POSTED) for state in self.states(sale).values())

    # Parts.

    def _enrol(self, till: int, chip: ChipProfile, ble: BoardRadio) -> None:
        seed, now = enrolled.seed_of(f"{self._seed}/receiver {till}"), int(time.time())
        found = enrolled.enrol(self._books, self._keys, till, seed, CLIENT, now=now)
        line = VirtualLine()
        store = NonVolatile({STORED_NAME: enrolled.stored(found, self._keys, till)})
        self._receivers[till], self.lines[till] = found, line
        self.boards[till] = VirtualBoard(store, ble, line, chip, f"{self._seed}/{till}")

    async def _start_bridge(self, stack: AsyncExitStack) -> Service:
        journal = Journal.open(self.folder / "journal.sqlite")
        stack.callback(journal.close)
        pins = self._keys.pins()
        setups = [
            ReceiverSetup(till, "virtual://", Evidence(host, pins, found.certificate), line)
            for (till, found), line in zip(
                self._receivers.items(), self.lines.values(), strict=True
            )
        ]
        client = BridgeClient(
            self.authority, lambda: service.standing.header(), self.authority_trip_s
        )
        service = Service(
            bridge_id=BRIDGE_ID,
            journal=journal,
            bus=EventBus(),
            authority=client,
            receivers=setups,
            prove=Receipts(host, pins).prove,
        )
        stack.push_async_callback(service.books.close)
        stack.push_async_callback(service.standing.end)
        stack.push_async_callback(_stop, asyncio.create_task(service.run()))
        stack.push_async_callback(service.drain, DRAIN_S)
        return service

    def _is_open(self) -> bool:
        sessions = self.service.sessions.values()
        return (
            self.service.standing.phase is Phase.CURRENT
            and all(session.link.hello for session in sessions)
            and all(_knows_time(board) for board in self.boards.values())
        )


def _knows_time(board: VirtualBoard) -> bool:
    return board.receiver is not None and board.receiver.identity.state is not None


async def _stop(work: asyncio.Task[None]) -> None:
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
