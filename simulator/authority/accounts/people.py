"""Organisations, buyers and their invoice recipients; phones and their credentials."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from receiver.protocol import messages, signed
from simulator.authority.keys import LEAST_APP, Keys
from simulator.authority.storage.store import Store, atomic

from . import secret_word
from .offline import CODE_LIFE_S

SEK = 752  # ISO 4217
CREDENTIAL_LIFE_S = 72 * 3600
CREDENTIAL_BACKDATED_S = 60  # receivers' clocks lag
CREDENTIALS_MOST = 16  # in one batch: enough for some days

_CREDENTIAL_ID_SIZE = 8


class KeyTakenError(Exception):
    """Another phone has the key."""


class Phone(NamedTuple):
    id: int
    buyer: int
    key: bytes


class Recipient(NamedTuple):
    id: int
    name: str


def add_organisation(store: Store, name: str) -> int:
    return store.number("INSERT INTO organisations (name) VALUES (?) RETURNING id", name)


def add_recipient(
    store: Store, organisation: int, name: str, credit_space: int, currency: int = SEK
) -> int:
    return store.number(
        "INSERT INTO recipients (organisation, name, currency, credit_space) "
        "VALUES (?, ?, ?, ?) RETURNING id",
        organisation,
        name,
        currency,
        credit_space,
    )


@atomic
def add_buyer(
    store: Store, organisation: int, name: str, purchase_limit: int, recipients: list[int]
) -> int:
    """Add a buyer who may buy for `recipients`."""
    buyer = store.number(
        "INSERT INTO buyers (organisation, name, purchase_limit) VALUES (?, ?, ?) RETURNING id",
        organisation,
        name,
        purchase_limit,
    )
    for recipient in recipients:
        store.run("INSERT INTO buyer_recipients VALUES (?, ?)", buyer, recipient)
    return buyer


def add_activation(store: Store, buyer: int) -> str:
    """Create a one-time secret that activates one phone of this buyer."""
    word = secret_word.new()
    store.run("INSERT INTO activations VALUES (?, ?)", _hash(word), buyer)
    return word


@atomic
def register(
    store: Store, activation: str, key: bytes, code_key: bytes, k: bytes
) -> tuple[Phone, str] | None:
    """Use up an activation; return the phone and its token, or None if it is not valid.

    Raises KeyTakenError, and the activation stays usable.
    """
    token = secret_word.new()
    if store.exists("SELECT 1 FROM phones WHERE key = ?", key):
        raise KeyTakenError
    used_up = "DELETE FROM activations WHERE hash = ? RETURNING buyer"
    buyer = store.find(int, used_up, _hash(activation))
    if buyer is None:
        return None
    phone = store.find(
        int,
        "INSERT INTO phones (buyer, key, code_key, k, token_hash) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING RETURNING id",
        buyer,
        key,
        code_key,
        k,
        _hash(token),
    )
    if phone is None:  # another process has just registered the key
        raise KeyTakenError
    return Phone(phone, buyer, key), token


def phone_of(store: Store, token: str) -> Phone | None:
    known = "SELECT id, buyer, key FROM phones WHERE token_hash = ?"
    return store.find(Phone, known, _hash(token))


def buyer_name(store: Store, buyer: int) -> str:
    return str(store.value("SELECT name FROM buyers WHERE id = ?", buyer))


def recipients_of(store: Store, buyer: int) -> list[Recipient]:
    """Return the open invoice recipients of a buyer; none while the buyer is blocked."""
    return store.every(
        Recipient,
        "SELECT r.id, r.name FROM recipients r "
        "JOIN buyer_recipients br ON br.recipient = r.id JOIN buyers b ON b.id = br.buyer "
        "WHERE b.id = ? AND b.blocked = 0 AND r.closed = 0 ORDER BY r.id",
        buyer,
    )


@atomic
def issue_credentials(
    store: Store, keys: Keys, phone: Phone, recipient: int, count: int, *, now: int
) -> list[bytes]:
    """Issue `count` new credentials for one recipient.

    They allow offline purchases up to the buyer's floor if the phone gave a valid code lately.
    """
    expires = now + CREDENTIAL_LIFE_S
    not_before = now - CREDENTIAL_BACKDATED_S
    floor = store.number(
        "SELECT CASE WHEN p.code_at >= ? THEN b.offline_floor ELSE 0 END "
        "FROM phones p JOIN buyers b ON b.id = p.buyer WHERE p.id = ?",
        now - CODE_LIFE_S,
        phone.id,
    )
    ids = [secrets.token_bytes(_CREDENTIAL_ID_SIZE) for _ in range(count)]
    for id_ in ids:
        store.run(
            "INSERT INTO credentials (id, phone, recipient, expires, offline_floor) "
            "VALUES (?, ?, ?, ?, ?)",
            id_,
            phone.id,
            recipient,
            expires,
            floor,
        )
    return [
        keys.credential(
            messages.Credential(expires, not_before, id_, phone.key, floor, recipient, LEAST_APP)
        )
        for id_ in ids
    ]


def _hash(word: str) -> bytes:
    """Hash tokens and activations for the books; their entropy allows a plain hash."""
    return signed.digest(word.encode())
