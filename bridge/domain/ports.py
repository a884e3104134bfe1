"""What goes into a desk and what it asks for: plain values, no I/O.

`at` is seconds since 1970; sources say who spoke, for the people who watch.
"""

from __future__ import annotations

from typing import NamedTuple

from .sale import Fact, Sale, Terms
from .states import Event

TILL = "till"
RECEIVER = "receiver"
PHONE = "phone"
AUTHORITY = "authority"
BRIDGE = "bridge"

# In.


class Ring(NamedTuple):
    """The till rings up a sale; the desk must be free."""

    terms: Terms


class Decide(NamedTuple):
    """The till's decision about the sale at the desk (`decisions.decide`)."""

    fact: Fact


class Told(NamedTuple):
    """The till is about to see the sale at the desk, which is approved."""


class Received(NamedTuple):
    """A whole message from the receiver."""

    channel: int
    payload: bytes
    at: int


class LinkDown(NamedTuple):
    """The receiver is away; its SYNC tells when it is back."""


class Written(NamedTuple):
    """The journal took no write for a while, and takes them again: all so far is on the disk."""


class Answered(NamedTuple):
    """What the authority gave for an approval; not yet proved to be a receipt."""

    approval_id: bytes
    data: bytes


class Unanswered(NamedTuple):
    """No answer this time."""

    approval_id: bytes


class Rejected(NamedTuple):
    """The authority does not take the record."""

    approval_id: bytes
    reason: int


Input = Ring | Decide | Told | Received | LinkDown | Written | Answered | Unanswered | Rejected

# Out, to be carried out in order.


class Begin(NamedTuple):
    """Write a new sale's terms to the journal and show it."""

    sale: Sale


class Keep(NamedTuple):
    """Write a fact to the journal; nothing after it happens before it is on disk."""

    sale: Sale
    fact: Fact


class Accept(NamedTuple):
    """Acknowledge the message that came in: its responsibility is ours now."""


class Send(NamedTuple):
    """A message to the receiver."""

    channel: int
    payload: bytes


class Ask(NamedTuple):
    """Ask the authority, again and again until an answer settles it or `Owe` gives it up.

    Not before every reversal that the sale owes is through: it knows one hold for each sale.
    """

    sale: Sale
    approval_id: bytes
    record: bytes


class Owe(NamedTuple):
    """Stop asking about this approval, for ever; reverse it until that is acknowledged."""

    sale: Sale
    approval_id: bytes


class Hush(NamedTuple):
    """Stop asking about the approval at hand: it was accepted offline, and is sent later."""

    sale: Sale


class Settle(NamedTuple):
    """The till has decided for the sale: confirm it until it is posted."""

    sale: Sale


class Tell(NamedTuple):
    """Something happened to the sale, and who said so; `sale` is a copy as it was just then."""

    sale: Sale
    event: Event
    source: str


class Phone(NamedTuple):
    """What a phone did, for those who watch."""

    event: int
    link: int
    reason: int


class Refuse(NamedTuple):
    """Something was refused: to be counted and logged."""

    reason: int
    detail: str


Output = Begin | Keep | Accept | Send | Ask | Owe | Hush | Settle | Tell | Phone | Refuse
