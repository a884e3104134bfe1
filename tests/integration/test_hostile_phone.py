"""Phones that lie, stammer and vanish: a named refusal, and the till still sells."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from receiver import cose, exchange, layout, messages, reasons, signed
from simulator.phone import events
from simulator.phone.buyer import Silent, Vanishing
from simulator.phone.maker import Maker
from tests import evidence
from tests.integration.checkout import is_refusal
from tests.integration.crooks import (
    APPROVAL,
    CREDENTIAL,
    KEY,
    Approving,
    Crook,
    Hesitating,
    Lying,
    Presenting,
    Recording,
    Repeating,
    Straying,
    Watching,
    Writing,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from receiver.checks import Offered
    from receiver.messages import Approval
    from simulator.phone.wallet import Wallet
    from tests.integration.checkout import Checkout, Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

EURO = 978
HOUR_S = 3600
MUCH_TOO_SMALL_MTU = 100
FIFTH_PATIENCE_S = 3
NOT_PAID = (events.REFUSED, events.UNKNOWN, events.LOST)


@asynccontextmanager
async def withstood(till: Checkout, *names: str) -> AsyncIterator[Json]:
    """A sale with an attack inside: refused by these names, and then paid by an honest phone."""
    known = till.transactions()
    sale = await till.ring_up()
    async with till.refusing(*names):
        yield sale
        outcome = await till.buy()
        final = await till.outcome(sale)
        assert (final["state"], final["reason"]) == ("approved", None)
    assert till.transactions(but=known) == {outcome.approval_id.hex(): "PENDING"}


# Approvals.


def _of_another_recipient(approval: Approval) -> dict[str, int]:
    return {"recipient": approval.recipient + 1}


def _of_another_receiver(offered: Offered, credential: bytes) -> tuple[Offered, bytes]:
    return offered._replace(certificate_hash=bytes(32)), credential


def _of_another_offer(offered: Offered, credential: bytes) -> tuple[Offered, bytes]:
    return offered._replace(data=offered.data[::-1]), credential


def _of_another_credential(offered: Offered, credential: bytes) -> tuple[Offered, bytes]:
    return offered, credential[::-1]


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("wrong_amount", partial(Lying, lie=lambda honest: {"amount": honest.amount - 1})),
        ("wrong_currency", partial(Lying, lie=lambda _: {"currency": EURO})),
        ("wrong_recipient", partial(Lying, lie=_of_another_recipient)),
        ("wrong_version", partial(Lying, lie=lambda _: {"version": 2})),
        ("old_app", partial(Lying, lie=lambda _: {"app": 0})),
        ("bad_signature", partial(Straying, stray=_of_another_receiver)),
        ("bad_signature", partial(Straying, stray=_of_another_offer)),
        ("bad_signature", partial(Straying, stray=_of_another_credential)),
    ],
    ids=["amount", "currency", "recipient", "version", "app", "receiver", "offer", "credential"],
)
async def test_an_approval_of_something_else(
    till: Checkout, other: Wallet, name: str, maker: Callable[[Wallet], Maker]
) -> None:
    async with withstood(till, name) as sale:
        outcome = await till.buy(Crook(maker), other)
        assert outcome.result in NOT_PAID
        left = await till.told(sale, "left")
        assert (left["state"], left["reason"]["code"]) == ("open", name)


async def test_an_approval_with_somebody_elses_credential(till: Checkout, other: Wallet) -> None:
    stolen = (await till.world.new_wallet()).take_credential(
        other.recipients[0].id, int(time.time())
    )
    async with withstood(till, "bad_signature"):
        await till.buy(Crook(lambda wallet: Presenting(wallet, stolen)), other)


async def test_a_second_approval_on_one_link(till: Checkout, other: Wallet) -> None:
    """The first stands, and pays; the second is refused and pays nothing."""
    known = till.transactions()
    sale = await till.ring_up()
    async with till.refusing("second_approval"):
        await till.buy(Crook(Repeating), other)
        assert (await till.outcome(sale))["state"] == "approved"
    assert len(till.transactions(but=known)) == 1
    async with withstood(till):
        pass


async def test_a_replay_in_the_next_sale(till: Checkout, other: Wallet) -> None:
    recording = Recording(other)
    sale = await till.ring_up()
    await till.buy(Crook(lambda _: recording), other)
    assert (await till.outcome(sale))["state"] == "approved"
    async with withstood(till, "bad_seal"):
        await till.buy(Watching(lambda wallet: Writing(wallet, KEY, *recording.said)), other)


async def test_bytes_that_are_no_approval(till: Checkout) -> None:
    async with withstood(till, *["malformed"] * 4):
        for junk in (b"\0", b"\x84", random.Random(1).randbytes(116), bytes(129)):
            await till.buy(Crook(partial(Approving, approval=junk)), await till.world.new_wallet())


# Credentials.


def _issued(till: Checkout, wallet: Wallet, **changes: Any) -> bytes:
    """A credential by the true authority for this phone, but for `changes`."""
    keys = till.world.authority.office.keys
    return evidence.credential(keys, wallet.key.private, int(time.time()), **changes)


def _signed_by(kid: bytes, wallet: Wallet) -> bytes:
    """A credential under a key id of a crook's choice, signed by the crook."""
    now = int(time.time())
    value = messages.Credential(now + HOUR_S, now - HOUR_S, bytes(8), wallet.key.public, 0, 1, 0)
    payload = layout.encode(messages.CREDENTIAL.fields, value)
    return cose.build(cose.ALG_ED25519, kid, payload, cose.CREDENTIAL, b"", wallet.key.sign)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("credential_expired", lambda t, w: _issued(t, w, expires=int(time.time()) - 1)),
        (
            "credential_not_yet_valid",
            lambda t, w: _issued(t, w, not_before=int(time.time()) + HOUR_S),
        ),
        ("unknown_issuer", lambda _, w: _signed_by(bytes([signed.ROLE_CREDENTIAL, 99]), w)),
        ("wrong_role", lambda _, w: _signed_by(bytes([signed.ROLE_RECEIVER, 1]), w)),
        ("bad_signature", lambda _, w: _signed_by(bytes([signed.ROLE_CREDENTIAL, 1]), w)),
        ("malformed", lambda _t, _w: b"\x84" + bytes(100)),
    ],
    ids=["expired", "early", "unknown", "role", "forged", "junk"],
)
async def test_a_credential_that_does_not_hold(
    till: Checkout, other: Wallet, name: str, made: Callable[[Checkout, Wallet], bytes]
) -> None:
    credential = made(till, other)
    async with withstood(till, name):
        outcome = await till.buy(Hesitating(lambda wallet: Presenting(wallet, credential)), other)
        assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.WRONG_SESSION)


async def test_a_second_credential_on_one_link(till: Checkout, other: Wallet) -> None:
    credential = _issued(till, other)
    async with withstood(till, "wrong_order"):
        await till.buy(Hesitating(lambda wallet: Presenting(wallet, credential, credential)), other)


# Writes.


@pytest.mark.parametrize(
    ("name", "writes"),
    [
        ("wrong_type", [b""]),
        ("wrong_type", [b"\x00"]),
        ("wrong_type", [b"\xff" * 182]),
        ("wrong_type", [bytes([exchange.RESULT]) + bytes(100)]),
        ("malformed", [KEY + b"\x00"]),
        ("malformed", [CREDENTIAL]),
        ("malformed", [APPROVAL + bytes(145)]),
        ("malformed", [bytes([exchange.LEAVE])]),
        ("malformed", [bytes([exchange.LEAVE, 99])]),
        ("wrong_order", [CREDENTIAL + bytes(181)]),
        ("wrong_order", [APPROVAL + bytes(146)]),
        ("wrong_order", [KEY, KEY]),
        ("wrong_order", [KEY, APPROVAL + bytes(146)]),
        *[("oversize", [APPROVAL + bytes(size - 1)]) for size in (183, 244, 245, 512)],
        ("oversize", [CREDENTIAL + bytes(182)]),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(_short(w) for w in value),
)
async def test_a_write_that_has_no_place(
    till: Checkout, other: Wallet, name: str, writes: list[bytes]
) -> None:
    async with withstood(till, name):
        outcome = await till.buy(Watching(lambda wallet: Writing(wallet, *writes)), other)
        assert outcome.result in NOT_PAID


def _short(write: bytes) -> str:
    return f"{write[:1].hex()}x{len(write)}"


async def test_junk_of_every_length_at_once(till: Checkout, other: Wallet) -> None:
    """One refusal: what comes after it on the same link is not even looked at."""
    chance = random.Random(2)
    junk = [bytes([0x80]) + chance.randbytes(size) for size in range(182)]
    async with withstood(till, "wrong_type"):
        await till.buy(Watching(lambda wallet: Writing(wallet, *junk)), other)


# Links.


async def test_a_phone_below_the_least_mtu(till: Checkout, other: Wallet) -> None:
    async with withstood(till, "small_mtu"):
        outcome = await till.buy(wallet=other, mtu=MUCH_TOO_SMALL_MTU)
        assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.SMALL_MTU)


async def test_four_silent_phones_and_a_fifth_that_pays(till: Checkout, other: Wallet) -> None:
    known = till.transactions()
    sale = await till.ring_up()
    async with till.refusing("evicted", "evicted"):
        silent = []
        for _ in range(4):
            mark = len(till.steps)
            silent.append(asyncio.create_task(till.buy(Silent(), other)))
            await till.step(events.SHOWN, mark)
        outcome = await till.buy(patience_s=FIFTH_PATIENCE_S)
        assert outcome.result == events.APPROVED
        assert (await till.outcome(sale))["state"] == "approved"
        for task in silent:
            task.cancel()
        await asyncio.wait(silent)
    assert len(till.transactions(but=known)) == 1


async def test_silent_phones_that_come_again_and_again(till: Checkout, other: Wallet) -> None:
    sale = await till.ring_up()
    crowd = [asyncio.create_task(_come_again(till, other)) for _ in range(6)]
    await till.event(partial(is_refusal, "evicted"), len(till.events))
    outcome = await till.buy(patience_s=FIFTH_PATIENCE_S)
    assert outcome.result == events.APPROVED
    assert (await till.outcome(sale))["state"] == "approved"
    for task in crowd:
        task.cancel()
    await asyncio.wait(crowd)
    async with withstood(till):
        pass


async def _come_again(till: Checkout, wallet: Wallet) -> NoReturn:
    while True:
        await till.buy(Silent(), wallet)


@pytest.mark.parametrize("at", [exchange.KEY, exchange.CREDENTIAL])
async def test_a_phone_that_vanishes_before_it_has_approved(
    till: Checkout, other: Wallet, at: int
) -> None:
    async with withstood(till):
        outcome = await till.buy(Vanishing(at=at), other)
        assert outcome.result == events.LOST


async def test_a_phone_that_vanishes_while_it_approves(till: Checkout, other: Wallet) -> None:
    """Whether its approval has arrived or not: the sale is paid once."""
    known = till.transactions()
    sale = await till.ring_up()
    lost = await till.buy(Vanishing(at=exchange.APPROVAL), other)
    assert lost.result == events.UNKNOWN
    buying = asyncio.create_task(till.buy())
    final = await till.outcome(sale)
    assert final["state"] == "approved"
    assert till.transactions(but=known) == {final["approval_id"]: "PENDING"}
    buying.cancel()
    await asyncio.wait([buying])
    async with withstood(till):
        pass
