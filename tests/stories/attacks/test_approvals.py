"""Attack: an approval that says, binds or proves something else than the offer and the credential.

The phone that lies signs its lies itself, and they reach receiver and bridge alike; both judge
them, and the cause is counted once.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from receiver.encoding import cose
from receiver.protocol import exchange, signed
from simulator.phone.conversation import events
from simulator.phone.wallet.keys import ED25519
from tests.support.values import evidence
from tests.support.world import papers
from tests.support.world.crooks import (
    Approving,
    Crook,
    Lying,
    Presenting,
    Signing,
    Straying,
    approve,
    other_certificate,
    other_credential,
    other_offer,
    resigned,
    signed_as,
)
from tests.support.world.siege import NOT_PAID, learnt, named, pays, withstood

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.protocol.messages import Approval
    from receiver.protocol.validation import Offered
    from simulator.phone.conversation.messages import Maker
    from simulator.phone.wallet.keys import PhoneKey
    from simulator.phone.wallet.wallet import Wallet
    from tests.support.world.checkout import Checkout
    from tests.support.world.crooks import Stray

pytestmark = pytest.mark.asyncio(loop_scope="module")

EURO = 978
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


async def refused(
    till: Checkout,
    wallet: Wallet,
    name: str,
    make: Callable[[Wallet], Maker],
    learns: int = exchange.REFUSED,
) -> None:
    """One attack by a phone that completes its code: it never knows more than that it is no."""
    async with withstood(till, name, learns=learns) as sale:
        mark = len(till.steps)
        outcome = await till.buy(Crook(make), wallet)
        assert outcome.result == events.UNKNOWN
        assert learnt(till, mark) == {learns}
        told = await till.told(sale, "refused")
        assert (told["state"], told["reason"]["code"]) == ("open", name)


# What it says.


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("wrong_amount", lambda honest: {"amount": honest.amount - 1}),
        ("wrong_currency", lambda _: {"currency": EURO}),
        ("wrong_recipient", lambda honest: {"recipient": honest.recipient + 1}),
        ("wrong_version", lambda _: {"version": 0}),
        ("wrong_version", lambda _: {"version": 2}),
    ],
    ids=["amount", "currency", "recipient", "version_0", "version_2"],
)
async def test_an_approval_says_something_else(
    till: Checkout, other: Wallet, name: str, lie: Callable[[Approval], dict[str, int]]
) -> None:
    await refused(till, other, name, partial(Lying, lie=lie))


@pytest.mark.parametrize(
    ("app", "least"), [(0, 0), (1, 2)], ids=["below_the_state", "below_the_credential"]
)
async def test_an_old_app(till: Checkout, other: Wallet, app: int, least: int) -> None:
    """The state of this world asks for build 1, a credential for what stands in it."""
    credential = papers.credential(till, other, least_app=least)

    class Old(Lying, Presenting):
        def __init__(self, wallet: Wallet) -> None:
            Presenting.__init__(self, wallet, credential)
            self._lie = lambda _: {"app": app}

    await refused(till, other, "old_app", Old, learns=exchange.OLD_APP)


# What it is bound to.


@pytest.mark.parametrize(
    "stray", [other_certificate, other_offer, other_credential], ids=lambda it: it.__name__
)
async def test_an_approval_is_bound_to_something_else(
    till: Checkout, other: Wallet, stray: Stray
) -> None:
    await refused(till, other, "bad_signature", partial(Straying, stray=stray))


async def test_an_approval_is_bound_to_another_key_exchange(till: Checkout, other: Wallet) -> None:
    """All is as offered and presented, but for the `enc` of some other link."""

    def sign(key: PhoneKey, value: Approval, context: bytes) -> bytes:
        certificate_and_offer, credential = context[:64], context[-32:]
        return approve(key, value, certificate_and_offer + bytes(32) + credential)

    await refused(till, other, "bad_signature", partial(Signing, sign=sign))


async def test_a_store_that_was_renamed(till: Checkout, other: Wallet) -> None:
    """The authority has certified the receiver's key twice; the buyer saw the other name."""
    renamed = papers.second_certificate(till, store_name="Storgatan 2")

    def stray(offered: Offered, credential: bytes) -> tuple[Offered, bytes]:
        return offered._replace(certificate_hash=signed.digest(renamed)), credential

    await refused(till, other, "bad_signature", partial(Straying, stray=stray))


async def test_a_second_credential_of_the_same_phone(till: Checkout, other: Wallet) -> None:
    """One is presented, the approval is bound to the other, for the same recipient."""
    second = papers.spare(other)
    maker = partial(Straying, stray=lambda offered, _: (offered, second))
    await refused(till, other, "bad_signature", maker)


async def test_a_second_credential_for_another_recipient(till: Checkout, other: Wallet) -> None:
    """One recipient is presented, the buyer approved the other."""
    second = papers.spare(other, place=1)

    class Swapping(Straying):
        def value(self, offered: Offered, credential: bytes, code: str, now: int) -> Approval:
            return super().value(offered, second, code, now)

    maker = partial(Swapping, stray=lambda offered, _: (offered, second))
    await refused(till, other, "wrong_recipient", maker)


async def test_a_credential_of_another_phone(till: Checkout, other: Wallet) -> None:
    stolen = papers.spare(await till.world.new_wallet())
    await refused(till, other, "bad_signature", lambda wallet: Presenting(wallet, stolen))


# What signed it, and as what.


@pytest.mark.parametrize("kind", [cose.CERTIFICATE, cose.OFFER, cose.CREDENTIAL, cose.RECEIPT])
async def test_a_signature_made_for_another_type(till: Checkout, other: Wallet, kind: str) -> None:
    await refused(till, other, "bad_signature", partial(Signing, sign=signed_as(kind)))


@pytest.mark.parametrize(
    "change",
    [
        lambda r, s: (r, evidence.P256_ORDER - s),
        lambda r, s: (0, s),
        lambda r, s: (r, 0),
        lambda r, s: (evidence.P256_ORDER, s),
    ],
    ids=["high_s", "r_is_0", "s_is_0", "r_is_n"],
)
async def test_a_p256_signature_in_a_form_that_is_not_strict(
    till: Checkout, other: Wallet, change: Callable[[int, int], tuple[int, int]]
) -> None:
    await refused(till, other, "bad_signature", partial(Signing, sign=resigned(change)))


@pytest.mark.parametrize(
    "change",
    [lambda r, s: (r, s + ED25519_ORDER), lambda r, s: (1, 0)],
    ids=["s_above_the_order", "neutral_element"],
)
async def test_an_ed25519_signature_in_a_form_that_is_not_strict(
    till: Checkout, change: Callable[[int, int], tuple[int, int]]
) -> None:
    wallet = await till.world.new_wallet(key_kind=ED25519)
    sign = resigned(change, "little")
    await refused(till, wallet, "bad_signature", partial(Signing, sign=sign))


async def test_a_phone_with_an_ed25519_key_pays_as_well(till: Checkout) -> None:
    sale = await till.ring_up()
    wallet = await till.world.new_wallet(key_kind=ED25519)
    async with named(till):
        assert (await pays(till, sale, wallet)).result == events.APPROVED


# What is none.


_OTHER_ALGORITHM = cose.build(
    cose.protected_header(cose.ALG_ED25519, b""), bytes(45), cose.APPROVAL, b"", lambda _: bytes(64)
)
_KEY_ID = cose.build(
    cose.protected_header(cose.ALG_ESP256, b"me"),
    bytes(41),
    cose.APPROVAL,
    b"",
    lambda _: bytes(64),
)


@pytest.mark.parametrize(
    "junk",
    [b"", b"\x84" + bytes(115), bytes(129), _OTHER_ALGORITHM, _KEY_ID],
    ids=["nothing", "a_head", "zeros", "another_algorithm", "a_key_id"],
)
async def test_bytes_that_are_no_approval(till: Checkout, other: Wallet, junk: bytes) -> None:
    """Nobody can even name it: it never leaves the receiver."""
    async with withstood(till, "malformed"):
        outcome = await till.buy(Crook(partial(Approving, approval=junk)), other)
        assert outcome.result in NOT_PAID
