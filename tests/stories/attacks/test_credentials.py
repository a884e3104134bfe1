"""Attack: a credential or a key that the authority has not signed, or should not have.

What does not hold by itself is refused at the first digit, before there is anything to approve.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from receiver import reasons
from receiver.encoding import cose, schema
from receiver.host.texts import MENDABLE
from receiver.protocol import exchange, messages, signed
from simulator.phone.conversation import events
from simulator.phone.conversation.messages import Maker
from simulator.phone.wallet.wallet import Wallet
from tests.support.world import papers
from tests.support.world.checkout import Checkout
from tests.support.world.crooks import Crook, Hesitating, Presenting, Watching, Writing
from tests.support.world.siege import NOT_PAID, learnt, named, pays, withstood

Make = Callable[[Checkout, Wallet], bytes]

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINUTE_S, HOUR_S = 60, 3600
UNKNOWN_EPOCH = 99


async def refused(till: Checkout, wallet: Wallet, name: str, credential: bytes) -> None:
    """One attack by a phone that gets no further than its first digit."""
    async with withstood(till, name):
        mark = len(till.steps)
        crook = Hesitating(lambda wallet: Presenting(wallet, credential))
        outcome = await till.buy(crook, wallet)
        assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.WRONG_SESSION)
        assert learnt(till, mark) == {exchange.REFUSED}


# In time.


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("credential_expired", {"expires": -MINUTE_S}),
        ("credential_not_yet_valid", {"not_before": HOUR_S}),
    ],
    ids=["a_minute_ago", "in_an_hour"],
)
async def test_out_of_its_time(
    till: Checkout, other: Wallet, name: str, changes: dict[str, int]
) -> None:
    now = int(time.time())
    times = {field: now + seconds for field, seconds in changes.items()}
    await refused(till, other, name, papers.credential(till, other, **times))


# By the wrong key.


def _signed_by(
    role: int, kid_role: int, epoch: int = papers.EPOCH, kind: str = cose.CREDENTIAL
) -> Make:
    """Signed by the authority's key of `role` under the kid of `kid_role`, as `kind`."""

    def make(till: Checkout, wallet: Wallet) -> bytes:
        sign = papers.signer(till, role)
        payload = schema.encode(messages.CREDENTIAL.fields, papers.credential_value(wallet))
        return cose.build(
            cose.protected_header(cose.ALG_ED25519, bytes([kid_role, epoch])),
            payload,
            kind,
            b"",
            sign,
        )

    return make


def _self_signed(till: Checkout, wallet: Wallet) -> bytes:
    payload = schema.encode(messages.CREDENTIAL.fields, papers.credential_value(wallet))
    kid = bytes([signed.ROLE_CREDENTIAL, papers.EPOCH])
    return cose.build(
        cose.protected_header(cose.ALG_ED25519, kid), payload, cose.CREDENTIAL, b"", wallet.key.sign
    )


def _misled(kind: str) -> Make:
    role = signed.ROLE_CREDENTIAL
    return _signed_by(role, role, kind=kind)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("bad_signature", _self_signed),
        ("bad_signature", _signed_by(signed.ROLE_RECEIPT, signed.ROLE_CREDENTIAL)),
        ("wrong_role", _signed_by(signed.ROLE_RECEIPT, signed.ROLE_RECEIPT)),
        (
            "unknown_issuer",
            _signed_by(signed.ROLE_CREDENTIAL, signed.ROLE_CREDENTIAL, UNKNOWN_EPOCH),
        ),
        *[("bad_signature", _misled(kind)) for kind in (cose.RECEIPT, cose.APPROVAL)],
    ],
    ids=[
        "by_itself",
        "by_the_receipt_key",
        "by_the_receipt_key_openly",
        "by_an_unknown_key",
        "made_for_a_receipt",
        "made_for_an_approval",
    ],
)
async def test_signed_by_the_wrong_key(
    till: Checkout, other: Wallet, name: str, make: Make
) -> None:
    await refused(till, other, name, make(till, other))


@pytest.mark.parametrize("junk", [b"", b"\x84" + bytes(163)], ids=len)
async def test_bytes_that_are_no_credential(till: Checkout, other: Wallet, junk: bytes) -> None:
    await refused(till, other, "malformed", junk)


async def test_a_receipt_is_no_credential(till: Checkout, other: Wallet) -> None:
    """The authority has signed it, and its kid says what for."""
    await till.ring_up()
    outcome = await till.buy()
    (receipt,) = till.world.authority.office.store.one(
        "SELECT receipt FROM transactions WHERE approval_id = ?", outcome.approval_id
    ) or (b"",)
    await refused(till, other, "wrong_role", receipt)


# Over a key that nothing can be signed with. The authority was tricked: it takes none of these.


async def test_a_key_that_is_not_on_the_curve(till: Checkout, other: Wallet) -> None:
    off = b"\x02" + (1).to_bytes(32, "big")  # no point of P-256 has this x
    await refused(till, other, "bad_signature", papers.credential(till, other, key=off))


async def test_an_ed25519_key_of_small_order(till: Checkout, other: Wallet) -> None:
    neutral = b"\x01" + bytes(31)
    await refused(till, other, "bad_signature", papers.credential(till, other, key=neutral))


async def test_a_key_with_the_other_sign(till: Checkout, other: Wallet) -> None:
    """Another key, on the curve: nothing is wrong before the phone's own key has signed."""
    key = other.key.public
    credential = papers.credential(till, other, key=bytes([key[0] ^ 1]) + key[1:])
    async with withstood(till, "bad_signature"):
        outcome = await till.buy(Crook(lambda wallet: Presenting(wallet, credential)), other)
        assert outcome.result in NOT_PAID


# What only the authority knows.


async def test_a_revoked_credential(till: Checkout, other: Wallet) -> None:
    """All it says holds, and the buyer reads in a receipt why it is no use any more."""
    credential = papers.spare(other)
    name = signed.parse(messages.CREDENTIAL, credential).value.id.hex()
    await till.world.administer(f"credentials/{name}", {"revoked": True})
    sale = await till.ring_up()
    async with named(till):
        outcome = await till.buy(Crook(lambda wallet: Presenting(wallet, credential)), other)
        assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.CREDENTIAL_REVOKED)
        final = await till.outcome(sale)
        assert (final["state"], final["reason"]["code"]) == ("declined", "credential_revoked")
    assert till.new_transactions() == {outcome.approval_id.hex(): "DECLINED"}
    assert outcome.reason not in MENDABLE
    await pays(till, await till.ring_up(), other)  # with its next credential


async def test_a_credential_that_is_in_no_book(till: Checkout, other: Wallet) -> None:
    """Signed by the authority's key, but not by the authority: a reversal is all it ever books."""
    sale = await till.ring_up()
    forged = papers.credential(till, other)
    async with named(till, "wrong_credential"):
        outcome = await till.buy(Crook(lambda wallet: Presenting(wallet, forged)), other)
        assert outcome.result in (*NOT_PAID, events.DECLINED)  # once the reversal is there
        final = await till.outcome(sale)
        assert (final["state"], final["reason"]["code"]) == ("declined", "wrong_credential")
        await till.told(sale, "recall_reversed")
    assert till.new_transactions() == {outcome.approval_id.hex(): "VOIDED"}
    await pays(till, await till.ring_up())


async def test_a_blocked_buyer(till: Checkout) -> None:
    buyer = till.world.people.buyers[1]
    wallet = await till.world.new_wallet(buyer=1)
    await till.world.administer(f"buyers/{buyer.id}", {"blocked": True})
    sale = await till.ring_up()
    async with named(till):
        outcome = await till.buy(wallet=wallet)
        assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.BUYER_BLOCKED)
        final = await till.outcome(sale)
        assert (final["state"], final["reason"]["code"]) == ("declined", "buyer_blocked")
    assert till.new_transactions() == {outcome.approval_id.hex(): "DECLINED"}
    await till.world.administer(f"buyers/{buyer.id}", {"blocked": False})
    await pays(till, await till.ring_up(), wallet)


# The key exchange.


@pytest.mark.parametrize("size", [0, 31, 33])
async def test_an_enc_of_another_size(till: Checkout, other: Wallet, size: int) -> None:
    async with withstood(till, "malformed"):
        outcome = await till.buy(Watching(writing(bytes(size))), other)
        assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.WRONG_SESSION)


@pytest.mark.parametrize(
    "enc",
    [
        bytes(32),
        b"\x01" + bytes(31),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        (2**255 - 20).to_bytes(32, "little"),
    ],
    ids=["zero", "one", "order_8", "minus_one"],
)
async def test_an_enc_of_small_order(till: Checkout, other: Wallet, enc: bytes) -> None:
    """The shared secret is zero, so that everybody has the key (RFC 7748 §6.1)."""
    async with withstood(till, "bad_key"):
        outcome = await till.buy(Watching(writing(enc)), other)
        assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.WRONG_SESSION)


def writing(enc: bytes) -> Callable[[Wallet], Maker]:
    return lambda wallet: Writing(wallet, bytes([exchange.KEY]) + enc)
