"""Receivers that lie to phone and bridge: caught, asked nothing of the authority, and over with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from receiver.encoding import cose
from simulator.phone.app.buyer import Buyer
from simulator.phone.conversation import events
from simulator.phone.conversation.messages import Maker
from simulator.phone.wallet.wallet import Wallet
from tests.support.values.evidence import P256_ORDER
from tests.support.world import papers
from tests.support.world.checkout import Checkout, is_refusal
from tests.support.world.crooks import (
    Crook,
    Hesitating,
    Lying,
    Presenting,
    Signing,
    Straying,
    other_offer,
    resigned,
    signed_as,
)
from tests.support.world.liars import Lie, lying
from tests.support.world.siege import pays

Make = Callable[[Checkout, Wallet], bytes]

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFER = "receiver/core/identity.py"
CHECKS = "receiver/protocol/validation.py"
JUDGE = "receiver/core/exchange_pipeline.py"
REPORT = "receiver/core/uplink.py"
WIRE = "receiver/link/wire.py"

AS_RECEIPT = "encode_job(signed.Kind('receipt', *messages.OFFER[1:]),"
TRUNCATED = "data = data[:-1]; return Offered(holder, hashed, data,"

# A receiver that calls every approval verified, whatever it says and whoever signed it: at once, as
# the bridge's own refusal would end an honest look at it, and no lie would be told.
BLIND = (
    Lie(JUDGE, "self._decide()", "self._decide(now)"),
    Lie(JUDGE, "def _decide(self)", "def _decide(self, now)"),
    Lie(
        JUDGE,
        "self._verify(candidate, sale.offered)",
        "self._report.approval(candidate); self._judged(candidate, None, now)",
    ),
)


@asynccontextmanager
async def caught(till: Checkout, directory: Path, *lies: Lie) -> AsyncIterator[None]:
    """What happens under the lying firmware takes nobody's money; honest firmware sells again."""
    async with lying(till, directory, *lies):
        yield
        assert till.new_transactions() == {}
    await pays(till, await till.ring_up())


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("wrong_version", Lie(OFFER, "messages.VERSION,\n", "0,\n")),
        ("wrong_version", Lie(OFFER, "messages.VERSION,\n", "2,\n")),
        ("wrong_amount", Lie(OFFER, "order.amount,", "order.amount + 100,")),
        ("wrong_currency", Lie(OFFER, "order.currency,\n", "978,\n")),
        ("wrong_till", Lie(OFFER, "order.till,", "order.till + 1,")),
        ("wrong_reference", Lie(OFFER, "order.reference,", "bytes(8),")),
        ("bad_signature", Lie(OFFER, "sign_job(self._seed,", "sign_job(bytes(32),")),
        ("bad_signature", Lie(OFFER, "encode_job(messages.OFFER,", AS_RECEIPT)),
        ("wrong_receiver", Lie(OFFER, "kid = hashed[:", "kid = hashed[24:][:")),
        ("malformed", Lie(OFFER, "return Offered(holder, hashed, data,", TRUNCATED)),
    ],
    ids=[
        *("version_0", "version_2", "amount", "currency", "till", "reference"),
        *("by_another_key", "made_for_a_receipt", "certificate", "cut_short"),
    ],
)
async def test_an_offer_of_something_else(
    till: Checkout, tmp_path: Path, name: str, lie: Lie
) -> None:
    async with caught(till, tmp_path, lie), till.refusing(name, "receiver_untrusted"):
        sale = await till.ring(100)
        final = await till.outcome(sale)
        assert (final["state"], final["reason"]["code"]) == ("declined", "receiver_untrusted")


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("wrong_amount", partial(Lying, lie=lambda honest: {"amount": honest.amount - 1})),
        ("wrong_recipient", partial(Lying, lie=lambda _: {"recipient": 0})),
        ("bad_signature", partial(Straying, stray=other_offer)),
        ("bad_signature", partial(Signing, sign=signed_as(cose.OFFER))),
        ("bad_signature", partial(Signing, sign=resigned(lambda r, s: (r, P256_ORDER - s)))),
        ("bad_signature", partial(Signing, sign=resigned(lambda r, s: (0, s)))),
    ],
    ids=["amount", "recipient", "offer", "made_for_an_offer", "high_s", "r_is_0"],
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
        told = [await till.told(sale, what) for what in ("claimed", "approval_received", "refused")]
        assert [then["state"] for then in told] == ["claimed", "claimed", "open"]
        assert (await till.world.till.look(sale["sale_id"]))["state"] == "open"
        await till.world.till.cancel(sale["sale_id"])


@pytest.mark.parametrize(
    ("name", "lie", "make"),
    [
        (
            "credential_expired",
            Lie(
                JUDGE,
                "self._examine_job(held, self._identity.seconds(now))",
                "self._examine_job(held, None)",
            ),
            lambda till, wallet: papers.credential(till, wallet, expires=1),
        ),
        (
            "bad_signature",
            Lie(CHECKS, "yield from ring.verify_job(messages.CREDENTIAL, parsed)", "yield"),
            lambda till, wallet: spoiled(papers.spare(wallet)),
        ),
    ],
    ids=["ended", "forged"],
)
async def test_a_credential_called_good(
    till: Checkout, tmp_path: Path, other: Wallet, *, name: str, lie: Lie, make: Make
) -> None:
    """The bridge claims nothing with it."""
    credential = make(till, other)
    async with caught(till, tmp_path, lie), till.refusing(name):
        await hesitated(till, other, lambda wallet: Presenting(wallet, credential), name)


def spoiled(data: bytes) -> bytes:
    """With another signature."""
    return data[:-64] + bytes([data[-64] ^ 1]) + data[-63:]


async def hesitated(
    till: Checkout, wallet: Wallet, make: Callable[[Wallet], Maker], name: str
) -> None:
    """A credential is shown and refused by the bridge alone; nobody approves."""
    sale, mark = await till.ring_up(), len(till.events)
    buying = asyncio.create_task(till.buy(Hesitating(make), wallet))
    await till.event(partial(is_refusal, name), mark)
    assert till.count(sale, "claimed") == 0
    await till.world.till.cancel(sale["sale_id"])
    assert (await buying).result == events.REFUSED


@pytest.mark.parametrize("size", [0, 31])
async def test_an_enc_that_is_too_short(
    till: Checkout, tmp_path: Path, other: Wallet, size: int
) -> None:
    lies = (
        Lie(WIRE, 'fixed(4, "enc", ENC_SIZE)', 'blob(4, "enc", ENC_SIZE)'),
        Lie(REPORT, "offered.data, enc, data)", f"offered.data, enc[:{size}], data)"),
    )
    async with caught(till, tmp_path, *lies), till.refusing("malformed"):
        await hesitated(till, other, Maker, "malformed")


@pytest.mark.parametrize(
    ("place", "name"), [(0, "bad_signature"), (1, "wrong_recipient")], ids=["same", "other"]
)
async def test_another_credential_of_the_same_phone(
    till: Checkout, tmp_path: Path, other: Wallet, place: int, name: str
) -> None:
    """The receiver keeps the first that it sees, for the same recipient or another, and hands it
    over with the next approval: the buyer has not approved that."""
    swap = "self.old = held.credential_data = getattr(self, 'old', held.credential_data); "
    lie = Lie(JUDGE, "held.credential = credential\n", swap + "held.credential = credential\n")
    async with lying(till, tmp_path, lie, *BLIND):
        first = await till.ring_up()
        buyer = Buyer(recipients=[other.recipients[place].id])
        assert (await till.buy(buyer, other)).result == events.APPROVED
        assert (await till.outcome(first))["state"] == "approved"
        known, sale = till.transactions(), await till.ring_up()
        async with till.refusing(name, "receiver_untrusted"):
            assert (await till.buy(Crook(Maker), other)).result == events.UNKNOWN
        assert till.transactions(but=known) == {}
        await till.world.till.cancel(sale["sale_id"])
    await pays(till, await till.ring_up())


async def test_another_store_name_for_the_phone(
    till: Checkout, tmp_path: Path, other: Wallet
) -> None:
    """The receiver was certified twice and has two faces, one for the phone, one for the bridge.

    The buyer approves in the store of the one: it is worth nothing in the other.
    """
    renamed = papers.second_certificate(till, store_name="Storgatan 2")
    async with caught(till, tmp_path, *two_faced(renamed)):
        sale = await till.ring_up()
        async with till.refusing("bad_signature", "wrong_order"):
            buying = asyncio.create_task(till.buy(Crook(Maker), other))
            await till.told(sale, "refused")
            await till.event(partial(is_refusal, "wrong_order"))
            await till.world.till.cancel(sale["sale_id"])
            outcome = await buying
        assert outcome.view is not None
        assert (outcome.result, outcome.view.store) == (events.UNKNOWN, "Storgatan 2")


def two_faced(certificate: bytes) -> list[Lie]:
    """One offer for the bridge, and for phones the same under this certificate."""
    sign = "data = yield from signed.encode_job(messages.OFFER, offer, hashed[:8], self._sign_job)"
    hidden = (
        f"identifiers.told = hashed, data; hashed = identifiers.certificate_hash({certificate!r})"
    )
    told = "self._sale.open(offered, identifiers.session_id(identifiers.told[1]), now)"
    return [
        Lie(
            "receiver/core/receiver.py",
            "ShowCertificate(identity.c",
            f"ShowCertificate({certificate!r} or c",
        ),
        Lie(OFFER, "return Offered(holder,", f"{hidden}; {sign}; return Offered(holder,"),
        Lie(JUDGE, "self._sale.open(offered, identifiers.session_id(offered.data), now)", told),
        Lie(
            REPORT,
            "import reasons\n",
            "import reasons\nfrom receiver.protocol import identifiers\n",
        ),
        Lie(REPORT, "offered.data, reasons.OK", "identifiers.told[1], reasons.OK"),
        Lie(REPORT, "hashed, offered.data, enc", "*identifiers.told, enc"),
    ]


async def test_an_approval_of_the_sale_before(till: Checkout, tmp_path: Path) -> None:
    """The receiver stores what the first phone said and hands it over for the second's."""
    lie = Lie(
        REPORT,
        "record = wire.ApprovalRecord(self._sale.session, link, shown.approval_data)",
        "self.old = getattr(self, 'old', shown.approval_data); "
        "record = wire.ApprovalRecord(self._sale.session, link, self.old)",
    )
    async with lying(till, tmp_path, lie):
        sale = await till.ring_up()
        assert (await till.buy()).result == events.APPROVED
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
    lie = Lie(REPORT, "candidate.id, reason", "b'x' * 16, reason")
    async with lying(till, tmp_path, lie):
        sale = await till.ring_up()
        async with till.refusing("receiver_untrusted"):
            await till.buy()  # whose phone may ask before the money is given back
        assert (await till.told(sale, "recall_reversed"))["state"] == "open"
        await till.world.till.cancel(sale["sale_id"])
        assert list(till.new_transactions().values()) == ["VOIDED"]
        assert till.spent() == 0


async def test_messages_that_are_none(till: Checkout, tmp_path: Path) -> None:
    """Refused one by one; the sale does not depend on them."""
    junk = "self._out.append(io.Send(wire.PHONE, b'\\xff')) or ("
    told = "wire.Phone(self._sale.session"
    lie = Lie(REPORT, f"self.send(wire.PHONE, {told}", junk + told)
    # One is about the phone that shows the offer, the other about its end.
    async with lying(till, tmp_path, lie), till.refusing("malformed", "malformed"):
        sale = await till.ring_up()
        assert (await till.buy()).result == events.APPROVED
        assert (await till.outcome(sale))["state"] == "approved"
