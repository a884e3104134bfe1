"""Receivers and phones straight into an authority's books, faster than over HTTP."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from receiver.core.identity import Identity
from receiver.crypto import host
from receiver.protocol import messages
from simulator.authority.accounts import people
from simulator.crypto.p256 import p256_private, p256_public
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.wallet import keys
from simulator.phone.wallet.wallet import Recipient, Wallet
from simulator.world.enrolment import INVOICE_ISSUER, SEED_SIZE, SEK, STORE, STORE_NAME

if TYPE_CHECKING:
    from simulator.authority import Authority


def receiver(authority: Authority, client: str) -> Identity:
    """A receiver that the authority knows, and for which `client` (a fingerprint) may speak."""
    seed, receiver_id = os.urandom(SEED_SIZE), os.urandom(messages.RECEIVER_ID_SIZE)
    certificate = authority.enrol_receiver(
        host.ed25519_public(seed),
        receiver_id=receiver_id,
        store=STORE,
        store_name=STORE_NAME,
        invoice_issuer=INVOICE_ISSUER,
        currency=SEK,
        client_fingerprint=client,
    )
    return Identity(seed, certificate, authority.pins, host, os.urandom, 1)


def phone(authority: Authority, buyer: int) -> Wallet:
    """A phone of this buyer with one credential, straight into the books."""
    office = authority.office
    store, key, code_private = office.store, keys.generate(keys.P256), p256_private()
    code_public = p256_public(code_private)
    k = office.keys.code_key(code_public, DEMO_CODE)
    word = people.add_activation(store, buyer)
    registered = people.register(store, word, key.public, code_public, k)
    if registered is None:
        raise RuntimeError("a fresh activation is refused")
    owner, token = registered
    recipient = Recipient(*people.recipients_of(store, buyer)[0])
    now = int(time.time())
    credentials = people.issue_credentials(store, office.keys, owner, recipient.id, 1, now)
    wallet = Wallet(
        key=key,
        code_private=code_private,
        authority=authority.url,
        ca="",
        phone_id=owner.id,
        token=token,
        buyer=people.buyer_name(store, buyer),
        authority_code_key=office.keys.code_public,
        pins=authority.pins,
        recipients=[recipient],
    )
    wallet.add_credentials(recipient.id, credentials, now)
    return wallet
