"""What the true authority has signed, or was tricked to sign: credentials and certificates."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from receiver.crypto import host
from receiver.protocol import messages, signed
from receiver.protocol.messages import Certificate, Credential
from simulator.authority.accounts import bindings, receivers
from simulator.phone.wallet.wallet import Wallet
from tests.support.values import evidence
from tests.support.world.checkout import Checkout

EPOCH = 1  # of every key in a new world


def credential(till: Checkout, wallet: Wallet, **changes: Any) -> bytes:
    """For this phone, in no book, and as of any other but for `changes`."""
    keys, key = till.world.authority.office.keys, wallet.key
    now = int(time.time())
    return evidence.credential(keys, key.private, now, kind=key.kind, **changes)


def credential_value(wallet: Wallet) -> Credential:
    """What the authority says of this phone."""
    value: Credential = signed.parse(messages.CREDENTIAL, spare(wallet)).value
    return value


def signer(till: Checkout, role: int) -> Callable[[bytes], bytes]:
    """The authority's key of this role, in a thief's hands."""
    stored = till.world.bridge.directory.parent / "authority" / "authority-keys.json"
    seeds: dict[str, str] = json.loads(stored.read_text())["sign"]
    seed = bytes.fromhex(seeds[bytes([role, EPOCH]).hex()])
    return partial(host.ed25519_sign, seed)


def spare(wallet: Wallet, place: int = 0) -> bytes:
    """One of the phone's own credentials, for its recipient in that place of its list."""
    return wallet.take_credential(wallet.recipients[place].id, int(time.time()))


def store(till: Checkout) -> Path:
    """Where the receiver keeps what it must not lose."""
    return Path(till.world.command.env["TILLSIGN_STORE"])


def certificate(till: Checkout) -> bytes:
    """The one in use: receiver and bridge have it, and the authority holds it current."""
    return till.world.receiver.stored.certificate


def seed(till: Checkout) -> bytes:
    """The receiver's private key."""
    return till.world.receiver.stored.seed


def second_certificate(till: Checkout, **changes: Any) -> bytes:
    """For the same receiver and key, but for `changes`; in the books, and not current."""
    office = till.world.authority.office
    value: Certificate = signed.parse(messages.CERTIFICATE, certificate(till)).value
    client = bindings.client_of(office.store, value.receiver_id)
    assert client is not None
    other, own = (
        receivers.enrol(office.store, office.keys, one, client)
        for one in (value._replace(**changes), value)
    )
    assert own == certificate(till)
    return other
