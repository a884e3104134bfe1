"""One purchase as measured: times, tries, outcomes; a line of JSON."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import msgspec
from msgspec import Struct, field

# What phone, till and authority say of a purchase one minute after its end.
PAID = "paid"
NOT_PAID = "not paid"
UNKNOWN = "unknown"

# The parts that make steps.
BUYER, PHONE, RECEIVER = "buyer", "phone", "receiver"
BRIDGE, AUTHORITY, TILL = "bridge", "authority", "till"


RESULT = "result"  # the part of a bound in which the phone gets it; the till is told before


class Mark(Struct, frozen=True):
    """A step of one part: what it had done at this time, in seconds of virtual time."""

    by: str
    name: str
    at: float


class Outcomes(Struct, frozen=True):
    """What each says one minute later: PAID, NOT_PAID or UNKNOWN."""

    phone: str
    till: str
    authority: str

    @property
    def agree(self) -> bool:
        return self.phone == self.till == self.authority


class Bound(Struct, frozen=True):
    """What the parameters alone need, in seconds by part; nothing can be faster on average."""

    offer: dict[str, float] = field(default_factory=dict)  # until the offer is on the screen
    approved: dict[str, float] = field(default_factory=dict)  # from the last digit


class Record(Struct, kw_only=True, omit_defaults=True):
    """A purchase that its buyer meant to make. Times are seconds of one clock, None if never.

    A purchase is made again by (air, profile, seed, number).
    """

    air: str
    profile: str
    seed: int
    number: int  # in its scene, from 0
    till: int
    checked_in: bool = False  # the phone's link was up before the amount was on the air

    held: float | None = None  # the phone, its app open, is brought near
    offered: float | None = None  # the offer is on the air
    asked: float | None = None  # the phone asks whether to open an offer that came by itself
    shown: float | None = None  # this till's offer is on the phone's screen
    first_digit: float | None = None
    last_digit: float | None = None  # of the code that was approved, or else the last one typed
    approved_phone: float | None = None
    approved_till: float | None = None
    lost: float | None = None  # the first link that was lost before the end: when a host was told
    back: float | None = None  # that phone is in reach again; None where it never left it
    resumed: float | None = None  # the purchase stands on the new link where it stood on the old
    authority_s: float = 0.0  # the authority's own time between last digit and approved

    tries: int = 1  # of the buyer: times that the phone was told to pay, or held anew
    tries_cashier: int = 1  # times that the cashier rang it up
    typed_twice: bool = False  # the buyer typed a digit again that was right before
    wrong_till: bool = False  # a neighbour's offer was on the screen before this till's
    wrong_approvable: bool = False  # ... and its two check digits were those of this till
    outcomes: Outcomes = Outcomes(UNKNOWN, UNKNOWN, UNKNOWN)
    reason: str = ""  # why it failed, in the phone's or till's word

    bound_s: Bound = Bound()
    steps: list[Mark] = []  # of phone, receiver, bridge and authority, in order of time
    transcript: list[str] = []  # where the scene was asked for it

    @property
    def began(self) -> float | None:
        """Return from when the buyer waits for the offer: held near, and there is one."""
        if self.held is None or self.offered is None:
            return None
        return max(self.held, self.offered)

    @property
    def offer_s(self) -> float:
        """Return the time from hold to offer on the screen, without the buyer's answer to it."""
        seen = self.shown if self.asked is None else self.asked
        return _between(self.began, seen)

    @property
    def phone_s(self) -> float:
        """Return the time from the last digit to "approved" on the phone, without authority."""
        return _between(self.last_digit, self.approved_phone) - self.authority_s

    @property
    def till_s(self) -> float:
        """Return the time from the last digit to "approved" at the till, without authority."""
        return _between(self.last_digit, self.approved_till) - self.authority_s

    @property
    def lost_s(self) -> float | None:
        """Return what a lost link cost, from when another could be had; None without one."""
        if self.lost is None or self.resumed is None:
            return None if self.lost is None else inf
        # A phone that is moved away later has no part in it.
        was_away = self.back is not None and self.lost < self.back <= self.resumed
        return self.resumed - (self.back if self.back and was_away else self.lost)

    @property
    def paid(self) -> bool:
        """Whether it was paid, whatever it took."""
        return self.outcomes == Outcomes(PAID, PAID, PAID)

    @property
    def succeeded(self) -> bool:
        """Whether it was paid without a second try by buyer or cashier."""
        return self.paid and self.tries == 1 and self.tries_cashier == 1


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


def line(record: Record) -> bytes:
    """Return one line of JSON, with its end."""
    return _encoder.encode(record) + b"\n"


def lines(data: bytes) -> Iterator[Record]:
    """Yield the records of whole lines; a last one that was broken off is left out.

    Raises msgspec.DecodeError for any other line that is not a record.
    """
    whole, _, _ = data.rpartition(b"\n")
    yield from map(_decoder.decode, whole.splitlines())


def _between(start: float | None, end: float | None) -> float:
    """Return the seconds between two events; infinite where the second never was."""
    return inf if start is None or end is None else end - start
