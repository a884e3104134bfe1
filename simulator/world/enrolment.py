"""Enrol receivers and phones at an authority: their keys, certificates and files."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from receiver.core.identity import Enrolment, Identity
from receiver.crypto import host
from receiver.encoding import schema
from receiver.host import currencies
from receiver.protocol import enrolment, messages, pins
from receiver.protocol.enrolment import Stored
from simulator.authority import Authority
from simulator.authority.accounts import people
from simulator.authority.accounts.receivers import Terms
from simulator.authority.api.client import Administered
from simulator.crypto.p256 import p256_private, p256_public
from simulator.phone.app import authority as app
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.wallet import keys
from simulator.phone.wallet.wallet import InvoiceRecipient, Wallet

from .receiver_command import slot

STORE = 101
STORE_NAME = "Coop Exempel, Storgatan 1"
INVOICE_ISSUER = 1
SEK = currencies.NUMBERS["SEK"]
SLOT = "a"  # the first one, as the loader names it


class ReceiverFolder(NamedTuple):
    """The folder of what a receiver's firmware must not lose, and of its bridge's two files."""

    receiver_id: bytes
    directory: Path

    @property
    def certificate(self) -> Path:
        return self.directory / "certificate"

    @property
    def pins(self) -> Path:
        return self.directory / "pins"

    @property
    def stored(self) -> Stored:
        """What the receiver has in its store."""
        data = (self.directory / enrolment.STORED_NAME).read_bytes()
        return schema.decode(enrolment.STORED, data, Stored)

    def store(self, value: Stored) -> None:
        """Put another enrolment into the receiver's store."""
        place = self.directory / enrolment.STORED_NAME
        place.touch(mode=0o600)
        place.write_bytes(schema.encode(enrolment.STORED, value))


class EnrolledReceiver(NamedTuple):
    """A receiver's key, its certificate, and the authority's keys that it trusts."""

    seed: bytes
    receiver_id: bytes
    certificate: bytes
    pins: dict[bytes, bytes]

    def identity(self) -> Identity:
        """Return the identity for a receiver's core in this process."""
        enrolled = Enrolment(self.seed, self.certificate, self.pins, 0, 0)
        return Identity(enrolled, host, os.urandom, 1)

    def keep_in(self, directory: Path) -> ReceiverFolder:
        """Write the enrolment and the slot for the firmware, and the files for its bridge."""
        folder = ReceiverFolder(self.receiver_id, blank_receiver(directory))
        pinned = pins.encode(self.pins)
        folder.store(Stored(self.seed, self.certificate, pinned, 0, 0))
        folder.certificate.write_bytes(self.certificate)
        folder.pins.write_bytes(pinned)
        return folder


def blank_receiver(directory: Path) -> Path:
    """Make the folder of a board that has firmware in its first slot and is not enrolled."""
    directory.mkdir(parents=True, exist_ok=True)
    slot(directory / SLOT)
    (directory / "slot").write_text(SLOT)
    return directory


def new_receiver(
    authority: Administered,
    client: str,
    *,
    seed: bytes | None = None,
    receiver_id: bytes | None = None,
    store_name: str = STORE_NAME,
    invoice_issuer: int = INVOICE_ISSUER,
) -> EnrolledReceiver:
    """Enrol a receiver for which `client` (its TLS fingerprint) speaks from now on.

    Key and id are random unless given; a receiver enrolled before is renewed.
    """
    seed = seed or os.urandom(enrolment.SEED_SIZE)
    receiver_id = receiver_id or os.urandom(messages.RECEIVER_ID_SIZE)
    certificate = authority.enrol_receiver(
        host.ed25519_public(seed),
        receiver_id=receiver_id,
        terms=Terms(STORE, store_name, invoice_issuer, SEK),
        client_fingerprint=client,
    )
    return EnrolledReceiver(seed, receiver_id, certificate, authority.pins)


async def new_phone(
    authority: Administered, buyer: int, code: str = DEMO_CODE, key_kind: str = keys.P256
) -> Wallet:
    """Enrol a phone of this buyer through its app, with credentials for every recipient."""
    word = authority.activation(buyer)
    return await app.enrol(authority.url, authority.ca.certificate, word, code, key_kind)


def new_phone_in_books(authority: Authority, buyer: int) -> Wallet:
    """Create a phone of this buyer with one credential directly in the books, faster than HTTP."""
    office = authority.office
    store, key, code_private = office.store, keys.generate(keys.P256), p256_private()
    code_public = p256_public(code_private)
    k = office.keys.code_key(code_public, DEMO_CODE)
    registered = people.register(store, authority.activation(buyer), key.public, code_public, k)
    if registered is None:
        raise RuntimeError("a new activation was refused")
    owner, token = registered
    theirs = people.recipients_of(store, buyer)[0]
    recipient = InvoiceRecipient(theirs.id, theirs.name)
    now = int(time.time())
    batch = people.issue_credentials(store, office.keys, owner, recipient.id, 1, now=now)
    phone = Wallet(
        key,
        code_private,
        office.keys.code_public,
        office.keys.pins(),
        [recipient],
        authority=authority.url,
        phone_id=owner.id,
        token=token,
        buyer=people.buyer_name(store, buyer),
    )
    phone.add_credentials(recipient.id, batch, now)
    return phone
