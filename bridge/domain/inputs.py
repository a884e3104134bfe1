"""The inputs of a controller: plain values, no I/O. `at` is seconds since 1970."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from receiver.errors import Error
    from receiver.link import wire
    from receiver.protocol.messages import Provisional, Receipt
    from receiver.protocol.validation import Approved, Offered

    from .effects import CheckApproval
    from .sale import Fact, Terms
    from .verification import Claim


class Ring(NamedTuple):
    """The till rings up a sale; the controller must be free."""

    terms: Terms


class Decide(NamedTuple):
    """The till's decision about the current sale (`till_decisions.decide`)."""

    fact: Fact


class TillNotified(NamedTuple):
    """The till is about to see the current sale, which is approved."""


class MessageReceived(NamedTuple):
    """A whole message from the receiver."""

    channel: int
    payload: bytes
    at: int


class LinkDown(NamedTuple):
    """The receiver is away; it sends SYNC when it is back."""


class JournalWritten(NamedTuple):
    """A stall of the journal is over: all facts so far are on the disk."""


class TimeElapsed(NamedTuple):
    """The time of `deadline()` has passed."""


class AuthorityAnswered(NamedTuple):
    """The authority's answer about an approval; not yet verified as a receipt."""

    approval_id: bytes
    data: bytes


class AuthorityTimedOut(NamedTuple):
    """No answer this time."""

    approval_id: bytes


class RecordRejected(NamedTuple):
    """The authority refuses the record."""

    approval_id: bytes
    reason: int


# Answers to checks (`effects.Check`): each comes before any other input.


class OfferChecked(NamedTuple):
    data: bytes
    found: Offered | Error


class CredentialChecked(NamedTuple):
    record: wire.CredentialRecord
    found: Claim | Error


class ApprovalChecked(NamedTuple):
    check: CheckApproval
    found: Approved | Error


class ReceiptChecked(NamedTuple):
    approval_id: bytes
    data: bytes
    found: Receipt | Error


class ProvisionalChecked(NamedTuple):
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
