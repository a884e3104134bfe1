"""Bindings of clients to receivers: certificates, receivers and rights, now and earlier.

A client is named by the fingerprint of its first TLS certificate. A renewed certificate is the same
client and keeps its bookings and its journal position.
"""

from __future__ import annotations

from typing import NamedTuple

from bridge.authority.messages import Binding, ReceiverId, ReceiverPage
from receiver import reasons
from receiver.errors import Error
from simulator.authority.storage.store import AgainError, Store, atomic

PAGE = 200  # receivers in one answer

# The binding that applies to a client and a receiver: the current one, else the last that ended.
SPOKEN_BY = "LEFT JOIN clients k ON k.fingerprint = ? LEFT JOIN bindings b ON b.receiver = {} "
SPEAKER = "b.client, CASE WHEN k.until < b.until THEN k.until ELSE coalesce(b.until, k.until) END"
NEWEST = "ORDER BY b.until IS NOT NULL, b.until DESC LIMIT 1"

_CALLER = (
    f"SELECT {SPEAKER} FROM receivers r {SPOKEN_BY.format('r.id')}"
    f"AND b.client = coalesce(k.client, ?) WHERE r.id = ? {NEWEST}"
)
_FINGERPRINT = (
    "SELECT coalesce(k.fingerprint, b.client) FROM bindings b "
    "LEFT JOIN clients k ON k.client = b.client AND k.until IS NULL "
    "WHERE b.receiver = ? AND b.until IS NULL ORDER BY coalesce(k.issued, 0) DESC LIMIT 1"
)
_LISTED = (
    "SELECT receiver, min(since), CASE WHEN count(*) = count(until) THEN max(until) END "
    "FROM bindings WHERE client = ? AND receiver > ? GROUP BY receiver ORDER BY receiver LIMIT ?"
)
_BIND = (
    "INSERT INTO bindings (receiver, client, since) VALUES (?, ?, ?) "
    "ON CONFLICT (receiver, client, since) DO UPDATE SET until = NULL"
)
_NAME = "INSERT INTO clients (fingerprint, client) VALUES (?, ?) ON CONFLICT DO NOTHING"


class Position(NamedTuple):
    """The position that a bridge reports for its journal."""

    bridge: bytes
    life: bytes
    run: bytes
    sequence: int
    hash: bytes

    @property
    def place(self) -> tuple[int, bytes]:
        """Return what two copies of a journal share if they are equal up to there."""
        return self.sequence, self.hash


class Caller(NamedTuple):
    """A client as it speaks for one receiver, with the journal position that it reports.

    `until` is when it lost the receiver; None for the current client.
    """

    client: str
    receiver: bytes
    until: int | None = None
    position: Position | None = None

    def may_end(self, booked_by: str | None) -> bool:
        """Allow today's client everything at the receiver, a former one only its own bookings."""
        return self.until is None or booked_by == self.client


class Certificate(NamedTuple):
    """The client behind a fingerprint; `until` is when another certificate replaced this one."""

    client: str
    until: int | None


def caller(store: Store, fingerprint: str, receiver_id: bytes) -> Caller | None:
    """Return a TLS certificate's holder as it speaks for a receiver; None if it never did."""
    row = store.one(_CALLER, fingerprint, fingerprint, receiver_id)
    return Caller(row[0], receiver_id, row[1]) if row and row[0] is not None else None


def certificate(store: Store, fingerprint: str) -> Certificate:
    """Return a certificate's client; one that was never renewed is a client of its own."""
    known = "SELECT client, until FROM clients WHERE fingerprint = ?"
    return store.find(Certificate, known, fingerprint) or Certificate(fingerprint, None)


def client_of(store: Store, receiver_id: bytes) -> str | None:
    """Return the fingerprint of the newest TLS certificate that speaks for a receiver today."""
    return store.find(str, _FINGERPRINT, receiver_id)


def speaks(store: Store, client: str) -> bool:
    """Return whether any receiver is bound to a client today."""
    bound = "SELECT 1 FROM bindings WHERE client = ? AND until IS NULL LIMIT 1"
    return store.exists(bound, client)


def listed(store: Store, fingerprint: str, after: bytes) -> ReceiverPage:
    """List every receiver that is or was bound to a client, in order, and where to continue."""
    client, withdrawn = certificate(store, fingerprint)
    rows = store.rows(_LISTED, client, after, PAGE + 1)
    page = [
        Binding(
            ReceiverId(receiver),
            since,
            min((end for end in (until, withdrawn) if end is not None), default=None),
        )
        for receiver, since, until in rows[:PAGE]
    ]
    return ReceiverPage(page, page[-1].receiver_id if len(rows) > PAGE else None)


def bind(store: Store, receiver_id: bytes, fingerprint: str, now: int) -> None:
    """Let this client alone speak for a receiver; the caller has locked the receiver.

    Raises Error(CONFLICT) for a certificate that another one replaced.
    """
    client, until = certificate(store, fingerprint)
    if until is not None:
        raise Error(reasons.CONFLICT, "this client certificate was renewed; name its successor")
    current = "UPDATE bindings SET until = ? WHERE receiver = ? AND until IS NULL AND client <> ?"
    store.run(current, now, receiver_id, client)
    bound = "SELECT 1 FROM bindings WHERE receiver = ? AND until IS NULL"
    if not store.exists(bound, receiver_id):
        store.run(_BIND, receiver_id, client, now)


def end(store: Store, receiver_id: bytes, now: int) -> None:
    """Let no client speak for a receiver; the caller has locked it."""
    current = "UPDATE bindings SET until = ? WHERE receiver = ? AND until IS NULL"
    store.run(current, now, receiver_id)


def name(store: Store, fingerprint: str, client: str) -> None:
    """Note a certificate of a client that is to have more than one."""
    store.run(_NAME, fingerprint, client)


def issue(store: Store, fingerprint: str, client: str, data: bytes, now: int) -> None:
    """Note a client certificate (DER) that was issued here, in the caller's transaction."""
    store.run(
        "INSERT INTO clients (fingerprint, client, issued, data) VALUES (?, ?, ?, ?)",
        fingerprint,
        client,
        now,
        data,
    )


def withdraw(store: Store, fingerprint: str, now: int) -> None:
    """End one client certificate."""
    store.run("UPDATE clients SET until = ? WHERE fingerprint = ?", now, fingerprint)


def newest_issued(store: Store, client: str) -> bytes | None:
    """Return the newest certificate (DER) that was issued here to a client and still serves."""
    newest = (
        "SELECT data FROM clients WHERE client = ? AND until IS NULL AND data IS NOT NULL "
        "ORDER BY issued DESC LIMIT 1"
    )
    return store.find(bytes, newest, client)


@atomic
def renew(store: Store, old: str, new: str, now: int) -> str | None:
    """Make `new` the certificate of the client behind `old`; None if there is no such client.

    Every binding stays, and `old` may only finish what it began. Raises Error(CONFLICT) where `old`
    was renewed with another, or `new` belongs to another client.
    """
    client, until = certificate(store, old)
    known = "SELECT 1 FROM bindings WHERE client = ? LIMIT 1"
    if not store.exists(known, client):
        return None
    if certificate(store, new) == Certificate(client, None):
        _withdraw_others(store, client, new, now)
        return client
    if until is not None:
        raise Error(reasons.CONFLICT, "this client certificate was renewed with another one")
    if certificate(store, new).client != new or store.exists(known, new) or _is_named(store, new):
        raise Error(reasons.CONFLICT, "the new client certificate is another client's")
    store.run(_NAME, old, client)
    withdrawn = "UPDATE clients SET until = ? WHERE fingerprint = ? AND until IS NULL"
    if store.run(withdrawn, now, old) != 1 or store.run(_NAME, new, client) != 1:
        raise AgainError
    _withdraw_others(store, client, new, now)
    return client


def _withdraw_others(store: Store, client: str, kept: str, now: int) -> None:
    """End every other certificate of a client, of which self-renewal makes several."""
    others = "UPDATE clients SET until = ? WHERE client = ? AND until IS NULL AND fingerprint <> ?"
    store.run(others, now, client, kept)


def _is_named(store: Store, fingerprint: str) -> bool:
    """Return whether the books hold a certificate."""
    return store.exists("SELECT 1 FROM clients WHERE fingerprint = ?", fingerprint)
