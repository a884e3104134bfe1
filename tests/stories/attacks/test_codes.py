"""Guessing the code: five tries in a row and no more, and nobody but the authority tells which."""

from __future__ import annotations

import json
import sqlite3
import tomllib
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any, NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from receiver import reasons
from receiver.encoding import cose, schema
from receiver.link import wire
from receiver.protocol import exchange, messages, padding
from receiver.protocol.validation import Offered
from simulator.authority import Fault
from simulator.authority.ledger.decline_rules import TRIES_MOST
from simulator.crypto import pki
from simulator.phone.app.buyer import DEMO_CODE, Buyer
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome
from simulator.phone.conversation.messages import Maker, Signed
from simulator.phone.wallet.wallet import Wallet
from simulator.world.world import Settings
from tests.support.world.checkout import AUTHORISATIONS, Json
from tests.support.world.crooks import Crook, Straying
from tests.support.world.middle import in_the_middle
from tests.support.world.siege import NOT_PAID, tries
from tests.support.world.tap import Crossed, TappedCheckout, tapped_checkout

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG_CODE = "000000"
SAID = (exchange.KEY, exchange.CREDENTIAL, exchange.APPROVAL)
ANSWER_S = 0.2  # of an authority that takes its time: receiver and bridge have finished before


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter() -> AsyncIterator[TappedCheckout]:
    """A world with a tap on its serial line."""
    async with tapped_checkout(Settings(rate=0)) as one:
        yield one


async def guess(till: TappedCheckout, wallet: Wallet, *codes: str) -> tuple[Outcome, Json]:
    """One sale with these codes, and what it came to; an open one is cancelled."""
    sale = await till.ring_up()
    outcome = await till.buy(Buyer(*codes), wallet)
    if (await till.world.till.look(sale["sale_id"]))["state"] == "open":
        await till.world.till.cancel(sale["sale_id"])
    return outcome, await till.outcome(sale)


async def administer(till: TappedCheckout, **change: Any) -> Json:
    """Change the honest buyer, who has all the phones here, as the authority's administrator."""
    return await till.world.administer(f"buyers/{till.world.people.buyers[0].id}", change)


async def locked(till: TappedCheckout, wallet: Wallet) -> None:
    """Guess wrong until the phone is locked."""
    await guess(till, wallet, *[WRONG_CODE] * (TRIES_MOST - 1))
    await guess(till, wallet, WRONG_CODE)
    assert tries(till, wallet) == TRIES_MOST


# Five in a row.


async def test_five_wrong_codes_in_five_sales_lock_the_phone(
    till: TappedCheckout, other: Wallet
) -> None:
    """Each is declined by `code_wrong`; then even the right one is, by `code_locked`."""
    for count in range(1, TRIES_MOST + 1):
        outcome, _ = await guess(till, other, WRONG_CODE)
        assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.CODE_WRONG)
        assert tries(till, other) == count
    outcome, final = await guess(till, other, DEMO_CODE)
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.CODE_LOCKED)
    assert (final["state"], final["reason"]["code"]) == ("declined", "code_locked")


async def test_wrong_codes_in_one_sale_count_like_any(till: TappedCheckout, other: Wallet) -> None:
    """Four in one sale through new offers, the fifth in the next: the right one comes too late."""
    _, final = await guess(till, other, *[WRONG_CODE] * 4)
    assert (final["state"], final["reason"]["code"]) == ("declined", "code_wrong")
    assert tries(till, other) == 4
    outcome, final = await guess(till, other, WRONG_CODE, DEMO_CODE)
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.CODE_LOCKED)
    assert (final["state"], final["reason"]["code"]) == ("declined", "code_locked")


async def test_a_right_code_after_four_wrong_ones_begins_the_row_anew(
    till: TappedCheckout, other: Wallet
) -> None:
    for _ in range(2):
        await guess(till, other, *[WRONG_CODE] * 4)
        assert tries(till, other) == 4
        _, final = await guess(till, other, DEMO_CODE)
        assert (final["state"], final["reason"]) == ("approved", None)
        assert tries(till, other) == 0


async def test_a_locked_phone_stays_locked_until_the_administrator_unlocks_it(
    till: TappedCheckout, other: Wallet
) -> None:
    """Neither wrong codes nor right ones change anything before that."""
    await locked(till, other)
    for code in (WRONG_CODE, DEMO_CODE):
        _, final = await guess(till, other, code)
        assert (final["state"], final["reason"]["code"]) == ("declined", "code_locked")
        assert tries(till, other) == TRIES_MOST
    changed = await administer(till, unlock=True)
    assert changed["wrong_codes"] == 0
    _, final = await guess(till, other, DEMO_CODE)
    assert (final["state"], final["reason"]) == ("approved", None)


async def test_a_locked_phone_locks_no_other(till: TappedCheckout, other: Wallet) -> None:
    """Also where it is the same buyer's."""
    await locked(till, other)
    _, final = await guess(till, till.wallet, DEMO_CODE)
    assert (final["state"], final["reason"]) == ("approved", None)


# What is no try.


class Stammering(Maker):
    """Sends its approval three times, the same bytes each time."""

    def complete(self, offered: Offered, credential: bytes, code: str, now: int) -> Signed:
        signed = super().complete(offered, credential, code, now)
        return signed._replace(writes=signed.writes * 3)


async def test_the_same_approval_over_the_air_again_is_no_other_try(
    till: TappedCheckout, other: Wallet
) -> None:
    """One try, one answer."""
    mark = len(till.tap.crossed)
    sale = await till.ring_up()
    outcome = await till.buy(Crook(Stammering, WRONG_CODE), other)
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.CODE_WRONG)
    assert till.new_transactions() == {outcome.approval_id.hex(): "DECLINED"}
    crossed = [message.channel for message in till.tap.crossed[mark:]]
    assert crossed.count(wire.APPROVAL) == 1
    assert (tries(till, other), till.count(sale, "approval_received")) == (1, 1)


async def test_the_same_record_to_the_authority_again_is_no_other_try(
    till: TappedCheckout, other: Wallet
) -> None:
    """Its answer was lost; asked again, it is the same."""
    faults = till.world.authority.faults
    faults.fault, faults.times, faults.prefix = Fault.DROP, 1, AUTHORISATIONS
    sale = await till.ring_up()
    outcome = await till.buy(Buyer(WRONG_CODE), other)
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.CODE_WRONG)
    assert till.count(sale, "authority_timeout") == 1
    assert till.new_transactions() == {outcome.approval_id.hex(): "DECLINED"}
    assert tries(till, other) == 1


async def test_an_approval_whose_signature_does_not_hold_is_no_try(
    till: TappedCheckout, other: Wallet
) -> None:
    """The bridge does not even ask."""

    def stray(offered: Offered, credential: bytes) -> tuple[Offered, bytes]:
        return offered._replace(data=offered.data[::-1]), credential

    await till.ring_up()
    async with till.refusing("bad_signature"):
        crook = Crook(lambda wallet: Straying(wallet, stray), WRONG_CODE)
        assert (await till.buy(crook, other)).result in NOT_PAID
    assert (tries(till, other), till.new_transactions()) == (0, {})


async def test_a_record_whose_signature_does_not_hold_is_no_try(
    till: TappedCheckout, other: Wallet
) -> None:
    """From a bridge that has been taken over: it cannot use up a phone's tries."""
    mark = len(till.tap.crossed)
    await guess(till, other, WRONG_CODE)
    record = await _record(till, mark)
    spoilt = record.approval[:-1] + bytes([record.approval[-1] ^ 1])
    for _ in range(TRIES_MOST):
        status, answer = await _authorise(till, record._replace(approval=spoilt))
        assert (status, json.loads(answer)["reason"]) == (422, "bad_signature")
    assert tries(till, other) == 1
    assert (await _authorise(till, record))[0] == 200  # as it was, it has its answer
    assert tries(till, other) == 1


async def test_a_decline_before_the_code_is_looked_at_is_no_try(
    till: TappedCheckout, other: Wallet
) -> None:
    """Of a blocked buyer, by `buyer_blocked`: it neither counts a wrong code nor forgives one."""
    await guess(till, other, WRONG_CODE)
    await administer(till, blocked=True)
    for code in (WRONG_CODE, DEMO_CODE):
        _, final = await guess(till, other, code)
        assert (final["state"], final["reason"]["code"]) == ("declined", "buyer_blocked")
        assert tries(till, other) == 1
    await administer(till, blocked=False)
    _, final = await guess(till, other, DEMO_CODE)
    assert (final["state"], final["reason"]) == ("approved", None)


async def _record(till: TappedCheckout, since: int) -> messages.Record:
    """What the bridge has sent to the authority, put together from what it was told."""
    shown = (await till.tap.message(wire.CREDENTIAL, since)).value
    approval = (await till.tap.message(wire.APPROVAL, since)).value
    now = int(till.world.authority.office.now())
    return messages.Record(
        shown.certificate_hash,
        shown.offer,
        shown.enc,
        shown.data,
        approval.data,
        messages.ONLINE,
        now,
    )


async def _authorise(till: TappedCheckout, record: messages.Record) -> tuple[int, bytes]:
    """The authority's answer to a record under the bridge's own TLS certificate."""
    config = tomllib.loads(till.world.bridge.config.read_text())["authority"]
    context = pki.client_context(till.world.authority.ca.certificate)
    context.load_cert_chain(config["certificate"], config["key"])
    data = schema.encode(messages.RECORD, record)
    async with (
        aiohttp.ClientSession(headers={"Content-Type": "application/cbor"}) as session,
        session.post(config["url"] + AUTHORISATIONS, data=data, ssl=context) as response,
    ):
        return response.status, await response.read()


# No oracle: what can be seen, and by whom.


class Seen(NamedTuple):
    """One purchase as an eavesdropper, the phone and the serial line see it, until the authority
    has answered; and its answer, from the bridge (`receipt`) and as it was on the air (`result`).
    """

    air: list[tuple[bool, int, int]]
    phone: list[str]
    line: list[tuple[bool, int, int]]
    receipt: bytes
    result: bytes


async def _watched(till: TappedCheckout, wallet: Wallet, code: str) -> tuple[Json, Seen]:
    """The sale of a purchase with this code, and what was seen of it."""
    mark, step = len(till.tap.crossed), len(till.steps)
    till.slow_down(ANSWER_S)
    with in_the_middle() as middle:
        sale = await till.ring_up()
        await till.buy(Buyer(code), wallet)
        result = await middle.until_said(exchange.RESULT)
    await till.tidy()
    said = middle.said[: middle.said.index(result)]
    steps = [it.name for it in till.steps[step:]]
    answer = await till.tap.message(wire.RESULT, mark)
    crossed = till.tap.crossed[mark : till.tap.crossed.index(answer)]
    return sale, Seen(
        [it.shape for it in said],
        steps[: steps.index("approval_written") + 1],
        [(it.up, it.channel, len(it.payload)) for it in crossed if not _is_presence(it)],
        answer.value.receipt,
        result.data,
    )


def _is_presence(it: Crossed) -> bool:
    """Whether it says that a phone has come or gone: later, the more there were of late."""
    return it.channel == wire.PHONE and it.value.event in (wire.PHONE_NEAR, wire.PHONE_GONE)


async def _journals(till: TappedCheckout, sales: list[Json]) -> list[list[tuple[str, int]]]:
    """The facts of each sale until the authority was asked, with their sizes."""
    await till.world.bridge.stop()
    path = till.world.bridge.directory / "journal.sqlite"
    query = "SELECT kind, length(body) FROM entries WHERE sale_id = ? ORDER BY id"
    with closing(sqlite3.connect(path)) as database:
        facts = [database.execute(query, (sale["sale_id"],)).fetchall() for sale in sales]
    await till.restart_bridge()
    await till.world.receiver_up()
    return [rows[: [kind for kind, _ in rows].index("authorisation_sent") + 1] for rows in facts]


async def test_a_wrong_code_looks_like_a_right_one(till: TappedCheckout, other: Wallet) -> None:
    """To all but the authority. Phone, air, receiver, serial line, bridge: messages of the same
    types and lengths for a right, a wrong and a locked code; the answer on the air has one length
    and is sealed."""
    watched = [await _watched(till, other, code) for code in (DEMO_CODE, WRONG_CODE)]
    await locked(till, other)
    watched.append(await _watched(till, other, DEMO_CODE))
    sales, seen = [sale for sale, _ in watched], [seen for _, seen in watched]
    finals = [await till.world.till.look(sale["sale_id"]) for sale in sales]
    assert [final["state"] for final in finals] == ["approved", "cancelled", "declined"]
    right, *others = seen
    assert [kind for up, kind, _ in right.air if up] == list(SAID)
    for one in others:
        assert (one.air, one.phone, one.line) == (right.air, right.phone, right.line)
    for one in seen:
        assert len(one.result) == 1 + padding.RESULT_SEALED
        assert one.receipt[-cose.SIGNATURE_SIZE :] not in one.result
    journals = await _journals(till, sales)
    assert [kind for kind, _ in journals[0]] == [
        "rung",
        "offered",
        "approval_received",
        "authorisation_sent",
    ]
    assert journals == [journals[0]] * len(sales)
