"""Receivers that lie to phone and bridge: caught, asked nothing of the authority, and over with."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from simulator.phone import events
from tests import evidence
from tests.integration.crooks import Crook, Hesitating, Lying, Presenting, Straying
from tests.integration.liars import Lie, lying

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from receiver.checks import Offered
    from simulator.phone.maker import Maker
    from simulator.phone.wallet import Wallet
    from tests.integration.checkout import Checkout

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFER = "receiver/identity.py"
CHECKS = "receiver/checks.py"
JUDGE = "receiver/judge.py"
REPORT = "receiver/report.py"

TRUNCATED = "data = data[:-1]; return Offered(holder, hashed, data,"

# A receiver that calls every approval verified, whatever it says and whoever signed it.
BLIND = (
    Lie(CHECKS, "    if found != wanted:\n", "    if False:\n"),
    Lie(
        CHECKS,
        "structure = yield from signed.verify_job(crypto, key, messages.APPROVAL, parsed, context)",
        "structure = (yield) or signed.structure(messages.APPROVAL, parsed, context)",
    ),
)


@asynccontextmanager
async def caught(till: Checkout, directory: Path, *lies: Lie) -> AsyncIterator[None]:
    """What happens under the lying firmware takes nobody's money; honest firmware sells again."""
    async with lying(till, directory, *lies):
        known = till.transactions()
        yield
        assert till.transactions(but=known) == {}
    sale = await till.ring_up()
    assert (await till.buy()).result == events.APPROVED
    assert (await till.outcome(sale))["state"] == "approved"


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("wrong_amount", Lie(OFFER, "order.amount,", "order.amount + 100,")),
        ("wrong_currency", Lie(OFFER, "order.currency,\n", "978,\n")),
        ("wrong_till", Lie(OFFER, "order.till,", "order.till + 1,")),
        ("wrong_reference", Lie(OFFER, "order.reference,", "bytes(8),")),
        ("bad_signature", Lie(OFFER, "sign_job(self._seed,", "sign_job(bytes(32),")),
        ("wrong_receiver", Lie(OFFER, "kid = hashed[:", "kid = hashed[24:][:")),
        ("malformed", Lie(OFFER, "return Offered(holder, hashed, data,", TRUNCATED)),
    ],
    ids=lambda value: value if isinstance(value, str) else "lie",
)
async def test_an_offer_of_something_else(
    till: Checkout, tmp_path: Path, name: str, lie: Lie
) -> None:
    async with caught(till, tmp_path, lie), till.refusing(name, "receiver_untrusted"):
        sale = await till.ring(100)
        final = await till.outcome(sale)
        assert (final["state"], final["reason"]["code"]) == ("declined", "receiver_untrusted")


def _of_another_offer(offered: Offered, credential: bytes) -> tuple[Offered, bytes]:
    return offered._replace(data=offered.data[::-1]), credential


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("wrong_amount", partial(Lying, lie=lambda honest: {"amount": honest.amount - 1})),
        ("wrong_recipient", partial(Lying, lie=lambda _: {"recipient": 0})),
        ("bad_signature", partial(Straying, stray=_of_another_offer)),
    ],
    ids=["amount", "recipient", "offer"],
)
async def test_a_forged_approval_called_verified(
    till: Checkout, tmp_path: Path, other: Wallet, name: str, maker: Callable[[Wallet], Maker]
) -> None:
    """Refused here, counted once; and the receiver's word was a lie."""
    async with caught(till, tmp_path, *BLIND):
        sale = await till.ring_up()
        async with till.refusing(name, "receiver_untrusted"):
            outcome = await till.buy(Crook(maker), other)
            assert outcome.result == events.UNKNOWN
        told = [await till.told(sale, what) for what in ("claimed", "handed", "refused")]
        assert [then["state"] for then in told] == ["claimed", "claimed", "open"]
        assert (await till.world.till.look(sale["sale_id"]))["state"] == "open"
        await till.world.till.cancel(sale["sale_id"])


async def test_a_credential_that_has_ended_called_good(
    till: Checkout, tmp_path: Path, other: Wallet
) -> None:
    now = int(time.time())
    keys = till.world.authority.office.keys
    ended = evidence.credential(keys, other.key.private, now, expires=now - 1)
    lie = Lie(JUDGE, "held.open_credential(), seconds)", "held.open_credential(), None)")
    async with caught(till, tmp_path, lie):
        sale = await till.ring_up()
        mark = len(till.events)
        crook = Hesitating(lambda wallet: Presenting(wallet, ended))
        buying = asyncio.create_task(till.buy(crook, other))
        await till.event(lambda event: event.get("reason") == "credential_expired", mark)
        assert till.count(sale, "claimed") == 0
        await till.world.till.cancel(sale["sale_id"])
        assert (await buying).result == events.REFUSED


async def test_an_approval_of_the_sale_before(till: Checkout, tmp_path: Path) -> None:
    """The receiver stores what the first phone said and hands it over for the second's."""
    lie = Lie(
        REPORT,
        "record = wire.ApprovalRecord(self._sale.session, link, candidate.approval_data)",
        "self.old = getattr(self, 'old', candidate.approval_data); "
        "record = wire.ApprovalRecord(self._sale.session, link, self.old)",
    )
    async with lying(till, tmp_path, lie):
        sale = await till.ring_up()
        await till.buy()
        assert (await till.outcome(sale))["state"] == "approved"
        known, mark = till.transactions(), len(till.events)
        sale = await till.ring_up()
        buying = asyncio.create_task(till.buy())
        await till.event(lambda event: event.get("reason") == "replay", mark)
        assert (await till.world.till.look(sale["sale_id"]))["state"] == "open"
        await till.world.till.cancel(sale["sale_id"])
        assert (await buying).result == events.UNKNOWN
        assert till.transactions(but=known) == {}


async def test_a_verdict_on_another_approval(till: Checkout, tmp_path: Path) -> None:
    """The authority was asked by then, and has given everything back."""
    lie = Lie(REPORT, "candidate.id, self._sale.refusal", "b'x' * 16, self._sale.refusal")
    async with lying(till, tmp_path, lie):
        known, space = till.transactions(), till.credit_space()
        sale = await till.ring_up()
        async with till.refusing("receiver_untrusted"):
            await till.buy()  # whose phone may ask before the money is given back
        assert (await till.told(sale, "returned"))["state"] == "open"
        await till.world.till.cancel(sale["sale_id"])
        assert list(till.transactions(but=known).values()) == ["VOIDED"]
        assert till.credit_space() == space


async def test_messages_that_are_none(till: Checkout, tmp_path: Path) -> None:
    """Refused one by one; the sale does not depend on them."""
    junk = "self._out.append(ports.Send(wire.PHONE, b'\\xff')) or ("
    lie = Lie(REPORT, "self.send(wire.PHONE, ", junk)
    async with lying(till, tmp_path, lie), till.refusing("malformed"):
        sale = await till.ring_up()
        assert (await till.buy()).result == events.APPROVED
        assert (await till.outcome(sale))["state"] == "approved"
