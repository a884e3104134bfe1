"""Offline purchases: a receiver's limits, and the credentials that are revoked."""

from __future__ import annotations

from receiver.encoding import cbor
from simulator.authority.ledger.decline_rules import TRIES_MOST
from simulator.authority.storage.store import Store

from .limits import OFF, Limits

STATE_LIFE_S = 24 * 3600  # a bridge accepts nothing offline on an older state (design §5, rule 4)
CODE_LIFE_S = 24 * 3600  # a phone without a valid code for so long buys online only
REVOKED_MOST = 7_000  # credentials in one list
REVOCATIONS_MOST = 0x10000  # bytes; so many ids take 63 kB


_REVOCATIONS = (
    "SELECT id FROM credentials WHERE revoked IS NOT NULL AND expires > ? UNION "
    "SELECT c.id FROM credentials c JOIN phones p ON p.id = c.phone "
    "JOIN buyers b ON b.id = p.buyer JOIN recipients r ON r.id = c.recipient "
    "WHERE c.offline_floor > 0 AND c.expires > ? "
    "AND (b.blocked = 1 OR r.closed = 1 OR p.tries >= ?) ORDER BY 1 LIMIT ?"
)
_OF = "FROM offline_limits WHERE receiver = ? AND since <= ?"


def limits_of(store: Store, receiver_id: bytes, now: int) -> Limits:
    """Return the limits that apply to a receiver."""
    newest = f"SELECT floor, total, sales, hours {_OF} ORDER BY since DESC LIMIT 1"
    return store.find(Limits, newest, receiver_id, now) or OFF


def set_limits(store: Store, receiver_id: bytes, limits: Limits, now: int) -> None:
    """Set the limits from now on; states signed earlier stay valid until they expire."""
    store.run(
        "INSERT INTO offline_limits (receiver, since, floor, total, sales, hours) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (receiver, since) DO UPDATE SET "
        "floor = excluded.floor, total = excluded.total, sales = excluded.sales, "
        "hours = excluded.hours",
        receiver_id,
        now,
        *limits,
    )


def floor_at(store: Store, receiver_id: bytes, accepted: int) -> int:
    """Return the highest floor in any state that the receiver could hold when it accepted."""
    since = accepted - STATE_LIFE_S
    before = limits_of(store, receiver_id, since).floor
    highest = f"SELECT coalesce(max(floor), 0) {_OF} AND since > ?"
    return max(before, store.number(highest, receiver_id, accepted, since))


def terms(store: Store, receiver_id: bytes, now: int) -> tuple[Limits, bytes]:
    """Return a receiver's limits and the revocations; no limits if the list is too long."""
    found = _revoked(store, now)
    limits = limits_of(store, receiver_id, now) if len(found) <= REVOKED_MOST else OFF
    return limits, _listed(found)


def revocations(store: Store, now: int) -> bytes:
    """Return the sorted ids of credentials that no receiver may accept offline, as CBOR.

    These are revoked credentials, and offline ones whose buyer, phone or invoice recipient is
    blocked. Expired credentials are left out.
    """
    return _listed(_revoked(store, now))


def _revoked(store: Store, now: int) -> list[bytes]:
    return store.every(bytes, _REVOCATIONS, now, now, TRIES_MOST, REVOKED_MOST + 1)


def _listed(found: list[bytes]) -> bytes:
    return cbor.encode(found[:REVOKED_MOST], REVOCATIONS_MOST)
