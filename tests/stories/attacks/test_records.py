"""Attack: a bridge that lies to the authority, with a true record of its own to begin with.

It speaks for its receiver and has seen every message of the purchase. Each lie is a request of its
own; what was booked before stays, and no request more is booked.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from receiver.encoding import schema
from receiver.protocol import messages, padding, signed
from simulator.authority.api import bridges
from simulator.authority.ledger import record_verification
from simulator.crypto import pki
from tests.support.values import evidence
from tests.support.world import papers
from tests.support.world.siege import pays

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from receiver.protocol.messages import Record
    from receiver.protocol.validation import Pins
    from simulator.authority.accounts.receivers import Issued
    from simulator.phone.wallet.wallet import Wallet
    from tests.support.world.checkout import Checkout

    Change = Callable[["Purchase"], dict[str, Any]]

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A record as a liar may spell it: any size in every place.
ANY_RECORD = tuple(
    field if field.kind == schema.UINT else schema.blob(field.key, field.name, 999)
    for field in messages.RECORD
)


class Purchase(NamedTuple):
    """A purchase that is booked: its record, its receipt, and the phone that has paid."""

    till: Checkout
    wallet: Wallet
    record: Record
    receipt: bytes


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def purchase(counter: Checkout) -> Purchase:
    records: list[Record] = []

    def hear(issued: Issued, record: Record, pins: Pins) -> record_verification.Evidence:
        records.append(record)
        return record_verification.verify(issued, record, pins)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bridges, "verify", hear)
        wallet = await counter.world.new_wallet()
        outcome = await pays(counter, await counter.ring_up(), wallet)
    query = "SELECT receipt FROM transactions WHERE approval_id = ?"
    receipt = counter.world.authority.office.store.value(query, outcome.approval_id)
    (record,) = records
    return Purchase(counter, wallet, record, receipt)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridge(counter: Checkout) -> AsyncIterator[aiohttp.ClientSession]:
    """The way to the authority with the bridge's own client certificate."""
    ca = counter.world.authority.ca
    tls = aiohttp.TCPConnector(ssl=pki.client_context(ca.certificate, ca.client("bridge")))
    headers = {"Content-Type": "application/cbor"}
    url = counter.world.authority.url
    async with aiohttp.ClientSession(url, connector=tls, headers=headers) as session:
        yield session


async def refused(
    bridge: aiohttp.ClientSession, purchase: Purchase, name: str, **changes: Any
) -> None:
    till, record = purchase.till, purchase.record._replace(**changes)
    known, space = till.transactions(), till.credit_space()
    before = till.world.authority.refused[name]
    data = schema.encode(ANY_RECORD, record)
    async with bridge.post("/v1/authorisations", data=data) as answer:
        assert (answer.status, (await answer.json(content_type=None))["reason"]) == (422, name)
    assert till.world.authority.refused[name] == before + 1
    assert till.transactions() == known
    assert till.credit_space() == space


@pytest.mark.parametrize("size", [*range(padding.ENC_SIZE), padding.ENC_SIZE + 1])
async def test_an_enc_of_another_size(
    till: Checkout, bridge: aiohttp.ClientSession, purchase: Purchase, size: int
) -> None:
    await refused(bridge, purchase, "malformed", enc=(purchase.record.enc * 2)[:size])


def _another_enc(purchase: Purchase) -> dict[str, Any]:
    return {"enc": evidence.ENC}


def _another_credential(purchase: Purchase) -> dict[str, Any]:
    return {"credential": papers.spare(purchase.wallet)}


def _another_recipient(purchase: Purchase) -> dict[str, Any]:
    return {"credential": papers.spare(purchase.wallet, place=1)}


def _another_phone(purchase: Purchase) -> dict[str, Any]:
    return {"credential": papers.spare(purchase.till.wallet)}


def _another_store_name(purchase: Purchase) -> dict[str, Any]:
    certificate = papers.second_certificate(purchase.till, store_name="Storgatan 2")
    return {"certificate_hash": signed.digest(certificate)}


def _another_certificate(purchase: Purchase) -> dict[str, Any]:
    return {"certificate_hash": bytes(32)}


def _another_offer(purchase: Purchase) -> dict[str, Any]:
    """The receiver's own, over less: bridge and receiver are in league."""
    till = purchase.till
    seed = papers.seed(till)
    offer = evidence.offer(seed, papers.certificate(till), int(time.time()), amount=1)
    return {"offer": offer}


def _another_signature(purchase: Purchase) -> dict[str, Any]:
    approval = purchase.record.approval
    return {"approval": approval[:-1] + bytes([approval[-1] ^ 1])}


def _another_time(purchase: Purchase) -> dict[str, Any]:
    """When the certificate had ended."""
    return {"accepted": 2**32 - 1}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bad_signature", _another_enc),
        ("bad_signature", _another_credential),
        ("wrong_recipient", _another_recipient),
        ("bad_signature", _another_phone),
        ("wrong_receiver", _another_store_name),
        ("receiver_unknown", _another_certificate),
        ("wrong_amount", _another_offer),
        ("bad_signature", _another_signature),
        ("certificate_expired", _another_time),
    ],
    ids=lambda it: it if isinstance(it, str) else it.__name__.strip("_"),
)
async def test_a_record_with_one_thing_changed(
    till: Checkout, bridge: aiohttp.ClientSession, purchase: Purchase, name: str, change: Change
) -> None:
    await refused(bridge, purchase, name, **change(purchase))


async def test_the_same_record_again_books_nothing_more(
    till: Checkout, bridge: aiohttp.ClientSession, purchase: Purchase
) -> None:
    known, space = till.transactions(), till.credit_space()
    data = schema.encode(messages.RECORD, purchase.record)
    for _ in range(2):
        async with bridge.post("/v1/authorisations", data=data) as answer:
            assert (answer.status, await answer.read()) == (200, purchase.receipt)
    assert (till.transactions(), till.credit_space()) == (known, space)


async def test_a_bridge_that_does_not_speak_for_the_receiver(
    till: Checkout, purchase: Purchase
) -> None:
    authority = till.world.authority
    stranger = authority.ca.client("stranger")
    tls = pki.client_context(authority.ca.certificate, stranger)
    data, known = schema.encode(messages.RECORD, purchase.record), till.transactions()
    async with (
        aiohttp.ClientSession(authority.url) as session,
        session.post(
            "/v1/authorisations", data=data, ssl=tls, headers={"Content-Type": "application/cbor"}
        ) as answer,
    ):
        assert answer.status == 403
    assert till.transactions() == known


async def test_an_honest_phone_pays_after_all_that(till: Checkout, purchase: Purchase) -> None:
    await pays(till, await till.ring_up())
