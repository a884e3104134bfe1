"""The bridge whole: till API, journal, line and a real authority; the receiver is scripted."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge import retrying, stamps, station
from bridge.config import AuthorityConfig, Config, Listen, ReceiverConfig
from bridge.daemon import Daemon
from bridge.journal import Journal, JournalError
from bridge.money import hearing
from bridge.till import requests
from bridge.till.app import application
from bridge.till.openapi import DOCUMENT
from receiver import messages, pins, reasons, session, signed, wire
from receiver.crypto import host
from simulator import pki, proof
from simulator.authority import Authority, Fault
from simulator.p256 import p256_public
from tests import evidence
from tests.bridge_device import PATIENCE_S, Device

TILL = 3
RECEIVER = evidence.seed("receiver")
PHONE = evidence.seed("phone")
PHONE_CODE_KEY = evidence.seed("phone code key")
CODE = "314159"
AMOUNT = 24_900
OVER_LIMIT = 600_000  # the demo buyer's purchase limit is 500,000

JSON = tuple[int, dict[str, Any]]


class Buyer:
    """A phone with a credential, that signs whatever a test asks for."""

    def __init__(self, authority: Authority, certificate: bytes) -> None:
        self._authority = authority
        self._certificate = certificate
        self._counter = 0
        self.credential = b""
        self._k = b""
        self.id = 0

    async def activate(self) -> None:
        demo = self._authority.seed_demo()
        self.id = demo.buyers[0].id
        body = {
            "activation": demo.buyers[0].activation,
            "key": host.ed25519_public(PHONE).hex(),
            "code_key": p256_public(PHONE_CODE_KEY).hex(),
            "code": CODE,
        }
        answer = await self.call("POST", "/v1/phones", json=body)
        their_key = bytes.fromhex(answer["authority_code_key"])
        self._k = proof.code_key(PHONE_CODE_KEY, their_key, CODE)
        path = f"/v1/phones/{answer['phone_id']}/credentials"
        wanted = {"recipient": demo.recipients[0], "count": 1}
        issued = await self.call("POST", path, answer["token"], json=wanted)
        self.credential = bytes.fromhex(issued["credentials"][0])

    async def raise_limit(self, limit: int) -> None:
        path = f"/v1/admin/buyers/{self.id}"
        token = self._authority.admin_token
        await self.call("PUT", path, token, json={"purchase_limit": limit})

    async def call(self, method: str, path: str, token: str = "", **request: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        context = pki.client_context(self._authority.ca.certificate)
        connector = aiohttp.TCPConnector(ssl=context)
        async with (
            aiohttp.ClientSession(self._authority.url, connector=connector) as http,
            http.request(method, path, headers=headers, **request) as response,
        ):
            assert response.status < 300, await response.text()
            return await response.json(content_type=None)

    def approve(self, offer: bytes, **changes: Any) -> bytes:
        self._counter += 1
        values: dict[str, Any] = {"counter": self._counter, "k": self._k} | changes
        return evidence.approval(PHONE, self._certificate, offer, self.credential, **values)

    def name(self, offer: bytes, approval: bytes) -> bytes:
        return evidence.approval_id(self._certificate, offer, self.credential, approval)


class World:
    """A bridge between a till (`http`), a scripted receiver and a real authority."""

    def __init__(self, authority: Authority, device: Device, buyer: Buyer, config: Config) -> None:
        self.authority = authority
        self.device = device
        self.buyer = buyer
        self.config = config
        self.daemon: Daemon
        self.http: aiohttp.ClientSession

    @asynccontextmanager
    async def bridge(self) -> AsyncIterator[None]:
        """The bridge from start to stop."""
        async with AsyncExitStack() as stack:
            daemon = Daemon(self.config, lambda url: self.device)
            self.daemon = await stack.enter_async_context(daemon)
            session_ = aiohttp.ClientSession(daemon.till_url)
            self.http = await stack.enter_async_context(session_)
            yield

    async def call(self, method: str, path: str, **request: Any) -> JSON:
        async with self.http.request(method, path, **request) as response:
            return response.status, await response.json(content_type=None)

    async def ring(self, sale_id: str = "sale-0123456789ab", **changes: Any) -> dict[str, Any]:
        body = {"sale_id": sale_id, "amount": AMOUNT, "currency": "SEK"} | changes
        status, sale = await self.call("POST", "/v1/sales", json=body)
        assert status == 201, sale
        return sale

    async def sale(self, sale_id: str = "sale-0123456789ab", wait: float = PATIENCE_S) -> Any:
        status, sale = await self.call("GET", f"/v1/sales/{sale_id}?wait={wait:g}")
        assert status == 200, sale
        return sale

    async def decide(self, wish: str, sale_id: str = "sale-0123456789ab") -> dict[str, Any]:
        """The till's decision, which is taken."""
        status, sale = await self.call("POST", f"/v1/sales/{sale_id}/{wish}")
        assert status == 200, sale
        return sale

    async def is_reversed(self, reason: str, sale_id: str = "sale-0123456789ab") -> None:
        """Wait until the authority has reversed what it held; the till is told why."""
        known = self.daemon.service.books.find(sale_id)
        assert known is not None
        assert await self.daemon.service.books.waiting.cleared(known, PATIENCE_S)
        sale = await self.sale(sale_id)
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
        """Gives a function that waits until the bridge tells `what`, and returns the sale then."""
        async with self.http.ws_connect("/v1/events") as watch:

            async def told(what: str) -> dict[str, Any]:
                sale: dict[str, Any] = (await self.until(watch, event="sale", what=what))["sale"]
                return sale

            yield told

    def transactions(self) -> dict[bytes, str]:
        """Approval id → state, in the authority's books."""
        rows = self.authority.office.store.rows("SELECT approval_id, state FROM transactions")
        return {bytes(name): state for name, state in rows}

    async def until(self, watch: aiohttp.ClientWebSocketResponse, **wanted: Any) -> Any:
        """The next event that has these members."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await watch.receive_json()
                if wanted.items() <= event.items():
                    return event


@pytest.fixture
async def stopped(tmp_path: Path) -> AsyncIterator[World]:
    """The world with its bridge still to be started."""
    async with Authority(tmp_path / "authority") as authority:
        client = authority.ca.client("bridge")
        certificate = authority.enrol_receiver(
            host.ed25519_public(RECEIVER),
            receiver_id=evidence.RECEIVER_ID,
            store=101,
            store_name="Storgatan 1",
            invoice_issuer=7,
            currency=evidence.SEK,
            client_fingerprint=client.fingerprint(),
        )
        (tmp_path / "pins").write_bytes(pins.encode(authority.pins))
        (tmp_path / "certificate").write_bytes(certificate)
        config = Config(
            id=b"bridge01",
            journal=tmp_path / "journal.sqlite",
            pins=tmp_path / "pins",
            listen=Listen("127.0.0.1", 0),
            authority=AuthorityConfig(
                authority.url, authority.ca.certificate, client.certificate, client.key, 1.0
            ),
            receivers=(ReceiverConfig(TILL, "memory://", tmp_path / "certificate"),),
        )
        buyer = Buyer(authority, certificate)
        await buyer.activate()
        yield World(authority, Device(RECEIVER, certificate, evidence.RECEIVER_ID), buyer, config)


@pytest.fixture
async def world(stopped: World) -> AsyncIterator[World]:
    async with stopped.bridge():
        yield stopped


# Purchases


async def test_a_purchase(world: World) -> None:
    rung = await world.ring(reference="kvitto 7")
    assert (rung["state"], rung["till"], rung["reference"]) == ("open", TILL, "kvitto 7")
    offer = await world.device.offered()
    name = await world.pay()
    sale = await world.sale()
    assert (sale["state"], sale["reason"]) == ("approved", None)
    assert sale["approval_id"] == name.hex()
    assert sale["match_code"] == session.match_code(offer)
    data = urlsafe_b64decode(sale["receipt"] + "==")
    receipt = evidence.receipt(data, world.authority.pins)
    assert receipt.transaction_id.hex() == sale["transaction_id"]
    assert (receipt.amount, receipt.till) == (AMOUNT, TILL)
    result = await world.device.heard(wire.RESULT)
    assert result == wire.Result(session.session_id(offer), data)
    share = stamps.own_share(world.daemon.service.books.stamps.of(rung["sale_id"]))
    assert share is not None
    assert 0 < share < PATIENCE_S


async def test_a_new_receiver_gets_its_certificate(world: World) -> None:
    """The one that its offers are held against; it may not have heard of it."""
    assert (await world.device.heard(wire.CERTIFICATE)).data == world.device.certificate


async def test_a_new_receiver_gets_the_authoritys_state(world: World) -> None:
    blob = await world.device.heard(wire.STATE)
    state = signed.from_authority(messages.STATE, blob.data, world.authority.pins, host)
    assert (state.nonce, state.receiver_id) == (world.device.nonce, evidence.RECEIVER_ID)


async def test_everything_is_shown_as_it_happens(world: World) -> None:
    world.authority.faults.delay_s = 0.05  # so that the verdict comes first
    world.authority.faults.prefix = "/v1/authorisations"
    async with world.http.ws_connect("/v1/events") as watch:
        await world.ring()
        await world.device.offered()
        await world.pay()
        await world.sale()
        steps = []
        event: dict[str, Any] = {"event": ""}
        while event["event"] != "timing":
            event = await watch.receive_json(timeout=PATIENCE_S)
            if event["event"] == "sale":
                steps.append((event["from"], event["what"], event["sale"]["state"]))
        assert steps == [
            ("till", "rung", "open"),
            ("receiver", "offered", "open"),
            ("phone", "claimed", "claimed"),
            ("phone", "handed", "claimed"),
            ("bridge", "asked", "authorising"),
            ("receiver", "verified", "authorising"),
            ("bridge", "told", "approved"),
        ]
        assert sorted(event["stamps"], key=event["stamps"].get) == [
            "offer",
            "approval_received",
            "approval_kept",
            "authorise_sent",
            "verdict_received",
            "authorise_answered",
            "told",
        ]


async def test_a_limit_is_raised_and_the_same_sale_approved(world: World) -> None:
    async with world.http.ws_connect("/v1/events") as watch:
        await world.ring(amount=OVER_LIMIT)
        await world.device.offered()
        await world.pay()
        declined = await world.until(watch, event="sale", what="mendable")
        assert declined["sale"]["reason"]["code"] == "purchase_limit"
        assert "köpgräns" in declined["sale"]["reason"]["sv"]
        await world.device.offered()
        assert (await world.sale(wait=0))["state"] == "open"
        await world.buyer.raise_limit(OVER_LIMIT)
        await world.pay()
        assert (await world.sale())["state"] == "approved"


async def test_a_buyer_says_no_and_another_pays(world: World) -> None:
    async with world.http.ws_connect("/v1/events") as watch:
        await world.ring()
        await world.device.offered()
        world.device.say_no()
        left = await world.until(watch, event="sale", what="left")
        assert left["sale"]["reason"]["code"] == "buyer_said_no"
    await world.pay()
    assert (await world.sale())["state"] == "approved"


async def test_one_sale_after_the_other(world: World) -> None:
    names = set()
    for number in range(5):
        sale_id = f"sale-number-{number:08}"
        await world.ring(sale_id)
        await world.device.offered()
        await world.pay()
        names.add((await world.sale(sale_id))["approval_id"])
    assert len(names) == 5


# Two words, in whatever order they come


async def test_the_receipt_first_tells_nobody_anything(world: World) -> None:
    async with world.watching() as told:
        await world.ring()
        offer = await world.device.offered()
        name = world.hand()
        granted = await told("granted")
        assert (granted["state"], granted["approval_id"]) == ("authorising", name.hex())
        assert (granted["transaction_id"], granted["receipt"]) == (None, None)
        assert await world.sale(wait=0) == granted
        world.device.judge(name)
        sale = await world.sale()
        assert (sale["state"], bool(sale["transaction_id"])) == ("approved", True)
        result = await world.device.heard(wire.RESULT)
        assert result.session == session.session_id(offer)


async def test_the_verdict_first(world: World) -> None:
    world.authority.faults.fault = Fault.FAIL
    world.authority.faults.prefix = "/v1/authorisations"
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        name = world.hand()
        assert (await told("unanswered"))["state"] == "unknown"
        world.device.judge(name)
        assert (await told("verified"))["state"] == "unknown"
        world.authority.faults.clear()
        assert (await world.sale())["state"] == "approved"
    assert world.transactions() == {name: "PENDING"}


async def test_a_refusal_after_the_receipt_and_another_pays(world: World) -> None:
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        first = world.hand()
        await told("granted")
        world.device.judge(first, reasons.BAD_SIGNATURE)
        refused = await told("recalled")
        assert (refused["state"], refused["reason"]["code"]) == ("open", "bad_signature")
        assert (refused["approval_id"], refused["transaction_id"]) == (None, None)
        word = await world.device.heard(wire.VERDICT)
        assert (word.approval_id, word.reason) == (first, reasons.BAD_SIGNATURE)
        second = await world.pay()
        sale = await world.sale()
    assert (sale["state"], sale["approval_id"]) == ("approved", second.hex())
    assert world.transactions() == {first: "VOIDED", second: "PENDING"}


async def test_a_refusal_before_the_receipt_and_another_pays(world: World) -> None:
    world.authority.faults.fault = Fault.SILENT
    world.authority.faults.prefix = "/v1/authorisations"
    world.authority.faults.times = 1
    await world.ring()
    await world.device.offered()
    first = world.hand()
    world.device.judge(first, reasons.BAD_SIGNATURE)
    await world.device.heard(wire.VERDICT)
    second = await world.pay()
    assert (await world.sale())["approval_id"] == second.hex()
    assert world.transactions() == {first: "VOIDED", second: "PENDING"}


async def test_the_next_approval_waits_for_the_reversal_of_the_one_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the authority would see two holds for one sale, and decline for good."""
    monkeypatch.setattr(station, "CLEARED_S", 0.1)
    monkeypatch.setattr(retrying, "FIRST_S", 0.1)
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        first = world.hand()
        await told("granted")
        world.authority.faults.fault = Fault.FAIL
        world.authority.faults.prefix = "/v1/reversals"
        world.device.judge(first, reasons.BAD_SIGNATURE)
        await told("recalled")
        second = await world.pay()
        assert (await told("unanswered"))["state"] == "unknown"
        assert world.transactions() == {first: "PENDING"}
        world.authority.faults.clear()
        await told("returned")
        assert (await world.sale())["state"] == "approved"
    assert world.transactions() == {first: "VOIDED", second: "PENDING"}


async def test_no_verdict_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "VERDICT_MS", 100)
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        first = world.hand()
        assert (await told("recalled"))["reason"]["code"] == "verdict_timeout"
        word = await world.device.heard(wire.VERDICT)
        assert (word.approval_id, word.reason) == (first, reasons.VERDICT_TIMEOUT)
        world.device.judge(first)
        await told("returned")
    assert world.transactions() == {first: "VOIDED"}
    assert (await world.sale(wait=0))["state"] == "open"
    second = await world.pay()
    assert (await world.sale())["approval_id"] == second.hex()


async def test_the_receiver_resets_between_receipt_and_verdict(world: World) -> None:
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        first = world.hand()
        await told("granted")
        world.device.reboot()
        assert (await told("recalled"))["reason"]["code"] == "receiver_offline"
    await world.device.offered()
    second = await world.pay()
    assert (await world.sale())["approval_id"] == second.hex()
    assert world.transactions() == {first: "VOIDED", second: "PENDING"}


async def test_a_decline_first_tells_nobody_anything(world: World) -> None:
    """As with a receipt: whoever listens or looks cannot tell a no from a yes."""
    async with world.watching() as told:
        await world.ring(amount=OVER_LIMIT)
        offer = await world.device.offered()
        name = world.hand()
        withheld = await told("withheld")
        assert (withheld["state"], withheld["approval_id"]) == ("authorising", name.hex())
        assert (withheld["reason"], withheld["receipt"]) == (None, None)
        assert await world.sale(wait=0) == withheld
        world.device.judge(name)
        assert (await told("mendable"))["reason"]["code"] == "purchase_limit"
        result = await world.device.heard(wire.RESULT)
        assert result.session == session.session_id(offer)
        await world.device.offered()


async def _refuses(world: World, name: bytes) -> None:
    world.device.judge(name, reasons.BAD_SIGNATURE)


async def _is_silent(world: World, name: bytes) -> None:
    """For 5 s, here one."""


async def _resets(world: World, name: bytes) -> None:
    world.device.reboot()


@pytest.mark.parametrize(
    ("does", "counted"),
    [
        (_refuses, "bad_signature"),
        (_is_silent, "verdict_timeout"),
        (_resets, "receiver_offline"),
    ],
)
async def test_a_decline_stands_whatever_the_receiver_does(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    does: Callable[[World, bytes], Awaitable[None]],
    counted: str,
) -> None:
    monkeypatch.setattr(hearing, "VERDICT_MS", 1_000 if does is _is_silent else 5_000)
    async with world.watching() as told:
        await world.ring(amount=OVER_LIMIT)
        old = await world.device.offered()
        first = world.hand()
        await told("withheld")
        await does(world, first)
        assert (await told("mendable"))["state"] == "open"
        await world.device.offered()
        world.device.judge(first, offer=old)  # late, or said again
        await world.buyer.raise_limit(OVER_LIMIT)
        monkeypatch.undo()
        second = await world.pay()
        assert (await world.sale())["approval_id"] == second.hex()
    assert world.transactions() == {first: "DECLINED", second: "PENDING"}
    assert world.daemon.service.stations[TILL].counters.snapshot() == {counted: 1}


async def test_patience_ends_between_decline_and_verdict(world: World) -> None:
    async with world.watching() as told:
        await world.ring(amount=OVER_LIMIT, patience_s=1)
        await world.device.offered()
        name = world.hand()
        await told("withheld")
        sale = await world.sale()
    assert (sale["state"], sale["reason"]["code"]) == ("declined", "purchase_limit")
    await world.device.heard(wire.RESULT)
    assert world.transactions() == {name: "DECLINED"}


async def test_the_bridge_restarts_between_decline_and_verdict(stopped: World) -> None:
    async with stopped.bridge(), stopped.watching() as told:
        await stopped.ring(amount=OVER_LIMIT)
        await stopped.device.offered()
        name = stopped.hand()
        await told("withheld")
    async with stopped.bridge():
        sale = await stopped.sale(wait=0)
        assert (sale["state"], sale["reason"]["code"]) == ("declined", "purchase_limit")
        assert sale["receipt"]
        await stopped.device.heard(wire.CANCEL)
    assert stopped.transactions() == {name: "DECLINED"}


async def test_patience_ends_between_receipt_and_verdict(world: World) -> None:
    async with world.watching() as told:
        await world.ring(patience_s=1)
        await world.device.offered()
        name = world.hand()
        await told("granted")
        owed = await told("owed")
        assert (owed["state"], owed["settlement"]) == ("cancelled", "reversing")
        reversed_ = await told("reversed")
        assert reversed_ == owed | {"settlement": "reversed"}
        sale = await world.sale()
    assert (sale["state"], sale["reason"]["code"]) == ("cancelled", "verdict_timeout")
    assert (sale["transaction_id"], sale["receipt"]) == (None, None)
    assert world.transactions() == {name: "VOIDED"}


@pytest.mark.parametrize("wish", ["cancel", "abort"])
async def test_the_cashier_stops_while_the_authority_is_asked(world: World, wish: str) -> None:
    """A definite answer at once: the reversal is in the journal before the till hears."""
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        name = world.hand()
        await told("granted")
        world.authority.faults.fault = Fault.FAIL
        sale = await world.decide(wish)
        assert (sale["state"], sale["reason"]["code"]) == ("cancelled", "cashier_cancelled")
        assert sale["settlement"] == "reversing"
        assert world.transactions() == {name: "PENDING"}
        world.device.judge(name)  # too late
        world.authority.faults.clear()
        assert await told("reversed") == sale | {"settlement": "reversed"}
    assert world.transactions() == {name: "VOIDED"}


async def test_the_cashier_stops_while_a_reversal_is_owed(world: World) -> None:
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        name = world.hand()
        await told("granted")
        world.authority.faults.fault = Fault.FAIL
        world.device.judge(name, reasons.BAD_SIGNATURE)
        await told("recalled")
        sale = await world.decide("cancel")
        assert (sale["reason"]["code"], sale["settlement"]) == ("cashier_cancelled", "reversing")
        assert world.transactions() == {name: "PENDING"}
        world.authority.faults.clear()
        assert await told("returned") == sale | {"settlement": "reversed"}
    assert world.transactions() == {name: "VOIDED"}


async def test_the_bridge_restarts_between_receipt_and_verdict(stopped: World) -> None:
    async with stopped.bridge(), stopped.watching() as told:
        await stopped.ring()
        await stopped.device.offered()
        name = stopped.hand()
        await told("granted")
    async with stopped.bridge():
        await stopped.is_reversed("bridge_restarted")
    assert stopped.transactions() == {name: "VOIDED"}


async def test_the_bridge_restarts_with_a_recalled_approval(stopped: World) -> None:
    """The sale ends at once, and its reversal is owed on."""
    async with stopped.bridge(), stopped.watching() as told:
        await stopped.ring()
        await stopped.device.offered()
        name = stopped.hand()
        await told("granted")
        stopped.authority.faults.fault = Fault.FAIL
        stopped.device.judge(name, reasons.BAD_SIGNATURE)
        await told("recalled")
    async with stopped.bridge(), stopped.watching() as told:
        sale = await stopped.sale()
        assert (sale["state"], sale["reason"]["code"]) == ("cancelled", "bridge_restarted")
        stopped.authority.faults.clear()
        assert await told("returned") == sale | {"settlement": "reversed"}
    assert stopped.transactions() == {name: "VOIDED"}


# Lies


async def test_an_offer_with_another_amount(world: World) -> None:
    world.device.lies = {"amount": 1}
    await world.ring()
    sale = await world.sale()
    assert (sale["state"], sale["reason"]["code"]) == ("declined", "receiver_untrusted")
    await world.device.heard(wire.CANCEL)
    counters = world.daemon.service.stations[TILL].counters.snapshot()
    assert counters == {"receiver_untrusted": 1, "wrong_amount": 1}
    world.device.lies = {}
    await world.ring("sale-of-the-next-buyer")
    await world.device.offered()
    await world.pay()
    assert (await world.sale("sale-of-the-next-buyer"))["state"] == "approved"


async def test_a_forged_approval_called_verified(world: World) -> None:
    await world.ring()
    offer = await world.device.offered()
    approval = world.buyer.approve(offer)
    name = world.buyer.name(offer, approval)
    world.device.present(world.buyer.credential)
    world.device.approve(approval[:-1] + bytes([approval[-1] ^ 1]))
    world.device.judge(name)
    refusal = await world.device.heard(wire.VERDICT)
    assert (refusal.approval_id, refusal.reason) == (name, reasons.BAD_SIGNATURE)
    await world.pay()
    assert (await world.sale())["state"] == "approved"
    counters = world.daemon.service.stations[TILL].counters.snapshot()
    assert counters == {"bad_signature": 1, "receiver_untrusted": 1}


async def test_garbage_boot_text_and_nonsense_on_the_line(world: World) -> None:
    await world.ring()
    await world.device.offered()
    world.device.raw = (
        b"rst:0x1 (POWERON)\r\n\x00\xff\x00Traceback (most recent call last):\r\n\x00"
    )
    world.device._link.send(wire.PHONE, b"\xff")
    await world.pay()
    assert (await world.sale())["state"] == "approved"
    [receiver] = (await world.call("GET", "/v1/receivers"))[1]["receivers"]
    assert receiver["counters"] == {"malformed": 1}
    assert receiver["line"]["raw"] >= 2


async def test_another_receiver_on_the_port_sells_nothing(stopped: World) -> None:
    stopped.device = Device(RECEIVER, stopped.device.certificate, b"stranger")
    async with stopped.bridge(), stopped.http.ws_connect("/v1/events") as watch:
        await stopped.until(watch, event="refusal", reason="wrong_receiver")
        await stopped.ring(patience_s=1)
        sale = await stopped.sale()
        assert (sale["state"], sale["reason"]["code"]) == ("cancelled", "receiver_offline")


# Silence


async def test_an_authority_that_fails_is_unknown_until_it_answers(world: World) -> None:
    world.authority.faults.fault = Fault.FAIL
    world.authority.faults.prefix = "/v1/authorisations"
    await world.ring()
    await world.device.offered()
    await world.pay()
    sale = await world.sale()
    assert (sale["state"], sale["reason"]["code"]) == ("unknown", "authority_unreachable")
    world.authority.faults.clear()
    assert (await world.sale())["state"] == "approved"


async def test_an_answer_that_was_lost_is_asked_for_again(world: World) -> None:
    world.authority.faults.fault = Fault.DROP
    world.authority.faults.prefix = "/v1/authorisations"
    world.authority.faults.times = 1
    await world.ring()
    await world.device.offered()
    name = await world.pay()
    assert (await world.sale())["state"] == "unknown"
    sale = await world.sale()
    assert (sale["state"], sale["approval_id"]) == ("approved", name.hex())


async def test_patience_ends_in_a_reversal_and_never_in_a_false_answer(world: World) -> None:
    world.authority.faults.fault = Fault.DROP  # books it, and never says so
    world.authority.faults.prefix = "/v1/"
    await world.ring(patience_s=1)
    await world.device.offered()
    await world.pay()
    assert (await world.sale())["state"] == "unknown"
    await world.device.heard(wire.CANCEL)
    sale = await world.sale(wait=0)
    assert (sale["state"], sale["reason"]["code"]) == ("cancelled", "reversed")
    assert sale["settlement"] == "reversing"
    await world.ring("sale-of-the-next-buyer")  # an owed reversal bars nobody
    world.authority.faults.clear()
    await world.is_reversed("reversed")
    assert [row[0] for row in held(world)] == ["VOIDED"]


def held(world: World) -> list[tuple[Any, ...]]:
    return world.authority.office.store.rows("SELECT state FROM transactions")


# Restarts


async def test_the_bridge_restarts_with_a_sale_open(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.ring()
        await stopped.device.offered()
    async with stopped.bridge():
        sale = await stopped.sale()
        assert (sale["state"], sale["reason"]["code"]) == ("cancelled", "bridge_restarted")
        await stopped.device.heard(wire.CANCEL)  # the session that nobody knows


async def test_the_bridge_restarts_without_an_answer(stopped: World) -> None:
    async with stopped.bridge():
        stopped.authority.faults.fault = Fault.DROP
        await stopped.ring()
        await stopped.device.offered()
        await stopped.pay()
        assert (await stopped.sale())["state"] == "unknown"
    async with stopped.bridge():
        assert (await stopped.sale())["settlement"] == "reversing"
        stopped.authority.faults.clear()
        await stopped.is_reversed("bridge_restarted")
    assert [row[0] for row in held(stopped)] == ["VOIDED"]


async def test_a_finished_sale_is_the_same_after_a_restart(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.ring()
        await stopped.device.offered()
        await stopped.pay()
        before = await stopped.sale()
    async with stopped.bridge():
        assert await stopped.sale() == before


async def test_the_receiver_comes_after_the_sale(stopped: World) -> None:
    stopped.device.unplug()
    async with stopped.bridge():
        await stopped.ring()
        stopped.device.plug()
        await stopped.device.offered()
        await stopped.pay()
        assert (await stopped.sale())["state"] == "approved"


@pytest.mark.parametrize("unplugged", [False, True])
async def test_the_receiver_resets_in_a_sale(world: World, unplugged: bool) -> None:
    await world.ring()
    await world.device.offered()
    world.device.present(world.buyer.credential)
    if unplugged:
        world.device.unplug()
    world.device.reboot()
    world.device.plug()
    await world.device.offered()
    await world.pay()
    assert (await world.sale())["state"] == "approved"


async def test_a_second_bridge_is_kept_from_the_journal(world: World) -> None:
    with pytest.raises(JournalError, match="locked"):
        Journal(world.config.journal)


# The till API


async def test_the_same_sale_id_is_the_same_sale(world: World) -> None:
    body = {"sale_id": "sale-0123456789ab", "amount": AMOUNT, "currency": "SEK"}
    assert (await world.call("POST", "/v1/sales", json=body))[0] == 201
    assert (await world.call("POST", "/v1/sales", json=body | {"till": TILL}))[0] == 200
    status, problem = await world.call("POST", "/v1/sales", json=body | {"amount": 1})
    assert (status, problem["sale"]["amount"]) == (409, AMOUNT)
    other = body | {"sale_id": "sale-of-the-next-buyer"}
    status, problem = await world.call("POST", "/v1/sales", json=other)
    assert (status, problem["sale"]["sale_id"]) == (409, body["sale_id"])
    await world.device.offered()
    sale = await world.decide("cancel")
    assert (sale["state"], sale["reason"]["code"]) == ("cancelled", "cashier_cancelled")
    await world.device.heard(wire.CANCEL)
    assert await world.decide("cancel") == sale
    assert (await world.call("POST", "/v1/sales", json=other))[0] == 201


async def test_a_sale_that_was_asked_about_is_cancelled_at_once(world: World) -> None:
    """Without a word from the authority, which hears of the reversal before anything else."""
    world.authority.faults.fault = Fault.SILENT
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        name = await world.pay()
        await told("asked")
        sale = await world.decide("cancel")
        assert (sale["state"], sale["settlement"]) == ("cancelled", "reversing")
        world.authority.faults.clear()
        await told("reversed")
    assert world.transactions() == {name: "VOIDED"}


async def test_nobody_comes(world: World) -> None:
    await world.ring(patience_s=1)
    sale = await world.sale()
    assert (sale["state"], sale["reason"]["code"]) == ("cancelled", "nobody_came")
    assert sale["reason"]["sv"]
    assert sale["reason"]["en"]


GOOD = {"sale_id": "sale-0123456789ab", "amount": AMOUNT, "currency": "SEK"}


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 2**32},
        {"amount": 249.0},
        {"amount": "24900"},
        {"amount": True},
        {"currency": "sek"},
        {"currency": 752},
        {"currency": ["SEK"]},
        {"sale_id": "short"},
        {"sale_id": "x" * 65},
        {"sale_id": "sale 0123456789ab"},
        {"sale_id": 1},
        {"till": "3"},
        {"patience_s": 0},
        {"patience_s": 121},
        {"reference": "x" * 65},
        {"reference": "\ud800"},
        {"reference": 1},
        {"tip": 1},
    ],
)
async def test_a_sale_that_is_not_one(world: World, changes: dict[str, Any]) -> None:
    status, problem = await world.call("POST", "/v1/sales", json=GOOD | changes)
    assert (status, problem["status"], problem["title"]) == (400, 400, "Bad Request")
    assert next(iter(changes)) in problem["detail"]


async def test_a_till_that_is_not_here(world: World) -> None:
    status, problem = await world.call("POST", "/v1/sales", json=GOOD | {"till": 4})
    assert (status, problem["type"]) == (404, "urn:tillsign:problem:unknown-till")
    assert str(TILL) in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "request_", "status"),
    [
        ("POST", "/v1/sales", {"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ("POST", "/v1/sales", {"json": []}, 400),
        ("POST", "/v1/sales", {"json": {}}, 400),
        ("POST", "/v1/sales", {"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ("POST", "/v1/sales", {"json": {"x": "y" * requests.BODY_MOST}}, 413),
        ("POST", "/v1/sales/sale-0123456789ab/cancel", {}, 404),
        ("GET", "/v1/sales/sale-0123456789ab", {}, 404),
        ("GET", "/v1/sales/sale-0123456789ab?wait=61", {}, 400),
        ("GET", "/v1/sales/sale-0123456789ab?wait=nan", {}, 400),
        ("GET", "/v1/sales/sale-0123456789ab?wait=soon", {}, 400),
        ("GET", "/v1/sales/sale-0123456789ab?patience=1", {}, 400),
        ("PUT", "/v1/sales", {}, 405),
        ("DELETE", "/v1/receivers", {}, 405),
        ("GET", "/nowhere", {}, 404),
        ("GET", "/healthz", {"headers": {"Host": "till.example"}}, 403),
        ("GET", "/healthz", {"headers": {"Origin": "https://till.example"}}, 403),
        ("GET", "/v1/events", {"headers": {"Origin": "null"}}, 403),
        ("GET", "/v1/events", {}, 400),
    ],
)
async def test_problems_are_json(
    world: World, method: str, path: str, request_: dict[str, Any], status: int
) -> None:
    async with world.http.request(method, path, **request_) as response:
        problem = await response.json(content_type="application/problem+json")
        assert (response.status, problem["status"]) == (status, status)
        assert problem["type"].startswith("urn:tillsign:problem:")
        assert problem["detail"]
        assert status != 405 or "Allow" in response.headers


async def test_the_document_names_every_route(world: World) -> None:
    app = application(world.daemon.service, world.daemon.guard, world.daemon.metrics)
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource
    }
    described = {(method, path) for path, row in DOCUMENT["paths"].items() for method in row}
    assert routes == described
    assert (await world.call("GET", "/openapi.json")) == (200, json.loads(json.dumps(DOCUMENT)))
    assert await world.call("GET", "/healthz") == (200, {"status": "ok", "version": "0.1.0"})


async def test_answers_are_as_the_document_says(world: World) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    sale = await world.ring()
    assert set(sale) == set(schemas["Sale"]["properties"])
    await world.device.offered()
    world.device.send(wire.HEALTH, wire.Health(5, 60_000, 1, b"\xa1\x01\x02"))
    async with world.http.ws_connect("/v1/events") as watch:
        await world.pay()
        await world.until(watch, event="sale", what="asked")
    [receiver] = (await world.call("GET", "/v1/receivers"))[1]["receivers"]
    for name, part in (
        ("Receiver", receiver),
        ("Hello", receiver["hello"]),
        ("Health", receiver["health"]),
    ):
        assert set(part) == set(schemas[name]["properties"])
    assert receiver["health"]["counters"] == {"malformed": 2}
    assert receiver["hello"]["interpreter"] == "cpython"


async def test_a_wait_ends_when_the_bridge_stops(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.ring()
        waiting = asyncio.ensure_future(stopped.sale(wait=60))
        async with asyncio.timeout(PATIENCE_S):
            while not stopped.daemon.service.books.waiting._waiting:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)
        await stopped.daemon.__aexit__(None, None, None)
        with pytest.raises(aiohttp.ClientError):
            await waiting


async def test_a_journal_that_fails_ends_the_bridge(stopped: World) -> None:
    async def sell_without_journal() -> None:
        async with stopped.bridge():
            await stopped.device.heard(wire.STATE)
            stopped.daemon.service.books._journal.close()
            assert (await stopped.call("POST", "/v1/sales", json=GOOD))[0] == 500
            await stopped.daemon.wait()

    with pytest.raises(ExceptionGroup):
        await sell_without_journal()
