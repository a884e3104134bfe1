"""A checkout to test in: a whole world, everything that its bridge tells, and phones at hand.

What is printed here pytest shows where a test fails.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from functools import partial
from signal import SIGKILL, Signals
from typing import Any, TypeVar

from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.app.visit import Step
from simulator.phone.conversation.events import APPROVED, Outcome
from simulator.phone.transport.bleak_backend import ANDROID_MTU, phone_radio
from simulator.phone.wallet.wallet import Wallet
from simulator.world.till import TillError
from simulator.world.world import TILL, Settings, World

T = TypeVar("T")

PATIENCE = 20.0  # seconds; every wait here takes a fraction of one
PRICE = 24_900
AUTHORISATIONS = "/v1/authorisations"
ASK_MS = 100  # how long phones ask the authority about an approval that it has never seen
SUPERVISION_MS = 300  # after which a phone that vanished is missed

Json = dict[str, Any]


class Checkout:
    """`events` is what the bridge has told so far, `steps` what phones have done since `begin`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wallet: Wallet  # an honest buyer's
        self.events: list[Json] = []
        self.steps: list[Step] = []
        self.rung: Json = {}  # the last sale
        self.kept: list[str] = []  # the sales that the till has kept as paid
        self._known: dict[str, str] = {}
        self._space = 0
        self._news = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Wait for the receiver; hear all that comes after."""
        self.wallet = await self.world.new_wallet()
        await self._listen()
        await self.world.receiver_up()

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])

    def begin(self) -> None:
        """Count transactions, spending and the steps of phones from here on."""
        self._known = self.transactions()
        self._space = self.credit_space()
        self.steps.clear()

    # The bridge.

    async def restart_bridge(self, how: Signals = SIGKILL) -> None:
        """End the bridge's process and start it again with the same configuration."""
        await self.close()
        await self.world.restart_bridge(how)
        await self._listen()

    async def event(self, wanted: Callable[[Json], bool], since: int = 0) -> Json:
        """The first such event of the bridge, from number `since` on; waits for it."""
        return await self._first(self.events, wanted, since)

    async def refusals(self) -> Counter[str]:
        """How often the bridge has met each reason, by name."""
        (receiver,) = await self.world.till.receivers()
        return Counter(receiver["counters"])

    async def raw(self) -> int:
        """How many pieces of the line's bytes were no frames of ours."""
        (receiver,) = await self.world.till.receivers()
        pieces: int = receiver["line"]["raw"]
        return pieces

    @asynccontextmanager
    async def refusing(self, *names: str) -> AsyncIterator[None]:
        """What happens inside is refused by these names, as often as each stands here."""
        before, mark = await self.refusals(), len(self.events)
        yield
        for name, times in Counter(names).items():
            await self.event(_nth(times, partial(is_refusal, name)), mark)
        assert await self.refusals() - before == Counter(names)

    # The receiver and its line.

    async def ask(self, do: str, **fields: Any) -> Json:
        """A fault of the line, and its status after it."""
        assert self.world.line is not None
        return await self.world.line.ask(do, **fields)

    async def receiver(self, up: bool, since: int) -> Json:
        """Wait until the bridge tells that the receiver is there, or away."""
        return await self.event(
            lambda event: event["event"] == "receiver" and event["up"] is up, since
        )

    async def reset(self) -> Json:
        """Kill the receiver's process; what its next life says in its HELLO."""
        mark = len(self.events)
        await self.ask("reset")
        hello: Json = (await self.receiver(up=True, since=mark))["hello"]
        return hello

    # The till.

    async def ring_up(self, amount: int = PRICE, **more: Any) -> Json:
        """A sale with its offer on the air."""
        sale = await self.ring(amount, **more)
        return await self.told(sale, "offered")

    async def ring(self, amount: int = PRICE, **more: Any) -> Json:
        """A sale as it was rung up, with no offer yet."""
        self.rung = await self.world.till.ring_up(amount, **more)
        return self.rung

    async def keep(self, sale: Json) -> Json:
        """The till has persisted that it is paid, and says so."""
        self.kept.append(sale["sale_id"])
        return await self.world.till.paid(sale["sale_id"])

    async def sell(self) -> Json:
        """A sale that an honest buyer pays, kept by the till."""
        sale = await self.ring_up()
        assert (await self.buy()).result == APPROVED
        return await self.keep(sale)

    async def tidy(self) -> None:
        """Leave a free till and a sound authority, also where a test has failed."""
        self.world.authority.faults.clear()
        if self.rung:
            with suppress(TillError):  # it is over
                await self.world.till.abort(self.rung["sale_id"])

    async def told(self, sale: Json, what: str, since: int = 0) -> Json:
        """The sale as it was when the bridge told this of it; waits for that."""
        event = await self.event(lambda event: _is_told(event, sale, what), since)
        then: Json = event["sale"]
        return then

    def count(self, sale: Json, what: str) -> int:
        """How often the bridge has told this of the sale."""
        return sum(_is_told(event, sale, what) for event in self.events)

    async def outcome(self, sale: Json) -> Json:
        """The sale once it is final; a bridge that puts its journal in order is asked again."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await self.world.till.outcome(sale["sale_id"])
                except TillError as error:
                    if error.kind != "recovering":
                        raise

    def slow_down(self, answer_s: float) -> None:
        """The authority takes so long to authorise, until its faults are cleared."""
        faults = self.world.authority.faults
        faults.delay_s, faults.prefix = answer_s, AUTHORISATIONS

    def transactions(self, but: Collection[str] = ()) -> dict[str, str]:
        """Approval id → state, of all that the authority ever heard of `but` these."""
        rows = self.world.authority.office.store.rows("SELECT approval_id, state FROM transactions")
        known = {approval_id.hex(): state for approval_id, state in rows}
        return {name: state for name, state in known.items() if name not in but}

    def new_transactions(self) -> dict[str, str]:
        """Approval id → state, of all that the authority has first heard of since `begin`."""
        return self.transactions(but=self._known)

    def spent(self) -> int:
        """What has gone from that credit space since `begin`."""
        return self._space - self.credit_space()

    def credit_space(self) -> int:
        """What is left to spend for the honest buyer's first invoice recipient."""
        recipient = self.wallet.recipients[0].id
        query = "SELECT credit_space FROM recipients WHERE id = ?"
        left: int = self.world.authority.office.store.value(query, recipient)
        return left

    # Phones.

    async def buy(
        self,
        buyer: Buyer | None = None,
        wallet: Wallet | None = None,
        *,
        mtu: int = ANDROID_MTU,
        patience_s: float = PATIENCE,
        ask_ms: int = ASK_MS,
    ) -> Outcome:
        """One buyer with a phone of its own, by default the honest one, who approves."""
        endpoint = self.world.radio.phones
        async with (
            asyncio.timeout(PATIENCE + patience_s),
            phone_radio(endpoint, mtu=mtu, supervision_timeout=SUPERVISION_MS) as radio,
        ):
            phone = PhoneApp(wallet or self.wallet, radio, observer=self._observe, ask_ms=ask_ms)
            return await phone.buy(buyer or Buyer(), till=TILL, patience_s=patience_s)

    async def step(self, name: str, since: int = 0) -> Step:
        """The first step of that name that a phone does, from number `since` on; waits for it."""
        return await self._first(self.steps, lambda step: step.name == name, since)

    def _observe(self, step: Step) -> None:
        print(f"phone: {step.name} {dict(step.details)}")
        self.steps.append(step)
        self._wake()

    async def _listen(self) -> None:
        listening = asyncio.Event()
        self._listener = asyncio.create_task(self._hear(listening))
        await listening.wait()

    async def _hear(self, listening: asyncio.Event) -> None:
        async with self.world.till.watch() as events:
            listening.set()
            async for event in events:
                print(f"bridge: {event}")
                self.events.append(event)
                self._wake()

    async def _first(self, found: list[T], wanted: Callable[[T], bool], since: int) -> T:
        async with asyncio.timeout(PATIENCE):
            while True:
                news = [item for item in found[since:] if wanted(item)]
                if news:
                    return news[0]
                since = len(found)
                await self._news.wait()

    def _wake(self) -> None:
        """Everybody who waits for news looks again; the next wait for the next."""
        news, self._news = self._news, asyncio.Event()
        news.set()


def _nth(times: int, wanted: Callable[[Json], bool]) -> Callable[[Json], bool]:
    """Whether this is the event that is wanted for that time; each event is asked about once."""
    left = times

    def is_it(event: Json) -> bool:
        nonlocal left
        left -= wanted(event)
        return left == 0 and wanted(event)

    return is_it


@asynccontextmanager
async def checkout(settings: Settings | None = None) -> AsyncIterator[Checkout]:
    """A checkout in a world of its own, ready to sell."""
    async with World(settings) as world:
        one = Checkout(world)
        await one.open()
        try:
            yield one
        finally:
            await one.close()


def is_refusal(name: str, event: Json) -> bool:
    """Whether the bridge tells of a refusal by this name."""
    return event["event"] == "refusal" and bool(event["reason"] == name)


def _is_told(event: Json, sale: Json, what: str) -> bool:
    """Whether the bridge tells this of the sale, or of the refund."""
    if event["event"] != "sale" or event["what"] != what:
        return False
    key = "refund_id" if "refund_id" in sale else "sale_id"
    same: bool = event["sale"].get(key) == sale[key]
    return same and ("refund_id" in event["sale"]) == ("refund_id" in sale)
