"""Lives of a board in which an allocation fails, and whether all agree on the money after each.

The board knows where in the program it allocates (`simulator/hardware/rv32/port/sites.c`). A life
begins with power-up and has at most one failure. What follows is the firmware's own way back.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from signal import SIGTERM
from typing import NamedTuple

from bleak.exc import BleakError

from receiver.protocol import gatt
from simulator.authority.accounts import bindings
from simulator.authority.storage.schema import EXPIRED, PENDING, POSTED
from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.app.visit import Step
from simulator.phone.conversation.events import APPROVED, Input, Outcome
from simulator.phone.transport import scan
from simulator.phone.transport.bleak_backend import PhoneRadio, phone_radio
from simulator.phone.transport.link import Link
from simulator.phone.wallet.wallet import Wallet
from simulator.processes.scope import Scope
from simulator.world import enrolment
from simulator.world.bridge import Place
from simulator.world.receiver_command import Chip
from simulator.world.till import Json, TillError
from simulator.world.world import TILL, Settings, World

PRICE = 100
PATIENCE_S = 6  # of the till, and of the phone for the authority's word
AGAIN_S = 1.0  # how long a phone asks about an approval that the authority has never seen
LIFE_S = 90.0  # a life takes a few seconds
TRIES = 3  # to sell again
OUT_OF_MEMORY = "out_of_memory"
WAVES = 2  # of four links, each of which is refused with a line in the log
SUPERVISION_MS = 300  # after which a board that was reset is missed
LEFT = "left"  # without having sent anything
BROKEN = "broken"  # the phone's own stack failed, as Bumble does when it is broken off
_NO_WRITE = b"\x00"  # of no type that a receiver knows
_HOLDING = (PENDING, POSTED, EXPIRED)


class Site(NamedTuple):
    """Where an allocation failed, in the short names of the image."""

    key: int
    file: str
    function: str
    offset: int
    size: int
    visit: int

    @classmethod
    def parse(cls, text: str) -> Site:
        """Read the line of the machine."""
        key, file, function, *numbers = text.split()
        return cls(int(key, 16), file, function, *map(int, numbers))


class Failure(NamedTuple):
    """The failure to cause: at this visit of a site, after so many new sites; not at `known`.

    With `second` that allocation after it fails as well.
    """

    visit: int = 1
    passing: int = 0
    known: Collection[int] = ()
    second: int = 0

    def to_bytes(self) -> bytes:
        keys = b"".join(struct.pack("<Q", key) for key in self.known)
        return struct.pack("<III", self.visit, self.passing, self.second) + keys


class BoardLife(NamedTuple):
    """A life: `wrong` says what does not agree, or nothing."""

    story: str
    site: Site | None  # None if it came to no new one
    restarts: int
    state: str  # of the sale at the till
    phones: tuple[str, ...]  # what each has seen of it
    again: str  # of another sale in the same life, where that was needed as evidence
    seconds: float
    wrong: str


class DisagreementError(Exception):
    """Till, phone and authority do not agree, or the board does not sell again."""


class Lives(Scope):
    """A world in which one board is started again and again."""

    def __init__(self) -> None:
        self.world = World(Settings(rate=0, chip=Chip(sites=True)))
        self._phones: list[_Customer] = []
        self._paid: set[bytes] = set()  # approvals of sales that the till holds as paid
        self._old = b""  # the receiver's first certificate,
        self._new = b""  # and the one that the bridge has

    async def open(self) -> None:
        world = await self.stack.enter_async_context(self.world)
        await world.receiver_up()
        await self._certify_anew()
        for _ in range(gatt.LINKS_MOST):
            self._phones.append(_Customer(await world.new_wallet(), world.radio.phones))

    async def live(self, story: str, failure: Failure) -> BoardLife:
        """Live one life with that failure in it."""
        began = time.monotonic()
        certificate = self._old if story == RENEWAL else self._new
        receiver = self.world.receiver
        receiver.store(receiver.stored._replace(certificate=certificate))
        directory = receiver.directory
        (directory / "failed").unlink(missing_ok=True)
        (directory / "armed").write_bytes(failure.to_bytes())
        boots, state, again, wrong = 0, "", "", ""
        phones: tuple[str, ...] = ()
        try:
            async with asyncio.timeout(LIFE_S):
                boots = await self._power_up()
                sale, outcomes = await STORIES[story](self)
                state = sale["state"]
                phones = tuple(outcome.result for outcome in outcomes)
                await self._agree(sale, outcomes)
                if state != APPROVED or await self._boots() == boots:
                    again = await self._sells_again()
                if receiver.stored.certificate != self._new:
                    raise DisagreementError("the new certificate is acknowledged and lost")
        except (DisagreementError, TimeoutError, TillError) as error:
            wrong = f"{type(error).__name__}: {error}"
        restarts = await self._boots() - boots
        seconds = time.monotonic() - began
        return BoardLife(story, self._failed(), restarts, state, phones, again, seconds, wrong)

    # What is done in a life. Each returns the sale and what phones have seen of it.

    async def _alone(self) -> tuple[Json, list[Outcome]]:
        """One phone buys."""
        return await self._sale(self._phones[:1])

    async def _four(self) -> tuple[Json, list[Outcome]]:
        """Four phones buy at once; one comes again."""
        return await self._sale(self._phones)

    async def _logs(self) -> tuple[Json, list[Outcome]]:
        """Waves of four links are refused, each with a line in the log; then one phone buys."""
        sale = await self.world.till.ring_up(PRICE, patience_s=PATIENCE_S)
        for _ in range(WAVES):
            async with AsyncExitStack() as stack:
                links = await asyncio.gather(
                    *(phone.link(stack) for phone in self._phones), return_exceptions=True
                )
                up = [link for link in links if isinstance(link, Link)]
                writes = (link.write(_NO_WRITE, True) for link in up)
                await asyncio.gather(*writes, return_exceptions=True)
        return await self._sale(self._phones[:1], sale)

    async def _sale(
        self, phones: list[_Customer], sale: Json | None = None
    ) -> tuple[Json, list[Outcome]]:
        sale = sale or await self.world.till.ring_up(PRICE, patience_s=PATIENCE_S)
        buyers = [Buyer() for _ in phones]
        for buyer in buyers[1:]:
            buyer.comes_again = False
        visits = [
            asyncio.create_task(phone.buy(buyer))
            for phone, buyer in zip(phones, buyers, strict=True)
        ]
        over = asyncio.create_task(self.world.till.outcome(sale["sale_id"]))
        left = asyncio.create_task(asyncio.wait(visits))
        try:
            await asyncio.wait((over, left), return_when=asyncio.FIRST_COMPLETED)
            if not over.done():  # no phone is left: the cashier waits no longer
                with suppress(TillError):  # it is approved just now
                    await self.world.till.abort(sale["sale_id"])
            final = await over
            if final["state"] == APPROVED:
                await self.world.till.paid(sale["sale_id"])
            buyers[0].comes_again = False
            for phone, visit in zip(phones, visits, strict=True):
                if not phone.is_bound:  # it would wait for the next sale
                    visit.cancel()
            outcomes = await asyncio.gather(*visits, return_exceptions=True)
            return final, [_outcome(outcome) for outcome in outcomes]
        finally:
            tasks = (over, left, *visits)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # What must be true after it.

    async def _agree(self, sale: Json, outcomes: list[Outcome]) -> None:
        """Check the sale against what the authority holds, beside the sales before it."""
        while (await self.world.till.outbox())["depth"]:
            await self.world.till.send_now()
        store = self.world.authority.office.store
        rows = store.rows("SELECT approval_id, state FROM transactions")
        states: dict[bytes, str] = dict(rows)
        held = {name for name, state in states.items() if state in _HOLDING} - self._paid
        found = [states[name] for name in held]
        if found != [POSTED] * (sale["state"] == APPROVED):
            raise DisagreementError(f"{sale['state']}, and the authority has {found}")
        for outcome in outcomes:
            if outcome.result == APPROVED and outcome.approval_id not in held:
                state = states.get(outcome.approval_id)
                raise DisagreementError(f"{sale['state']}, and a phone showed one that is {state}")
        self._paid |= held

    async def _sells_again(self) -> str:
        """Sell in the same life, or be told by name that memory lacks; return which.

        On a busy host a link may break for reasons of its own: hence more than one sale.
        """
        for _ in range(TRIES):
            sale, (outcome,) = await self._sale(self._phones[:1])
            await self._agree(sale, [outcome])
            if sale["state"] == APPROVED:
                return APPROVED
        hello = (await self.world.till.receivers())[0]["hello"]
        fault = hello["fault"]["code"] if hello and hello["fault"] else ""
        if fault == OUT_OF_MEMORY:
            return OUT_OF_MEMORY
        text = f"{sale['state']} ({sale['reason']}), {outcome.result} on the phone"
        raise DisagreementError(f"it does not sell again: {text}")

    # The board.

    async def _power_up(self) -> int:
        """Start it anew; return how many starts it had by then."""
        assert self.world.line is not None
        async with self.world.till.watch() as events:
            boots: int = (await self.world.line.ask("reset"))["boots"]
            async for event in events:
                if event["event"] == "receiver" and event["up"]:
                    return boots
        raise DisagreementError("the bridge has ended")

    async def _boots(self) -> int:
        assert self.world.line is not None
        boots: int = (await self.world.line.ask("status"))["boots"]
        return boots

    def _failed(self) -> Site | None:
        with suppress(FileNotFoundError):
            return Site.parse((self.world.receiver.directory / "failed").read_text())
        return None

    async def _certify_anew(self) -> None:
        """Have another certificate issued, and the bridge started with it."""
        world, receiver = self.world, self.world.receiver
        client = bindings.client_of(world.authority.office.store, receiver.receiver_id)
        assert client is not None
        self._old = receiver.stored.certificate
        self._new = enrolment.new_receiver(
            world.authority,
            client,
            seed=receiver.stored.seed,
            receiver_id=receiver.receiver_id,
            store_name="Coop Exempel, Nygatan 2",
        ).certificate
        place = world.bridge.directory / "new.cose"  # the bridge reads it again from time to time
        place.write_bytes(self._new)
        world.bridge.place([Place(TILL, world.serial, place)])
        await world.restart_bridge(SIGTERM)
        await world.receiver_up()


class _Customer:
    """A wallet with a radio for each visit: one that is broken off leaves a radio unfit.

    It `is_bound` from the key that it sends until its visit ends.
    """

    def __init__(self, wallet: Wallet, endpoint: str) -> None:
        self.is_bound = False
        self._wallet = wallet
        self._endpoint = endpoint

    async def buy(self, buyer: Buyer) -> Outcome:
        self._wallet.pending.clear()  # approvals that no till took: each is asked about for ever
        self.is_bound = False
        async with self._radio() as radio:
            ask_ms = int(AGAIN_S * 1000)
            app = PhoneApp(self._wallet, radio, observer=self._observe, ask_ms=ask_ms)
            return await app.buy(buyer, patience_s=PATIENCE_S)

    async def link(self, stack: AsyncExitStack) -> Link:
        """Connect; `stack` ends it. Raises BleakError or TimeoutError."""
        radio = await stack.enter_async_context(self._radio())
        found = await scan.find(radio.scanner, None, PATIENCE_S)
        if found is None:
            raise BleakError("no till")
        link = Link(found.device, _ignore, radio.client)
        stack.push_async_callback(link.close)
        await link.open()
        return link

    def _radio(self) -> AbstractAsyncContextManager[PhoneRadio]:
        return phone_radio(self._endpoint, supervision_timeout=SUPERVISION_MS)

    def _observe(self, step: Step) -> None:
        if step.name in _BINDS:
            self.is_bound = _BINDS[step.name]


_BINDS = {"again": False, "scanning": False, "key_written": True}


def _outcome(outcome: Outcome | BaseException) -> Outcome:
    if isinstance(outcome, asyncio.CancelledError):
        return Outcome(LEFT)
    return Outcome(BROKEN) if isinstance(outcome, BaseException) else outcome


def _ignore(_event: Input) -> None:
    """Hear nothing: the link is to be refused."""


Story = Callable[[Lives], Awaitable[tuple[Json, list[Outcome]]]]
SALE, FOUR, RENEWAL, LOGS = "sale", "four", "renewal", "logs"
STORIES: dict[str, Story] = {
    SALE: Lives._alone,
    FOUR: Lives._four,
    RENEWAL: Lives._alone,
    LOGS: Lives._logs,
}
