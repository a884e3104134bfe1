"""Receivers and phones as the authority knows them, made from seeds without a ceremony."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from receiver.crypto import host
from receiver.encoding import schema
from receiver.protocol import enrolment, pins
from simulator.authority.accounts import offline, people, receivers
from simulator.authority.accounts.limits import OFF, Limits
from simulator.authority.keys import Keys
from simulator.authority.storage.store import Store
from simulator.crypto.p256 import p256_public
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.wallet.keys import P256, PhoneKey
from simulator.phone.wallet.wallet import InvoiceRecipient, Wallet

STORE = 101
STORE_NAME = "Storgatan 1"
INVOICE_ISSUER = 7
SEK = 752  # ISO 4217


class Enrolled(NamedTuple):
    """A receiver as the authority knows it."""

    receiver_id: bytes
    seed: bytes
    certificate: bytes


def seed_of(name: str) -> bytes:
    """Return a private key (32 bytes) that is the same whenever the name is."""
    return sha256(name.encode()).digest()


def enrol(
    store: Store, keys: Keys, till: int, seed: bytes, client: str, *, now: int, limits: Limits = OFF
) -> Enrolled:
    """Enrol the receiver of a till, for this client to speak for."""
    receiver_id = bytes(6) + till.to_bytes(2, "big")
    terms = receivers.Terms(STORE, STORE_NAME, INVOICE_ISSUER, SEK)
    value = receivers.certificate_for(host.ed25519_public(seed), receiver_id, terms, now)
    certificate = receivers.enrol(store, keys, value, client)
    if limits != OFF:
        offline.set_limits(store, receiver_id, limits, now)
    return Enrolled(receiver_id, seed, certificate)


def stored(enrolled: Enrolled, keys: Keys, till: int) -> bytes:
    """Return what the receiver has in its store (`enrolment.STORED_NAME`)."""
    value = enrolment.Stored(enrolled.seed, enrolled.certificate, pins.encode(keys.pins()), till, 0)
    return schema.encode(enrolment.STORED, value)


class RegisteredBuyers:
    """Buyers of one organisation, whose code was right lately and who may buy offline too."""

    def __init__(
        self, store: Store, keys: Keys, *, credit: int, purchase_limit: int, floor: int
    ) -> None:
        """`credit` is what all of them may buy together."""
        self._store = store
        self._keys = keys
        self._pins = keys.pins()
        self._purchase_limit = purchase_limit
        self._floor = floor
        self._organisation = people.add_organisation(store, "Virtual")
        self._recipient = people.add_recipient(store, self._organisation, "Skolköket", credit)

    def wallet(self, name: str, now: int) -> tuple[Wallet, people.Phone]:
        """Register a new buyer's phone; its wallet has no credentials yet."""
        store, keys = self._store, self._keys
        buyer = people.add_buyer(
            store, self._organisation, name, self._purchase_limit, [self._recipient]
        )
        store.run("UPDATE buyers SET offline_floor = ? WHERE id = ?", self._floor, buyer)
        key, code_private = PhoneKey(P256, seed_of(name)), seed_of(f"{name}/code")
        code_public = p256_public(code_private)
        activation = people.add_activation(store, buyer)
        k = keys.code_key(code_public, DEMO_CODE)
        registered = people.register(store, activation, key.public, code_public, k)
        if registered is None:
            raise RuntimeError("a new activation is used up")
        phone, token = registered
        store.run("UPDATE phones SET code_at = ? WHERE id = ?", now, phone.id)
        wallet = Wallet(
            key,
            code_private,
            keys.code_public,
            self._pins,
            [InvoiceRecipient(self._recipient, "Skolköket")],
            phone_id=phone.id,
            token=token,
            buyer=name,
        )
        return wallet, phone
