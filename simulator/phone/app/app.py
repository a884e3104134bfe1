"""The app: prepare the wallet, find a till, visit it, and repeat the visit where that helps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, closing, contextmanager, suppress
from typing import NamedTuple, Protocol

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner

from receiver import reasons
from receiver.errors import Error
from simulator.authority.api.client import AuthorityError
from simulator.phone.conversation import states
from simulator.phone.conversation.conversation import Conversation
from simulator.phone.conversation.events import APPROVED, LOST, NO_TILL, Outcome
from simulator.phone.transport import scan
from simulator.phone.transport.early import EarlyLink
from simulator.phone.transport.link import CONNECT_S
from simulator.phone.transport.scan import Found
from simulator.phone.wallet.settlement import settle
from simulator.phone.wallet.wallet import Wallet

from .authority import AuthorityClient, PhonesAuthority
from .buyer import Buyer
from .companion import Companion
from .following import Following
from .retry import Retry
from .visit import Observer, Step, Visit, now_ms

# After these the same till is visited again: the buyer has not moved, and chose it perhaps.
STAYS = (reasons.BUSY, reasons.LINK_TIMEOUT)
PATIENCE_S = 60.0  # seconds that a buyer holds the phone to a till


class Adapter(Protocol):
    """The source of bleak's backends; `bleak_backend.PhoneRadio` is one on the simulated air."""

    @property
    def scanner(self) -> type[BaseBleakScanner] | None: ...
    @property
    def client(self) -> type[BaseBleakClient] | None: ...
    @property
    def vanish(self) -> Callable[[], None] | None: ...


class ComputerAdapter(NamedTuple):
    """The adapter of this computer, by bleak's own choice."""

    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None
    vanish: Callable[[], None] | None = None


def ignore(_step: Step) -> None:
    """Ignore the step."""


def online(wallet: Wallet) -> AuthorityClient:
    """Reach the wallet's authority over the network."""
    return AuthorityClient(wallet.authority, wallet.ca, wallet.token)


class PhoneApp:
    """A wallet on a radio. `ask_ms` limits the questions to the authority about an unknown end;
    `reach` gives the wallet's way to its authority."""

    def __init__(
        self,
        wallet: Wallet,
        radio: Adapter,
        *,
        observer: Observer = ignore,
        ask_ms: int = states.ASK_MS,
        reach: Callable[[Wallet], AbstractAsyncContextManager[PhonesAuthority]] = online,
    ) -> None:
        self._wallet = wallet
        self._radio = radio
        self._companion = Companion(observer)
        self._ask_ms = ask_ms
        self._reach = reach
        self._early = EarlyLink(radio.client)

    async def buy(
        self,
        buyer: Buyer,
        *,
        till: int | None = None,
        recipient: int | None = None,
        patience_s: float = PATIENCE_S,
    ) -> Outcome:
        """Make one purchase by `buyer` at a till, the nearest or the one with this number."""
        wallet = self._wallet
        chosen = wallet.chosen(recipient)
        retry = Retry(now_ms() + int(patience_s * 1000))
        with closing(self._companion):
            async with self._reach(wallet) as authority:
                self._tell("preparing")
                await self._prepare(authority, chosen)
                outcome = await self._visit_until_done(authority, buyer, till, chosen, retry)
                if outcome.result == APPROVED:
                    with self._unfilled():
                        await authority.renew(wallet, chosen, int(time.time()))
                return outcome

    async def _visit_until_done(
        self,
        authority: PhonesAuthority,
        buyer: Buyer,
        till: int | None,
        recipient: int,
        retry: Retry,
    ) -> Outcome:
        """Visit until done: an unknown end may outlast the patience, the search may not."""
        last = Outcome(NO_TILL, reasons.RECEIVER_OFFLINE)
        found: Found | None = None
        avoid: set[str] = set()  # addresses of tills that are not the buyer's
        failed = 0  # tries in a row to connect to it
        while True:
            if found is None:
                found, failed = await self._search(buyer, till, retry, avoid), 0
            if found is None:
                return last
            outcome, nearer = await self._visit(
                authority, buyer, recipient, found, CONNECT_S[failed]
            )
            if nearer is not None:
                found, failed = nearer, 0
                self._tell("moved", rssi=found.rssi, till=found.till)
                continue
            last = outcome or Outcome(LOST, reasons.LINK_TIMEOUT)
            if last.reason == reasons.WRONG_TILL and buyer.comes_again:
                avoid.add(found.device.address)
                found = None
                continue
            failed = failed + 1 if outcome is None else 0
            if failed == len(CONNECT_S) or last.reason not in STAYS:
                found = None
            pause = retry.after(outcome, now_ms())
            if pause is None or (outcome is not None and not buyer.comes_again):
                self._tell("done", result=last.result, reason=reasons.name(last.reason))
                return last
            self._tell("again", pause_ms=pause, why=reasons.name(last.reason))
            await asyncio.sleep(pause / 1000)

    async def _search(
        self, buyer: Buyer, till: int | None, retry: Retry, avoid: set[str]
    ) -> Found | None:
        async def ask(tills: Sequence[Found]) -> Found | None:
            self._tell("several", tills=", ".join(str(one.till or "?") for one in tills))
            return await buyer.choose(tills)

        self._tell("scanning", till=till)
        left_s = retry.left(now_ms()) / 1000
        found = None
        try:
            found = await scan.find(
                self._radio.scanner, till, left_s, ask, avoid, lean=self._early.lean
            )
        finally:
            if found is None:
                self._early.drop()
        if found is not None:
            address, seen = found.device.address, found.till
            self._tell("found", address=address, rssi=found.rssi, till=seen, why=found.why)
        return found

    async def _visit(
        self,
        authority: PhonesAuthority,
        buyer: Buyer,
        recipient: int,
        found: Found,
        connect_s: float,
    ) -> tuple[Outcome | None, Found | None]:
        """Visit a till; return the outcome, None without a connection; or a till that is nearer."""
        epoch = int(time.time() - time.monotonic())
        maker = buyer.maker(self._wallet, recipient)
        conversation = Conversation(self._wallet, maker, epoch, ask_ms=self._ask_ms)
        following = Following(conversation, self._radio.scanner, found)

        def observe(step: Step) -> None:
            self._companion.step(step)
            following.look()

        visit = Visit(conversation, buyer, authority, observe, self._radio.vanish)
        visiting = asyncio.ensure_future(visit.run(found, self._early, connect_s))
        leaving = asyncio.ensure_future(following.moved())
        try:
            await asyncio.wait({visiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done() and not visiting.done() and following.may_go:
                return None, leaving.result()
            return await visiting, None
        finally:
            for task in (leaving, visiting):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _prepare(self, authority: PhonesAuthority, recipient: int) -> None:
        """Learn the end of old approvals and fetch credentials; without a network do neither."""
        now = int(time.time())
        for pending in list(self._wallet.pending.values()):
            answer = await authority.ask(pending.approval_id)
            try:
                settled = settle(self._wallet, pending, answer, now)
            except Error as error:
                self._tell("result_untrusted", why=reasons.name(error.code), detail=error.detail)
                continue
            state = settled.result if settled else answer.state
            self._tell("settled", approval_id=pending.approval_id.hex(), state=state)
        refunds = [bought.recipient for bought in self._wallet.bought.values()]
        with self._unfilled():
            for needed in dict.fromkeys((recipient, *refunds)):
                await authority.refill(self._wallet, needed, now)

    @contextmanager
    def _unfilled(self) -> Iterator[None]:
        """Fetch no credentials: the phone uses those it has."""
        try:
            yield
        except (AuthorityError, Error) as error:
            self._tell("not_refilled", error=str(error))

    def _tell(self, name: str, **details: object) -> None:
        self._companion.step(Step(name, time.monotonic(), details))
