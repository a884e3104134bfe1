"""The journal's records, for its users and in the file."""

from __future__ import annotations

import json
from typing import NamedTuple

from bridge.domain.alarms import Alarm

__all__ = ["Acknowledgement", "Alarm", "Closed", "Entry", "Life", "Position", "Row", "Standing"]

OWN = "journal."  # the prefix of the kinds of the journal's own entries, which its users never see
CLOSED = OWN + "closed"
LIFE = OWN + "life"
ALARM = OWN + "alarm"
ACKNOWLEDGED = OWN + "acknowledged"
POSTED = "posted"  # the state of a refund that counts
REFUND = "refund"
_OCTETS = ("receiver_id", "transaction_id", "approval_id")


class Entry(NamedTuple):
    """One line; `at` in milliseconds since 1970, `body` JSON, `secret` empty once erased."""

    id: int
    at: int
    sale_id: str
    kind: str
    body: str
    secret: bytes = b""


class Closed(NamedTuple):
    """A closed sale or refund, for totals, refunds and a sale_id used again."""

    sale_id: str
    kind: str  # "sale" or "refund"
    receiver_id: bytes
    till: int
    state: str
    reason: int
    amount: int  # minor units
    currency: int  # ISO 4217 number
    decided_at: int  # milliseconds since 1970
    transaction_id: bytes
    approval_id: bytes
    terms: str  # JSON of the till's request
    original: str  # what was refunded: a sale_id or a transaction id; else empty


class Life(NamedTuple):
    """A stretch of a journal's history in which each entry follows the one before."""

    number: int
    life: bytes
    cause: str  # see `bridge.journal.lives`
    previous: bytes  # the life before it; empty for the first
    at: int  # milliseconds since 1970
    entry: int  # the entry that began it; 0 for the first


class Position(NamedTuple):
    """How far a journal has come: its life and its newest entry on the disk."""

    life: bytes
    sequence: int
    hash: bytes


class Acknowledgement(NamedTuple):
    """Who has acknowledged an alarm, when (milliseconds since 1970), and with which note."""

    by: str
    note: str
    at: int


class Standing(NamedTuple):
    """An alarm and, once acknowledged, its acknowledgement."""

    alarm: Alarm
    acknowledged: Acknowledgement | None = None


class Row(NamedTuple):
    """One line in the file, a link of the chain."""

    id: int
    at: int
    sale_id: str
    kind: str
    body: str
    carried: int  # the entry that this one repeats at the start of a live part, else 0
    sealed: bytes  # SHA-256 of the secret; empty without one
    rule: int  # the rule of its hash
    hash: bytes

    @property
    def origin(self) -> int:
        """Return the entry's number when it was first written."""
        return self.carried or self.id

    @property
    def own(self) -> bool:
        return self.kind.startswith(OWN)

    @property
    def of_a_sale(self) -> bool:
        """Return whether it begins, continues or closes a sale."""
        return not self.own or self.kind == CLOSED

    @property
    def is_news(self) -> bool:
        """Return whether this is the first entry of its content, not a repetition."""
        return not self.own and not self.carried


def dump_closed(closed: Closed) -> str:
    """Encode as the body of an entry, from which the index can be rebuilt."""
    octets = {name: getattr(closed, name).hex() for name in _OCTETS}
    values = {**closed._asdict(), **octets}
    del values["sale_id"]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def load_closed(sale_id: str, body: str) -> Closed:
    values = json.loads(body)
    octets = {name: bytes.fromhex(values[name]) for name in _OCTETS}
    return Closed(sale_id, **{**values, **octets})
