"""Receivers: their certificates, and the versions of their states."""

from __future__ import annotations

from typing import NamedTuple

from bridge.authority.enrolment_messages import Fingerprint, ReceiverRow, ReceiverRows
from bridge.authority.messages import ReceiverId
from receiver import reasons
from receiver.errors import Error
from receiver.protocol import identifiers, messages, signed
from simulator.authority.keys import ISSUER, Keys
from simulator.authority.storage.store import Store, atomic

from . import bindings
from .bindings import NEWEST, SPEAKER, SPOKEN_BY, Caller

CERTIFICATE_LIFE_S = 365 * 24 * 3600
RENEWAL_GRACE_S = 24 * 3600  # for sales under the old certificate; a bridge uses the new at once
PAGE = 200  # receivers in one answer


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
# The newest certificate of each: the one that nothing replaced, else the last that was.
_LISTED = (
    "SELECT r.id, r.revoked, (SELECT c.data FROM certificates c WHERE c.receiver = r.id "
    "ORDER BY c.replaced IS NOT NULL, c.replaced DESC LIMIT 1) "
    "FROM receivers r WHERE r.id > ? ORDER BY r.id LIMIT ?"
)


@atomic
def enrol(store: Store, keys: Keys, value: messages.Certificate, client: str) -> bytes:
    """Issue `value`, bind the receiver to a client's fingerprint, and return the certificate.

    Raises Error as `activate`.
    """
    data = keys.certificate(value)
    activate(store, data, value, client, value.issued)
    return data


def activate(store: Store, data: bytes, value: messages.Certificate, client: str, now: int) -> None:
    """Make a signed certificate the receiver's only one, in the caller's transaction.

    Raises Error(CONFLICT) for a client certificate that another one replaced, and
    Error(RECEIVER_UNKNOWN) for a revoked receiver.
    """
    store.run("INSERT INTO receivers (id) VALUES (?) ON CONFLICT DO NOTHING", value.receiver_id)
    _lock(store, value.receiver_id)
    if not is_alive(store, value.receiver_id):
        raise Error(reasons.RECEIVER_UNKNOWN, "the receiver is revoked: enrol it as a new one")
    bindings.bind(store, value.receiver_id, client, now)
    _replace(store, value.receiver_id, now, kept=identifiers.certificate_hash(data))
    _add(store, data, value)


@atomic
def renew(store: Store, keys: Keys, receiver_id: bytes, now: int) -> bytes:
    """Issue the next certificate with the same key and terms; return the newest.

    Before half of the newest one's life that one is returned, so that a lost answer costs nothing.
    The one before it serves for another `RENEWAL_GRACE_S`.
    """
    _lock(store, receiver_id)
    current = "SELECT data FROM certificates WHERE receiver = ? AND replaced IS NULL"
    data = store.find(bytes, current, receiver_id)
    if data is None:
        raise Error(reasons.RECEIVER_UNKNOWN, "the receiver has no certificate")
    value = value_of(data)
    if now < half_life(value):
        return data
    fresh = value._replace(issued=now, expires=now + CERTIFICATE_LIFE_S)
    data = keys.certificate(fresh)
    _replace(store, receiver_id, now + RENEWAL_GRACE_S)
    _add(store, data, fresh)
    return data


@atomic
def revoke(store: Store, receiver_id: bytes, now: int) -> int | None:
    """End a receiver for good: nothing more is authorised; return when, None if it is unknown.

    What it has sold is confirmed, reversed and refunded as ever.
    """
    _lock(store, receiver_id)
    if not store.exists("SELECT 1 FROM receivers WHERE id = ?", receiver_id):
        return None
    revoke_locked(store, receiver_id, now)
    return store.number("SELECT revoked FROM receivers WHERE id = ?", receiver_id)


def revoke_locked(store: Store, receiver_id: bytes, now: int) -> None:
    """Revoke in the caller's transaction."""
    store.run("UPDATE receivers SET revoked = ? WHERE id = ? AND revoked IS NULL", now, receiver_id)
    _replace(store, receiver_id, now)
    bindings.end(store, receiver_id, now)


def is_alive(store: Store, receiver_id: bytes) -> bool:
    """Return whether a receiver is known and not revoked."""
    return store.exists("SELECT 1 FROM receivers WHERE id = ? AND revoked IS NULL", receiver_id)


def owner_of_key(store: Store, key: bytes) -> bytes | None:
    """Return the receiver that has or had a key."""
    return store.find(bytes, "SELECT receiver FROM certificates WHERE key = ? LIMIT 1", key)


def half_life(value: messages.Certificate) -> int:
    """Return when half of a certificate's life is over: from then on it is renewed."""
    return (value.issued + value.expires) // 2


def value_of(data: bytes) -> messages.Certificate:
    """Read a certificate from the books."""
    value: messages.Certificate = signed.parse(messages.CERTIFICATE, data).value
    return value


def listed(store: Store, after: bytes) -> ReceiverRows:
    """List every receiver with the end of its latest certificate, in pages."""
    rows = store.rows(_LISTED, after, PAGE + 1)
    page = [_row(store, *row) for row in rows[:PAGE]]
    return ReceiverRows(page, page[-1].receiver_id if len(rows) > PAGE else None)


def _row(store: Store, receiver_id: bytes, revoked: int | None, data: bytes) -> ReceiverRow:
    value, client = value_of(data), bindings.client_of(store, receiver_id)
    return ReceiverRow(
        ReceiverId(receiver_id),
        value.store,
        value.store_name,
        value.expires,
        None if client is None else Fingerprint.read(client),
        revoked,
    )


def _lock(store: Store, receiver_id: bytes) -> None:
    store.one("SELECT id FROM receivers WHERE id = ? FOR NO KEY UPDATE", receiver_id)


def _replace(store: Store, receiver_id: bytes, when: int, kept: bytes = b"") -> None:
    """Let every certificate but `kept` end by `when`."""
    store.run(
        "UPDATE certificates SET replaced = ? "
        "WHERE receiver = ? AND (replaced IS NULL OR replaced > ?) AND hash <> ?",
        when,
        receiver_id,
        when,
        kept,
    )


def _add(store: Store, data: bytes, value: messages.Certificate) -> None:
    store.run(
        "INSERT INTO certificates (hash, receiver, key, store, store_name, invoice_issuer, "
        "currency, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (hash) DO UPDATE SET replaced = NULL",
        identifiers.certificate_hash(data),
        value.receiver_id,
        value.key,
        value.store,
        value.store_name,
        value.invoice_issuer,
        value.currency,
        data,
    )


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
