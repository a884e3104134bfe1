"""Which client speaks for a receiver, and which did: its certificates, its receivers, its rights.

A client is named by the fingerprint of the first TLS certificate that it had. A renewed certificate
is the same client, so that what it booked and where its journal stands remain its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.authority.messages import Binding, ReceiverId, ReceiverPage
from receiver import reasons
from receiver.errors import Error
from simulator.authority.storage.store import AgainError, atomic

if TYPE_CHECKING:
    from simulator.authority.storage.store import Store

PAGE = 200  # receivers in one answer

# The binding that counts of a client's with a receiver: today's, else the last one that ended.
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
    "WHERE b.receiver = ? AND b.until IS NULL"
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
    """Where a bridge says that its journal stands."""

    bridge: bytes
    life: bytes
    run: bytes
    sequence: int
    hash: bytes

    @property
    def place(self) -> tuple[int, bytes]:
        """The same in two copies of a journal that are the same up to there."""
        return self.sequence, self.hash


class Caller(NamedTuple):
    """A client as it speaks for one receiver, and where it says that its journal stands.

    `until` is when it ceased to be the one that does; None for the one that does today.
    """

    client: str
    receiver: bytes
    until: int | None = None
    position: Position | None = None

    def may_end(self, booked_by: str | None) -> bool:
        """Today's client ends all that the receiver has, a former one what it booked itself."""
        return self.until is None or booked_by == self.client


class Certificate(NamedTuple):
    """A client behind a fingerprint; `until` is when another certificate took this one's place."""

    client: str
    until: int | None


def caller(store: Store, fingerprint: str, receiver_id: bytes) -> Caller | None:
    """The holder of a TLS certificate as it speaks for a receiver; None if it never did."""
    row = store.one(_CALLER, fingerprint, fingerprint, receiver_id)
    return Caller(row[0], receiver_id, row[1]) if row and row[0] is not None else None


def certificate(store: Store, fingerprint: str) -> Certificate:
    """Any certificate that was never renewed is a client of its own."""
    row = store.one("SELECT client, until FROM clients WHERE fingerprint = ?", fingerprint)
    return Certificate(*row) if row else Certificate(fingerprint, None)


def fingerprint_of(store: Store, receiver_id: bytes) -> str | None:
    """The TLS certificate that speaks for a receiver today."""
    found: str | None = store.value(_FINGERPRINT, receiver_id)
    return found


def speaks(store: Store, client: str) -> bool:
    """Whether any receiver is bound to a client today."""
    bound = "SELECT 1 FROM bindings WHERE client = ? AND until IS NULL LIMIT 1"
    return store.one(bound, client) is not None


def listed(store: Store, fingerprint: str, after: bytes) -> ReceiverPage:
    """Every receiver that is or was bound to a client, in order; and where the next page begins."""
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
    """Let this client, and no other, speak for a receiver that is locked by the caller.

    Raises Error(CONFLICT) for a certificate whose place another one took.
    """
    client, until = certificate(store, fingerprint)
    if until is not None:
        raise Error(reasons.CONFLICT, "this client certificate was renewed; name its successor")
    current = "UPDATE bindings SET until = ? WHERE receiver = ? AND until IS NULL AND client <> ?"
    store.run(current, now, receiver_id, client)
    bound = "SELECT 1 FROM bindings WHERE receiver = ? AND until IS NULL"
    if store.one(bound, receiver_id) is None:
        store.run(_BIND, receiver_id, client, now)


@atomic
def renew(store: Store, old: str, new: str, now: int) -> str | None:
    """Let `new` be the certificate of the client that `old` is of; None if there is none such.

    All that is bound to the client stays so, and `old` may only end what it began. Raises
    Error(CONFLICT) where `old` was renewed with another, or `new` is another client's.
    """
    client, until = certificate(store, old)
    known = "SELECT 1 FROM bindings WHERE client = ? LIMIT 1"
    if store.one(known, client) is None:
        return None
    if _is_certificate_of(store, new, client):
        return client
    if until is not None:
        raise Error(reasons.CONFLICT, "this client certificate was renewed with another one")
    if certificate(store, new).client != new or store.one(known, new) or _named(store, new):
        raise Error(reasons.CONFLICT, "the new client certificate is another client's")
    store.run(_NAME, old, client)
    withdrawn = "UPDATE clients SET until = ? WHERE fingerprint = ? AND until IS NULL"
    if store.run(withdrawn, now, old) != 1 or store.run(_NAME, new, client) != 1:
        raise AgainError
    return client


def _is_certificate_of(store: Store, fingerprint: str, client: str) -> bool:
    found = certificate(store, fingerprint)
    return found.client == client and found.until is None


def _named(store: Store, fingerprint: str) -> bool:
    """Whether a certificate stands in the books already."""
    known = "SELECT 1 FROM clients WHERE fingerprint = ?"
    return store.one(known, fingerprint) is not None
