"""Offline acceptance: without an answer of the authority, within its limits (design §5 rule 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from receiver.encoding import schema
from receiver.protocol import messages, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from receiver.protocol.messages import Credential, Offer, Record, State

    from .sale import Sale

HOUR_S = 3600
REVOCATIONS_S = 24 * HOUR_S  # how old the list of revoked credentials may be (design §5 rule 4)
# The most that this clock may differ from the receiver's, which has the authority's time: the
# receiver signs for at most 300 s, and the authority books at most 600.
CLOCKS_S = 120


class Exposure(NamedTuple):
    """Number and sum of one receiver's offline approvals that the authority has not seen."""

    amount: int  # minor units
    sales: int


def exposure(sales: Iterable[Sale]) -> Exposure:
    """Return the exposure of these sales: those that the authority has not seen."""
    amounts = [sale.terms.amount for sale in sales if sale.unsent]
    return Exposure(sum(amounts), len(amounts))


class Limits(NamedTuple):
    """The authority's latest limits for one receiver; times in seconds since 1970."""

    state: State
    revoked: frozenset[bytes]  # credential ids
    revoked_at: int  # the last time that list was known to be current


class Case(NamedTuple):
    """One approval that may be accepted offline."""

    sale: Sale
    offer: Offer
    credential: Credential
    limits: Limits
    exposure: Exposure
    at: int  # by the wall clock, which may jump
    passed: int  # seconds since the state was signed, by a clock that does not

    @property
    def latest(self) -> int:
        """The later time of both clocks: no jump extends a permission."""
        return max(self.at, self.limits.state.time + self.passed)


class Accepted(NamedTuple):
    """An offline acceptance: its record (mode OFFLINE) and its time."""

    record: bytes
    at: int


class StandIn(Protocol):
    """Accepts approvals in the authority's place."""

    def accepts(self, sale: Sale) -> Accepted | None:
        """Return the acceptance if the limits allow it."""


def _clocks_agree(case: Case) -> bool:
    """Whether the offer is no older than the patience; an offer made without the time has 0."""
    age = case.at - case.offer.issued
    return -CLOCKS_S <= age <= messages.TTL_MOST_S + CLOCKS_S


# All rules must hold; the log shows the name of the first that does not.
RULES: tuple[tuple[str, Callable[[Case], bool]], ...] = (
    ("a purchase", lambda case: not case.sale.is_refund),
    ("time not behind the authority's", lambda case: case.at >= case.limits.state.time),
    ("time of the receiver", _clocks_agree),
    (
        "hours since the authority was heard",
        lambda case: (
            case.latest - case.limits.state.time <= case.limits.state.offline_hours * HOUR_S
        ),
    ),
    (
        "age of the revocation list",
        lambda case: case.latest - case.limits.revoked_at <= REVOCATIONS_S,
    ),
    ("not revoked", lambda case: case.credential.id not in case.limits.revoked),
    ("credential in its time", lambda case: case.latest < case.credential.expires),
    (
        "floor of the receiver",
        lambda case: case.sale.terms.amount <= case.limits.state.offline_floor,
    ),
    (
        "floor of the credential",
        lambda case: case.sale.terms.amount <= case.credential.offline_floor,
    ),
    ("count", lambda case: case.exposure.sales < case.limits.state.offline_count),
    (
        "total",
        lambda case: (
            case.exposure.amount + case.sale.terms.amount <= case.limits.state.offline_total
        ),
    ),
)


def judge(sale: Sale, limits: Limits, exposure: Exposure, at: int, passed: int) -> str | None:
    """Return None if every rule holds, else the name of the first that does not.

    `at` in seconds since 1970; `passed` seconds since the state was signed, by a monotonic clock.
    """
    record: Record = schema.decode(messages.RECORD, sale.record, messages.Record)
    offer: Offer = signed.parse(messages.OFFER, record.offer).value
    credential: Credential = signed.parse(messages.CREDENTIAL, record.credential).value
    case = Case(sale, offer, credential, limits, exposure, at, passed)
    return next((name for name, holds in RULES if not holds(case)), None)


def accept(sale: Sale, at: int) -> Accepted:
    """Accept the approval now; its record is uploaded later."""
    record: Record = schema.decode(messages.RECORD, sale.record, messages.Record)
    offline = record._replace(mode=messages.OFFLINE, accepted=at)
    return Accepted(schema.encode(messages.RECORD, offline), at)
