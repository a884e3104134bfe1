"""The inputs of the phone's conversation, its effects and its outcome: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from receiver import reasons
from receiver.protocol.messages import Receipt

Details = Mapping[str, Any]  # of a step, for its observer

# In: from the radio.


class Connected(NamedTuple):
    """A till's link is up, with this ATT MTU."""

    mtu: int


class Read(NamedTuple):
    """Certificate and offer as read from the receiver; an empty offer means none."""

    certificate: bytes
    offer: bytes


class OfferNotified(NamedTuple):
    data: bytes


class Notified(NamedTuple):
    """A message on the exchange characteristic."""

    data: bytes


class Gone(NamedTuple):
    """The link is down; `again`: it may come back, as the radio is still on."""

    again: bool = True


class Unreached(NamedTuple):
    """The attempt that `Reconnect` asked for has failed."""


# In: from the buyer.


class Look(NamedTuple):
    """The buyer agrees to see the offer that just came."""


class FirstDigit(NamedTuple):
    """The buyer begins to type; `recipient` is the invoice recipient, if not the usual one."""

    recipient: int | None = None


class Code(NamedTuple):
    """The last digit is typed."""

    code: str


class SayNo(NamedTuple):
    """The buyer leaves; `why` is one of `exchange.LEAVE_*`."""

    why: int


# In: from the authority.


class Answered(NamedTuple):
    """The authority's answer about an approval: a state of its ledger, UNSEEN, or NO_ANSWER."""

    approval_id: bytes
    state: str
    receipt: bytes | None = None


UNSEEN = "unseen"  # the approval is not in its books
NO_ANSWER = "no answer"


# Out.


class Write(NamedTuple):
    """A message for the exchange characteristic, as a request or as a command."""

    data: bytes
    response: bool


class Show(NamedTuple):
    """The buyer has a screen to look at and act on."""

    view: View


class Tell(NamedTuple):
    """A step for an observer."""

    name: str
    details: Details


class Ask(NamedTuple):
    """Ask the authority about this approval and return `Answered`."""

    approval_id: bytes


class Reconnect(NamedTuple):
    """Close what is left of the link, and connect to the same receiver again, without a scan.

    Then `Connected` and `Read` come once more, or `Unreached`.
    """


class HangUp(NamedTuple):
    """Close the link, and connect no more."""


# The screens of a buyer.

ASKED = "asked"  # an offer came by itself: look at it?
SHOWN = "shown"  # an offer, waiting for the code
DECLINED = "declined"  # declined, but the buyer may correct it


class View(NamedTuple):
    """One screen. `attempt` counts the offers shown in this conversation, from 1.

    `reason` is why the authority declined the last offer, for the buyer to correct.
    """

    kind: str
    attempt: int
    store: str
    till: int
    amount: int
    currency: int
    match_code: str
    reason: int = reasons.OK
    refund: bool = False  # money goes back to the buyer


# The outcomes.

APPROVED = "approved"  # by a receipt that the authority signed
ACCEPTED = "accepted"  # provisionally, signed by the receiver: the authority has not decided yet
LEFT = "left"  # the buyer left
REFUSED = "refused"  # by the till, or by the phone itself, before any approval was sent
LOST = "lost"  # the link broke before any approval was sent
UNKNOWN = "unknown"  # an approval was sent and no trusted answer came yet
NO_TILL = "no till"


class Outcome(NamedTuple):
    """The end of one purchase; DECLINED and APPROVED only by the authority's signature."""

    result: str
    reason: int = reasons.OK
    view: View | None = None
    approval_id: bytes = b""
    receipt: Receipt | None = None
    retry: bool = False  # nothing was sent that binds the buyer: another visit may help


Act = Look | FirstDigit | Code | SayNo  # of a buyer
FromRadio = Connected | Read | OfferNotified | Notified | Gone | Unreached
Input = FromRadio | Act | Answered
Effect = Write | Show | Tell | Ask | Reconnect | HangUp
