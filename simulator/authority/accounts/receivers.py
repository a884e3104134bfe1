"""Receivers: their certificates, and the versions of their states."""

from __future__ import annotations

from typing import NamedTuple

from receiver.protocol import identifiers, messages
from simulator.authority.keys import ISSUER, Keys
from simulator.authority.storage.store import Store, atomic

from . import bindings
from .bindings import NEWEST, SPEAKER, SPOKEN_BY, Caller

CERTIFICATE_LIFE_S = 365 * 24 * 3600


class Terms(NamedTuple):
    """Where a receiver stands and whose invoices it causes, in its certificate."""

    store: int
    store_name: str
    invoice_issuer: int
    currency: int


class Issued(NamedTuple):
    """A certificate that was issued; `replaced` is when the receiver got another."""

    receiver_id: bytes
    data: bytes
    replaced: int | None


_ISSUED = "SELECT c.receiver, c.data, c.replaced"
_PRESENTED = (
    f"{_ISSUED}, {SPEAKER} FROM certificates c {SPOKEN_BY.format('c.receiver')}"
    f"AND b.client = coalesce(k.client, ?) WHERE c.hash = ? {NEWEST}"
)


@atomic
def enrol(store: Store, keys: Keys, value: messages.Certificate, client: str) -> bytes:
    """Issue `value`, bind the receiver to a client's fingerprint, and return the certificate.

    Raises Error(CONFLICT) for a client certificate that another one replaced.
    """
    data = keys.certificate(value)
    hashed = identifiers.certificate_hash(data)
    store.run("INSERT INTO receivers (id) VALUES (?) ON CONFLICT DO NOTHING", value.receiver_id)
    store.one("SELECT id FROM receivers WHERE id = ? FOR NO KEY UPDATE", value.receiver_id)
    bindings.bind(store, value.receiver_id, client, value.issued)
    store.run(
        "UPDATE certificates SET replaced = ? "
        "WHERE receiver = ? AND replaced IS NULL AND hash <> ?",
        value.issued,
        value.receiver_id,
        hashed,
    )
    store.run(
        "INSERT INTO certificates (hash, receiver, key, store, store_name, invoice_issuer, "
        "currency, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (hash) DO UPDATE SET replaced = NULL",
        hashed,
        value.receiver_id,
        value.key,
        value.store,
        value.store_name,
        value.invoice_issuer,
        value.currency,
        data,
    )
    return data


def certificate_for(
    public_key: bytes, receiver_id: bytes, terms: Terms, now: int
) -> messages.Certificate:
    """Return the authority's statement about a receiver from `now` on."""
    expires = now + CERTIFICATE_LIFE_S
    return messages.Certificate(ISSUER, receiver_id, expires, now, public_key, *terms)


def issued(store: Store, certificate_hash: bytes) -> Issued | None:
    """Find a certificate by its hash; None if none was issued."""
    known = f"{_ISSUED} FROM certificates c WHERE c.hash = ?"
    return store.find(Issued, known, certificate_hash)


def presented(
    store: Store, certificate_hash: bytes, fingerprint: str
) -> tuple[Issued | None, Caller | None]:
    """Find that certificate, and the client behind `fingerprint` as it speaks for its receiver."""
    row = store.one(_PRESENTED, fingerprint, fingerprint, certificate_hash)
    if row is None:
        return None, None
    *found, client, until = row
    certificate = Issued(*found)
    caller = None if client is None else Caller(client, certificate.receiver_id, until)
    return certificate, caller


def invoice_issuer_of(store: Store, receiver_id: bytes) -> int | None:
    """Return the invoice issuer for purchases at a receiver."""
    current = "SELECT invoice_issuer FROM certificates WHERE receiver = ? AND replaced IS NULL"
    return store.find(int, current, receiver_id)


def next_state_version(store: Store) -> int:
    """Return a version above every earlier one."""
    return store.number("UPDATE state_version SET version = version + 1 RETURNING version")
