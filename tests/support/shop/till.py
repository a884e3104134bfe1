"""A till, a bridge and a real authority to test in; only the receiver is scripted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from msgspec.structs import replace

from bridge.authority.client import AuthorityClient
from bridge.config.configuration import AuthorityConfig, Config, Https, Listen, ReceiverConfig
from bridge.daemon import checks
from bridge.daemon.daemon import Daemon
from bridge.daemon.findings import Finding
from receiver.protocol import pins
from simulator.authority import Authority, Fault
from simulator.crypto.pki import Identity
from simulator.world.enrolment import new_receiver
from tests.support.bridge.device import PATIENCE_S, Device
from tests.support.shop.scripted_buyer import Buyer
from tests.support.values import evidence, till_answers

TILL = 3
RECEIVER = evidence.seed("receiver")
AMOUNT = 24_900
HEARD_S = 1.0  # an authority that answers takes milliseconds
OVER_LIMIT = 600_000  # the demo buyer's purchase limit is 500,000

SALE = "sale-0123456789ab"

JSON = tuple[int, dict[str, Any]]
Done = TypeVar("Done")


class World:
    """A bridge between a till (`http`), a scripted receiver and a real authority."""

    def __init__(
        self,
        authority: Authority,
        device: Device,
        buyer: Buyer,
        config: Config,
        client: Identity,
    ) -> None:
        self.authority = authority
        self.client = client
        self.device = device
        self.others: dict[str, Device] = {}  # by URL
        self.buyer = buyer
        self.config = config
        self.daemon: Daemon
        self.http: aiohttp.ClientSession

    @asynccontextmanager
    async def bridge(self) -> AsyncIterator[None]:
        """The bridge from start to stop."""
        async with AsyncExitStack() as stack:
            daemon = Daemon(self.config, lambda url: self.others.get(url, self.device))
            self.daemon = await stack.enter_async_context(daemon)
            await self.heard()
            session_ = aiohttp.ClientSession(daemon.till_url)
            self.http = await stack.enter_async_context(session_)
            yield

    async def heard(self) -> None:
        """Until the authority has said how the journal stands, unless it is away.

        Then until it serves all the same, where the file apart vouches for the journal.
        """
        service = self.daemon.service
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARD_S):
                await service.standing.known()
        if service.standing.serves and service.standing.is_vouched:
            await service.begun.wait()

    async def stalled(self, word: str, *, held: bool = True) -> None:
        """Until a journal takes no write, and a sale is `held` by that; the bridge says so."""
        async with asyncio.timeout(PATIENCE_S):
            commits = self.daemon.service.books.commits
            while not commits.reason or (held and not any(commits.held)):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)
            assert (await self.call("GET", "/healthz"))[1]["journal"] == word

    def add_receiver(self, till: int) -> Device:
        """One more receiver with its till, for a bridge that is still to be started."""
        seed, id_ = evidence.seed(f"receiver of till {till}"), till.to_bytes(8, "big")
        certificate = enrol(self.authority, seed, id_, self.client)
        path = self.config.journal.with_name(f"certificate-{till}")
        path.write_bytes(certificate)
        row = ReceiverConfig(till, path, f"memory://{till}")
        self.config = replace(self.config, receivers=(*self.config.receivers, row))
        device = self.others[row.url] = Device(seed, certificate, id_)
        return device

    async def call(self, method: str, path: str, **request: Any) -> JSON:
        async with self.http.request(method, path, **request) as response:
            body = await response.json(content_type=None)
        till_answers.check(method, path, response.status, body)
        return response.status, body

    async def ring(self, sale_id: str = SALE, **changes: Any) -> dict[str, Any]:
        body = {"sale_id": sale_id, "amount": AMOUNT, "currency": "SEK"} | changes
        status, sale = await self.call("POST", "/v1/sales", json=body)
        assert status == 201, sale
        return sale

    async def sale(self, sale_id: str = SALE, wait: float = PATIENCE_S) -> Any:
        status, sale = await self.call("GET", f"/v1/sales/{sale_id}?wait={wait:g}")
        assert status == 200, sale
        return sale

    async def decide(self, wish: str, sale_id: str = SALE) -> dict[str, Any]:
        """The till's decision, which is taken."""
        status, sale = await self.call("POST", f"/v1/sales/{sale_id}/{wish}")
        assert status == 200, sale
        return sale

    async def problem(self, method: str, path: str, **request: Any) -> tuple[int, str, Any]:
        """Status and kind of a refusal, and the sale that it names, if any."""
        status, body = await self.call(method, path, **request)
        prefix, _, kind = body["type"].rpartition(":")
        assert (prefix, body["status"]) == ("urn:tillsign:problem", status)
        return status, kind, body.get("sale")

    async def too_late(self, wish: str, sale_id: str = SALE) -> dict[str, Any]:
        """The sale as it was decided otherwise."""
        path = f"/v1/sales/{sale_id}/{wish}"
        status, kind, sale = await self.problem("POST", path)
        assert (status, kind) == (409, "conflict")
        assert sale == await self.sale(sale_id, wait=0)
        decided: dict[str, Any] = sale
        return decided

    async def ring_up(self, sale_id: str = SALE, **changes: Any) -> bytes:
        """The offer of a sale that is rung up."""
        await self.ring(sale_id, **changes)
        return await self.device.offered()

    async def handed(self, sale_id: str = SALE, **changes: Any) -> bytes:
        """The name of the approval of a sale that is rung up: the receiver verifies it still."""
        await self.ring_up(sale_id, **changes)
        return self.hand()

    async def bought(self, sale_id: str = SALE, **changes: Any) -> bytes:
        """The name of the approval of a sale that is rung up: the receiver agrees with it."""
        await self.ring_up(sale_id, **changes)
        return await self.pay()

    async def approved(self, sale_id: str = SALE, **changes: Any) -> dict[str, Any]:
        """A sale that the till knows to be approved."""
        await self.ring_up(sale_id, **changes)
        return await self.goes_through(sale_id)

    async def goes_through(self, sale_id: str = SALE) -> dict[str, Any]:
        """The buyer pays for the offer that is there, and the till knows it to be approved."""
        await self.pay()
        sale: dict[str, Any] = await self.sale(sale_id)
        assert sale["state"] == "approved", sale
        return sale

    async def unanswered(self, sale_id: str = SALE, **changes: Any) -> bytes:
        """The name of an approval that the receiver agrees with, while the authority is silent."""
        name = await self.bought(sale_id, **changes)
        assert (await self.sale(sale_id))["state"] == "unknown"
        return name

    async def posted(self, sale_id: str = SALE, **changes: Any) -> dict[str, Any]:
        """A sale that is paid, and posted."""
        await self.approved(sale_id, **changes)
        return await self.ended("paid", sale_id)

    async def owed(self, wish: str, path: str = "/v1/") -> dict[str, Any]:
        """An approved sale; the till decides it when the authority has failed below `path`."""
        sale = await self.approved()
        self.break_authority(Fault.FAIL, path)
        await self.decide(wish)
        return sale

    async def ended(self, wish: str, sale_id: str = SALE) -> dict[str, Any]:
        """The sale that the till decided, once nothing will ever happen to it again."""
        await self.decide(wish, sale_id)
        return await self.settled(sale_id)

    async def settled(self, sale_id: str = SALE) -> dict[str, Any]:
        """The sale, once nothing will ever happen to it again."""
        known = self.daemon.service.books.find(sale_id)
        assert known is not None
        waiting = self.daemon.service.books.waiting
        assert await waiting.final(known, PATIENCE_S)
        assert await waiting.cleared(known, PATIENCE_S)
        sale: dict[str, Any] = await self.sale(sale_id, wait=0)
        return sale

    async def is_reversed(self, reason: str, sale_id: str = SALE) -> None:
        """Wait until the authority has reversed what it held; the till is told why."""
        sale = await self.settled(sale_id)
        assert (sale["state"], sale["settlement"]) == ("cancelled", "reversed")
        assert sale["reason"]["code"] == reason

    async def pay(self, **changes: Any) -> bytes:
        """The buyer pays for the offer that is there, and the receiver agrees."""
        name = self.hand(**changes)
        self.device.judge(name)
        return name

    def hand(self, **changes: Any) -> bytes:
        """The buyer pays, and the receiver verifies still."""
        offer = self.device.offer
        approval = self.buyer.approve(offer, **changes)
        self.device.present(self.buyer.credential)
        self.device.approve(approval)
        return self.buyer.name(offer, approval)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Callable[[str], Awaitable[dict[str, Any]]]]:
        """Gives a function that waits until the till is told `what`, and returns the sale then."""
        async with self.http.ws_connect("/v1/events?till=true") as watch:

            async def told(what: str) -> dict[str, Any]:
                sale: dict[str, Any] = (await self.until(watch, event="sale", what=what))["sale"]
                return sale

            yield told

    async def once_told(self, what: str, step: Awaitable[Done]) -> Done:
        """What this step came to, once the till is told `what`."""
        async with self.watching() as told:
            done = await step
            await told(what)
        return done

    def break_authority(
        self, fault: Fault, path: str = "/v1/", *, times: int | None = None
    ) -> None:
        """Whatever is asked below `path` goes wrong: so many times, or until faults are cleared."""
        faults = self.authority.faults
        faults.fault, faults.prefix, faults.times = fault, path, times

    async def reverse_behind_its_back(self, approval_id: bytes) -> None:
        """As if the authority had given back a hold by itself."""
        async with AuthorityClient(self.config.authority) as client:
            await client.reverse(approval_id, evidence.RECEIVER_ID)

    async def checked(self) -> dict[str, Finding]:
        """What `tillsign bridge check` finds, by its subject, where no port is there."""
        return {found.what: found for found in await checks.check(self.config, list)}

    def credit_space(self) -> int:
        """What is left to spend for the buyer's invoice recipient."""
        left: int = self.authority.office.store.value(
            "SELECT credit_space FROM recipients WHERE id = ?", self.buyer.recipient
        )
        return left

    def transactions(self) -> dict[bytes, str]:
        """Approval id → state, in the authority's books."""
        rows = self.authority.office.store.rows("SELECT approval_id, state FROM transactions")
        return {bytes(name): state for name, state in rows}

    async def until(self, watch: aiohttp.ClientWebSocketResponse, **wanted: Any) -> Any:
        """The next event that has these members."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await watch.receive_json()
                till_answers.assert_is_event(event)
                if wanted.items() <= event.items():
                    return event


def outcome(sale: dict[str, Any]) -> tuple[str, str]:
    """What became of a sale or refund, and why."""
    return sale["state"], sale["reason"]["code"]


@asynccontextmanager
async def world_in(directory: Path) -> AsyncIterator[World]:
    """The world with its bridge still to be started."""
    async with Authority(directory / "authority") as authority:
        client = authority.ca.client("bridge")
        certificate = enrol(authority, RECEIVER, evidence.RECEIVER_ID, client)
        (directory / "pins").write_bytes(pins.encode(authority.pins))
        (directory / "certificate").write_bytes(certificate)
        config = Config(
            id=b"bridge01",
            journal=directory / "journal.sqlite",
            pins=directory / "pins",
            listen=Listen("127.0.0.1", 0),
            authority=AuthorityConfig(
                Https(authority.url),
                authority.ca.certificate,
                client.certificate,
                client.key,
                1.0,
            ),
            receivers=(ReceiverConfig(TILL, directory / "certificate", "memory://"),),
        )
        buyer = Buyer(authority, certificate)
        await buyer.activate()
        device = Device(RECEIVER, certificate, evidence.RECEIVER_ID)
        yield World(authority, device, buyer, config, client)


def enrol(authority: Authority, seed: bytes, receiver_id: bytes, client: Identity) -> bytes:
    """The certificate of a receiver that this bridge speaks for."""
    return new_receiver(
        authority,
        client.fingerprint(),
        seed=seed,
        receiver_id=receiver_id,
        store_name="Storgatan 1",
        invoice_issuer=7,
    ).certificate
