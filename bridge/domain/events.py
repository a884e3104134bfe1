"""The events of the bridge's event bus; `at` is seconds since 1970."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from receiver.link.wire import ReceiverHello

    from .phones import Phone
    from .sale import Sale

# Sources of an event.
TILL = "till"
RECEIVER = "receiver"
PHONE = "phone"
AUTHORITY = "authority"
BRIDGE = "bridge"


class SaleChanged(Struct, frozen=True):
    """A sale took an event of the state table, or was rung up."""

    source: str
    at: float
    till: int
    cursor: int | None  # the number of its line in the journal
    what: str
    sale: Sale  # a copy, made at that moment


class ReceiverChanged(Struct, frozen=True):
    """A receiver's link came up, with its HELLO, or went down."""

    source: str
    at: float
    till: int
    hello: ReceiverHello | None


class PhoneMoved(Struct, frozen=True):
    """An act of a phone (`wire.PHONE_*`); `furthest` is what the till's phones do now."""

    source: str
    at: float
    till: int
    link: int
    event: int
    reason: int
    furthest: Phone


class Refused(Struct, frozen=True):
    """A message from a receiver or phone was refused."""

    source: str
    at: float
    till: int
    reason: int


class SaleTimed(Struct, frozen=True):
    """The till has the outcome; `timings` are the times of the steps, in monotonic seconds."""

    source: str
    at: float
    till: int
    sale_id: str
    steps: Mapping[str, float]


Event = SaleChanged | ReceiverChanged | PhoneMoved | Refused | SaleTimed
