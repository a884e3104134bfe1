"""What happens in the bridge, as values for its event bus; `at` is seconds since 1970."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from receiver.link.wire import ReceiverHello

    from .sale import Sale

# Sources: who said so.
TILL = "till"
RECEIVER = "receiver"
PHONE = "phone"
AUTHORITY = "authority"
BRIDGE = "bridge"


class SaleChanged(NamedTuple):
    """A sale took an event of the state table, or was rung up."""

    source: str
    at: float
    till: int
    cursor: int | None  # the number of its line in the journal
    what: str
    sale: Sale  # a copy, as it was just then


class ReceiverChanged(NamedTuple):
    """A receiver came, with its HELLO, or went."""

    source: str
    at: float
    till: int
    hello: ReceiverHello | None


class PhoneMoved(NamedTuple):
    """What a phone did (`wire.PHONE_*`)."""

    source: str
    at: float
    till: int
    link: int
    event: int
    reason: int


class Refused(NamedTuple):
    """Something from a receiver or phone was refused."""

    source: str
    at: float
    till: int
    reason: int


class SaleTimed(NamedTuple):
    """The till has the outcome: when each step was (`timings`, monotonic seconds)."""

    source: str
    at: float
    till: int
    sale_id: str
    steps: Mapping[str, float]


Event = SaleChanged | ReceiverChanged | PhoneMoved | Refused | SaleTimed
