"""The inputs of a controller: plain values, no I/O. `at` is seconds since 1970."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from receiver.errors import Error
    from receiver.link import wire
    from receiver.protocol.messages import Provisional, Receipt
    from receiver.protocol.validation import Approved, Offered

    from .effects import CheckApproval
    from .sale import Fact, Terms
    from .verification import Claim


class Ring(Struct, frozen=True):
    """The till rings up a sale; the controller must be free. `refusal` declines it at once."""

    terms: Terms
    refusal: int = 0


class Decide(Struct, frozen=True):
    """The till's decision about the current sale (`till_decisions.decide`)."""

    fact: Fact


class TillNotified(Struct, frozen=True):
    """The till is about to see the current sale, which is approved."""


class MessageReceived(Struct, frozen=True):
    """A whole message from the receiver."""

    channel: int
    payload: bytes
    at: int


class LinkDown(Struct, frozen=True):
    """The receiver is away; it sends SYNC when it is back."""


class JournalWritten(Struct, frozen=True):
    """A stall of the journal is over: all facts so far are on the disk."""


class TimeElapsed(Struct, frozen=True):
    """The controller's `due` time has passed."""


class AuthorityAnswered(Struct, frozen=True):
    """The authority's answer about an approval; not yet verified as a receipt."""

    approval_id: bytes
    data: bytes


class AuthorityTimedOut(Struct, frozen=True):
    """No answer this time."""

    approval_id: bytes


class RecordRejected(Struct, frozen=True):
    """The authority refuses the record."""

    approval_id: bytes
    reason: int


# Answers to checks (`effects.Check`): each comes before any other input.


class OfferChecked(Struct, frozen=True):
    data: bytes
    found: Offered | Error


class CredentialChecked(Struct, frozen=True):
    record: wire.CredentialRecord
    found: Claim | Error


class ApprovalChecked(Struct, frozen=True):
    check: CheckApproval
    found: Approved | Error


class ReceiptChecked(Struct, frozen=True):
    approval_id: bytes
    data: bytes
    found: Receipt | Error


class ProvisionalChecked(Struct, frozen=True):
    data: bytes
    found: Provisional | Error


Checked = OfferChecked | CredentialChecked | ApprovalChecked | ReceiptChecked | ProvisionalChecked
Heard = AuthorityAnswered | AuthorityTimedOut | RecordRejected
Input = (
    Ring
    | Decide
    | TillNotified
    | MessageReceived
    | LinkDown
    | JournalWritten
    | TimeElapsed
    | Heard
    | Checked
)
