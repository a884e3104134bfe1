"""What goes into the phone's conversation, what it asks for, and how it ends: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from receiver import reasons

if TYPE_CHECKING:
    from receiver.protocol.messages import Receipt

# In: from the radio.


class Connected(NamedTuple):
    """A till's link is up, at this ATT MTU."""

    mtu: int


class Read(NamedTuple):
    """Certificate and offer as they lie at the receiver; an empty offer is none."""

    certificate: bytes
    offer: bytes


class OfferNotified(NamedTuple):
    data: bytes


class Notified(NamedTuple):
    """A message on the exchange characteristic."""

    data: bytes


class Gone(NamedTuple):
    """The link is down."""


# In: from the buyer.


class Look(NamedTuple):
    """Yes, show the offer that just came."""


class FirstDigit(NamedTuple):
    """The buyer begins to type; `recipient` is who shall pay if not the usual one."""

    recipient: int | None = None


class Code(NamedTuple):
    """The last digit is typed."""

    code: str


class SayNo(NamedTuple):
    """The buyer leaves; `why` is one of `exchange.LEAVE_*`."""

    why: int


# In: from the authority.


class Answered(NamedTuple):
    """What it knows of an approval: a state of its ledger, UNSEEN, or NO_ANSWER."""

    approval_id: bytes
    state: str
    receipt: bytes | None = None


UNSEEN = "unseen"  # it has never heard of the approval
NO_ANSWER = "no answer"


# Out.


class Write(NamedTuple):
    """A message for the exchange characteristic, as a request or as a command."""

    data: bytes
    response: bool


class Show(NamedTuple):
    """The buyer has something to look at, and to act on."""

    view: View


class Tell(NamedTuple):
    """A step for whoever watches."""

    name: str
    details: Mapping[str, Any] = {}


class Ask(NamedTuple):
    """Ask the authority about this approval and feed back `Answered`."""

    approval_id: bytes


class HangUp(NamedTuple):
    """Let go of the link."""


# What a buyer sees.

ASKED = "asked"  # an offer came by itself: look at it?
SHOWN = "shown"  # an offer, waiting for the code
DECLINED = "declined"  # no, but the buyer may mend it


class View(NamedTuple):
    """One screen. `attempt` counts the offers shown in this conversation, from 1.

    `reason` is why the authority declined the one before, and what the buyer may mend.
    """

    kind: str
    attempt: int
    store: str
    till: int
    amount: int
    currency: int
    match_code: str
    reason: int = reasons.OK
    refund: bool = False  # money comes back


# How it ends.

APPROVED = "approved"  # by a receipt that the authority signed
ACCEPTED = "accepted"  # provisionally, by the receiver's own word: the authority is yet to decide
LEFT = "left"  # the buyer said no
REFUSED = "refused"  # by the till, or by the phone itself, before any approval was sent
LOST = "lost"  # the link broke before any approval was sent
UNKNOWN = "unknown"  # an approval was sent and nobody trusted has answered yet
NO_TILL = "no till"


class Outcome(NamedTuple):
    """The end of one purchase; DECLINED and APPROVED come with the authority's word only."""

    result: str
    reason: int = reasons.OK
    view: View | None = None
    approval_id: bytes = b""
    receipt: Receipt | None = None
    retry: bool = False  # nothing was sent that binds to the next sale: worth another visit at once
