"""Attack: a receiver that a phone must not trust, with all that it shows under its own control.

The phone is gone before it has written one byte: such a till learns nothing, not even that an app
looked. What the phone writes is read off the air.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from receiver.crypto import host
from receiver.encoding import cose
from receiver.protocol import exchange, messages, signed
from simulator.hardware.radio.sniffer import ATT, Heard, Sent
from simulator.phone.conversation import events
from simulator.phone.wallet.wallet import Wallet
from tests.support.values import evidence
from tests.support.world import papers
from tests.support.world.checkout import Checkout
from tests.support.world.crooks import Watching
from tests.support.world.liars import Lie, lying
from tests.support.world.siege import named, pays

Make = Callable[[Checkout, "Receiver"], bytes]

pytestmark = pytest.mark.asyncio(loop_scope="module")

EURO = 978
MINUTE_S, HOUR_S = 60, 3600
UNKNOWN_EPOCH = 99
WRITES = (0x12, 0x52)  # ATT requests and commands, Core 5.4 Vol 3 Part F 3.4.5

# Firmware that shows what stands in a file, where there is one.
CERTIFICATE, OFFER = "shown.certificate", "shown.offer"
_SHOW = "(open('%s', 'rb').read() if '%s' in __import__('os').listdir() else %s)"
SHOWING = [
    Lie(file, f"{output}({honest})", f"{output}({_SHOW % (name, name, honest)})")
    for file, output, name, honest in (
        (
            "receiver/core/receiver.py",
            "io.ShowCertificate",
            CERTIFICATE,
            "identity.certificate_data",
        ),
        ("receiver/core/radio.py", "io.ShowOffer", OFFER, "offered.data"),
    )
]


class Receiver(NamedTuple):
    """All that a receiver has to lie with: its store, its key, its certificate."""

    store: Path
    seed: bytes
    certificate: bytes

    @contextmanager
    def showing(self, name: str, data: bytes) -> Iterator[None]:
        (self.store / name).write_bytes(data)
        yield
        (self.store / name).unlink()

    def offer(self, certificate: bytes = b"", **changes: Any) -> bytes:
        """An offer of this receiver's that holds, but for `changes`."""
        return evidence.offer(self.seed, certificate or self.certificate, now(), **changes)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def liar(counter: Checkout, tmp_path_factory: Any) -> AsyncIterator[Receiver]:
    """The module's receiver, which shows phones what it is told to."""
    store = papers.store(counter)
    async with lying(counter, tmp_path_factory.mktemp("lying"), *SHOWING):
        yield Receiver(store, papers.seed(counter), papers.certificate(counter))


async def refused(till: Checkout, wallet: Wallet, name: str) -> None:
    """A phone looks at what is shown and turns away: no write, and it was near, no more."""
    mark, told = len(till.steps), len(till.events)
    async with named(till):
        with till.world.radio.air.sniffed() as sniffer:
            outcome = await till.buy(Watching(), wallet)
        (unfit,) = [step for step in till.steps[mark:] if step.name == "unfit"]
        assert (outcome.result, unfit.details["why"]) == (events.REFUSED, name)
        assert written(sniffer.records) == []
        heard = [event["what"] for event in till.events[told:] if event["event"] == "phone"]
        assert set(heard) <= {"near", "gone"}


def written(heard: list[Heard]) -> list[bytes]:
    """What phones have written, but for subscriptions, which every visitor makes."""
    return [
        record.data[3:]
        for record in heard
        if isinstance(record, Sent) and record.up and record.channel == ATT
        if record.data[0] in WRITES and record.data[3:] != b"\x01\x00"
    ]


async def sells(till: Checkout) -> None:
    """The sale under attack is over; an honest phone pays the next one."""
    await till.world.till.cancel(till.rung["sale_id"])
    sale = await till.ring_up()
    with till.world.radio.air.sniffed() as sniffer:
        await pays(till, sale)
    kinds = [write[0] for write in written(sniffer.records)]  # a phone that trusts is heard
    assert kinds == [exchange.KEY, exchange.CREDENTIAL, exchange.APPROVAL]


# Certificates.


def _certified(role: int, kid_role: int, epoch: int = papers.EPOCH, kind: str = "") -> Make:
    """Signed by the authority's key of `role` under the kid of `kid_role`, as `kind`."""

    def make(till: Checkout, liar: Receiver) -> bytes:
        return _signed(liar, papers.signer(till, role), bytes([kid_role, epoch]), kind)

    return make


def _self_signed(till: Checkout, liar: Receiver) -> bytes:
    return _signed(liar, partial(host.ed25519_sign, liar.seed), TRUE_KID)


def _expired(till: Checkout, liar: Receiver) -> bytes:
    keys = till.world.authority.office.keys
    return evidence.certificate(keys, liar.seed, now() - HOUR_S, expires=now() - MINUTE_S)


def _signed(liar: Receiver, sign: Callable[[bytes], bytes], kid: bytes, kind: str = "") -> bytes:
    payload = signed.parse(messages.CERTIFICATE, liar.certificate).sign1.payload
    return cose.build(
        cose.protected_header(cose.ALG_ED25519, kid), payload, kind or cose.CERTIFICATE, b"", sign
    )


TRUE_KID = bytes([signed.ROLE_RECEIVER, papers.EPOCH])
CERTIFICATES: dict[str, tuple[str, Make]] = {
    "self_signed": ("bad_signature", _self_signed),
    "by_the_credential_key": (
        "bad_signature",
        _certified(signed.ROLE_CREDENTIAL, signed.ROLE_RECEIVER),
    ),
    "by_the_credential_key_openly": (
        "wrong_role",
        _certified(signed.ROLE_CREDENTIAL, signed.ROLE_CREDENTIAL),
    ),
    "by_an_unknown_issuer": (
        "unknown_issuer",
        _certified(signed.ROLE_RECEIVER, signed.ROLE_RECEIVER, UNKNOWN_EPOCH),
    ),
    "made_for_a_credential": (
        "bad_signature",
        _certified(signed.ROLE_RECEIVER, signed.ROLE_RECEIVER, kind=cose.CREDENTIAL),
    ),
    "expired": ("certificate_expired", _expired),
    "none": ("malformed", lambda till, liar: b""),
    "cut_short": ("malformed", lambda till, liar: liar.certificate[:-1]),
    "a_credential": ("wrong_role", lambda till, liar: papers.spare(till.wallet)),
    "of_a_neighbour": ("wrong_receiver", lambda till, liar: _neighbours(till)),
    "with_another_store_name": (
        "wrong_receiver",
        lambda till, liar: papers.second_certificate(till, store_name="Storgatan 2"),
    ),
}


def _neighbours(till: Checkout) -> bytes:
    """It holds, and is copied from the air of the next till; the offer is another key's."""
    keys = till.world.authority.office.keys
    return evidence.certificate(keys, evidence.seed("neighbour"), now())


@pytest.mark.parametrize("name", CERTIFICATES)
async def test_a_certificate_that_does_not_hold(
    till: Checkout, other: Wallet, liar: Receiver, name: str
) -> None:
    cause, make = CERTIFICATES[name]
    with liar.showing(CERTIFICATE, make(till, liar)):
        await till.reset()
        await till.ring_up()
        await refused(till, other, cause)
    await till.reset()
    await sells(till)


# Offers.


def _made_for(kind: str) -> Make:
    """An offer whose signature was made for another type of message."""

    def make(till: Checkout, liar: Receiver) -> bytes:
        sign1 = signed.parse(messages.OFFER, liar.offer()).sign1
        sign = partial(host.ed25519_sign, liar.seed)
        return cose.build(
            cose.protected_header(cose.ALG_ED25519, sign1.kid), sign1.payload, kind, b"", sign
        )

    return make


def _under_anothers_certificate(till: Checkout, liar: Receiver) -> bytes:
    return liar.offer(_neighbours(till))


def _by_another_key(till: Checkout, liar: Receiver) -> bytes:
    return evidence.offer(evidence.seed("neighbour"), liar.certificate, now())


OFFERS: dict[str, tuple[str, Make]] = {
    "of_version_0": ("wrong_version", lambda till, liar: liar.offer(version=0)),
    "of_version_2": ("wrong_version", lambda till, liar: liar.offer(version=2)),
    "in_another_currency": ("wrong_currency", lambda till, liar: liar.offer(currency=EURO)),
    "under_anothers_certificate": ("wrong_receiver", _under_anothers_certificate),
    "by_another_key": ("bad_signature", _by_another_key),
    "made_for_an_approval": ("bad_signature", _made_for(cose.APPROVAL)),
    "made_for_a_certificate": ("bad_signature", _made_for(cose.CERTIFICATE)),
    "one_byte_more": ("malformed", lambda till, liar: liar.offer() + b"\0"),
    "with_a_key_of_small_order": ("bad_seal", lambda till, liar: liar.offer(ephemeral=bytes(32))),
}


@pytest.mark.parametrize("name", OFFERS)
async def test_an_offer_that_does_not_hold(
    till: Checkout, other: Wallet, liar: Receiver, name: str
) -> None:
    cause, make = OFFERS[name]
    with liar.showing(OFFER, make(till, liar)):
        await till.ring_up()
        await refused(till, other, cause)
    await sells(till)


def now() -> int:
    return int(time.time())
