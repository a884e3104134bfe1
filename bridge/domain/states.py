"""The one transition table of a sale, from rung up to its end, and the sets made from it."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    OPEN = "open"  # waits for a buyer
    CLAIMED = "claimed"  # a phone has shown a valid credential
    APPROVAL_RECEIVED = "approval_received"  # an approval is journalled and being verified
    AUTHORISATION_SENT = "authorisation_sent"  # the authority is asked; no answer, no verdict yet
    AUTHORITY_TIMEOUT = "authority_timeout"  # the same, and the authority did not answer
    AUTHORISED_AWAITING_RECEIVER = "authorised_awaiting_receiver"  # the verdict is awaited
    DECLINED_AWAITING_RECEIVER = "declined_awaiting_receiver"  # the same; not shown yet
    AUTHORISING = "authorising"  # the verdict is there, the authority's answer is awaited
    UNKNOWN = "unknown"  # the same, and the authority did not answer; it is asked again
    REVERSING = "reversing"  # never asked again; the reversal is owed until acknowledged
    APPROVED = "approved"  # both agree, or it is accepted offline; the till is not notified
    TILL_NOTIFIED = "till_notified"  # the till may have seen "approved": only a decision moves it
    PAID = "paid"  # by the till; the confirmation is owed until the authority posts it
    REFUNDING = "refunding"  # money goes back without a phone; owed until the authority answers
    POSTED = "posted"
    LIABILITY = "liability"  # paid at the till, and the authority will never post it
    DECLINED = "declined"
    CANCELLED = "cancelled"


class Event(StrEnum):
    OFFERED = "offered"  # a verified offer
    CLAIMED = "claimed"  # a verified credential
    LEFT = "left"  # the last phone with a credential is gone or has refused
    APPROVAL_RECEIVED = "approval_received"  # the receiver delivered an approval
    REFUSED = "refused"  # that approval is invalid, and the authority was not asked
    AUTHORISATION_SENT = "authorisation_sent"  # the request may have left the bridge
    VERIFIED = "verified"  # the receiver finds that approval valid too
    AUTHORITY_TIMEOUT = "authority_timeout"  # no answer this time
    AUTHORISED = "authorised"  # the authority holds the money
    ACCEPTED_OFFLINE = "accepted_offline"  # within the limits (design §5 rule 4)
    DECLINED_AWAITING_RECEIVER = "declined_awaiting_receiver"  # passed on with the verdict
    MENDABLE = "mendable"  # the decline is passed on, and a new offer follows by itself
    DECLINED = "declined"  # the decline is passed on, and the sale has ended
    RECALLED = "recalled"  # refused after the request was sent: its reversal is owed
    RECALL_REVERSED = "recall_reversed"  # the authority has reversed a recalled approval
    REVERSAL_OWED = "reversal_owed"  # patience is over, or the till took it back
    REVERSED = "reversed"  # and acknowledged
    CANCELLED = "cancelled"  # ended, and nothing is held
    TILL_NOTIFIED = "till_notified"  # the first byte of "approved" is about to leave for the till
    PAID = "paid"  # the till has persisted that it is paid
    REFUND_ORDERED = "refund_ordered"  # by the till, without a phone
    PROVISIONAL_RECEIPT = "provisional_receipt"  # the receiver's, of an offline approval
    UPLOADED = "uploaded"  # the authority holds what was accepted offline
    POSTED = "posted"
    ADOPTED = "adopted"  # lost by the journal, held by the authority; the till will decide
    LIABILITY = "liability"  # the authority declines a sale that the till holds as paid
    PAID_AFTER_ALL = "paid_after_all"  # cancelled by the bridge, and posted by the authority
    REFUND_OWED = "refund_owed"  # cancelled by the till, and posted: refunded in full


TABLE: dict[State, dict[Event, State]] = {
    State.OPEN: {
        Event.OFFERED: State.OPEN,
        Event.CLAIMED: State.CLAIMED,
        Event.LEFT: State.OPEN,
        Event.APPROVAL_RECEIVED: State.APPROVAL_RECEIVED,
        Event.DECLINED: State.DECLINED,
        Event.RECALL_REVERSED: State.OPEN,
        Event.CANCELLED: State.CANCELLED,
        Event.REFUND_ORDERED: State.REFUNDING,
        Event.ADOPTED: State.TILL_NOTIFIED,
    },
    State.CLAIMED: {
        Event.OFFERED: State.OPEN,
        Event.CLAIMED: State.CLAIMED,
        Event.LEFT: State.OPEN,
        Event.APPROVAL_RECEIVED: State.APPROVAL_RECEIVED,
        Event.DECLINED: State.DECLINED,
        Event.RECALL_REVERSED: State.CLAIMED,
        Event.CANCELLED: State.CANCELLED,
        Event.ADOPTED: State.TILL_NOTIFIED,
    },
    State.APPROVAL_RECEIVED: {
        Event.REFUSED: State.OPEN,
        Event.AUTHORISATION_SENT: State.AUTHORISATION_SENT,
        Event.CANCELLED: State.CANCELLED,
        Event.ADOPTED: State.TILL_NOTIFIED,
    },
    State.AUTHORISATION_SENT: {
        Event.VERIFIED: State.AUTHORISING,
        Event.AUTHORITY_TIMEOUT: State.AUTHORITY_TIMEOUT,
        Event.AUTHORISED: State.AUTHORISED_AWAITING_RECEIVER,
        Event.DECLINED_AWAITING_RECEIVER: State.DECLINED_AWAITING_RECEIVER,
        Event.RECALLED: State.OPEN,
        Event.RECALL_REVERSED: State.AUTHORISATION_SENT,
        Event.REVERSAL_OWED: State.REVERSING,
        Event.ADOPTED: State.TILL_NOTIFIED,
    },
    State.AUTHORITY_TIMEOUT: {
        Event.VERIFIED: State.UNKNOWN,
        Event.AUTHORITY_TIMEOUT: State.AUTHORITY_TIMEOUT,
        Event.AUTHORISED: State.AUTHORISED_AWAITING_RECEIVER,
        Event.DECLINED_AWAITING_RECEIVER: State.DECLINED_AWAITING_RECEIVER,
        Event.RECALLED: State.OPEN,
        Event.RECALL_REVERSED: State.AUTHORITY_TIMEOUT,
        Event.REVERSAL_OWED: State.REVERSING,
        Event.ADOPTED: State.TILL_NOTIFIED,
    },
    State.AUTHORISED_AWAITING_RECEIVER: {
        Event.VERIFIED: State.APPROVED,
        Event.RECALLED: State.OPEN,
        Event.REVERSAL_OWED: State.REVERSING,
        Event.ADOPTED: State.TILL_NOTIFIED,
    },
    # The decline stands with any verdict, and without one. One entry, as in GRANTED: both answers
    # take the same time in the journal.
    State.DECLINED_AWAITING_RECEIVER: {
        Event.MENDABLE: State.OPEN,
        Event.DECLINED: State.DECLINED,
        Event.ADOPTED: State.TILL_NOTIFIED,
    },
    State.AUTHORISING: {
        Event.AUTHORITY_TIMEOUT: State.UNKNOWN,
        Event.AUTHORISED: State.APPROVED,
        Event.ACCEPTED_OFFLINE: State.APPROVED,
        Event.MENDABLE: State.OPEN,
        Event.DECLINED: State.DECLINED,
        Event.RECALL_REVERSED: State.AUTHORISING,
        Event.REVERSAL_OWED: State.REVERSING,
        Event.ADOPTED: State.TILL_NOTIFIED,
    },
    State.UNKNOWN: {
        Event.AUTHORITY_TIMEOUT: State.UNKNOWN,
        Event.AUTHORISED: State.APPROVED,
        Event.ACCEPTED_OFFLINE: State.APPROVED,
        Event.MENDABLE: State.OPEN,
        Event.DECLINED: State.DECLINED,
        Event.RECALL_REVERSED: State.UNKNOWN,
        Event.REVERSAL_OWED: State.REVERSING,
        Event.ADOPTED: State.TILL_NOTIFIED,
    },
    State.REVERSING: {
        Event.RECALL_REVERSED: State.REVERSING,
        Event.REVERSED: State.CANCELLED,
        Event.PAID_AFTER_ALL: State.POSTED,
        Event.REFUND_OWED: State.CANCELLED,
    },
    State.APPROVED: {
        Event.TILL_NOTIFIED: State.TILL_NOTIFIED,
        Event.PROVISIONAL_RECEIPT: State.APPROVED,
        Event.PAID: State.PAID,
        Event.REVERSAL_OWED: State.REVERSING,
        Event.RECALL_REVERSED: State.APPROVED,
        Event.ADOPTED: State.TILL_NOTIFIED,
    },
    State.TILL_NOTIFIED: {
        Event.PROVISIONAL_RECEIPT: State.TILL_NOTIFIED,
        Event.PAID: State.PAID,
        Event.REVERSAL_OWED: State.REVERSING,
        Event.RECALL_REVERSED: State.TILL_NOTIFIED,
    },
    State.PAID: {
        Event.PROVISIONAL_RECEIPT: State.PAID,
        Event.UPLOADED: State.PAID,
        Event.POSTED: State.POSTED,
        Event.LIABILITY: State.LIABILITY,
        Event.RECALL_REVERSED: State.PAID,
    },
    State.REFUNDING: {Event.POSTED: State.POSTED, Event.DECLINED: State.DECLINED},
    State.POSTED: {Event.RECALL_REVERSED: State.POSTED},
    State.LIABILITY: {Event.RECALL_REVERSED: State.LIABILITY},
    State.DECLINED: {Event.RECALL_REVERSED: State.DECLINED},
    State.CANCELLED: {Event.RECALL_REVERSED: State.CANCELLED},
}


def _where(event: Event) -> frozenset[State]:
    """Return the states that allow `event`."""
    return frozenset(state for state, exits in TABLE.items() if event in exits)


FINAL = frozenset(state for state, exits in TABLE.items() if {state} >= set(exits.values()))
WAITING = _where(Event.APPROVAL_RECEIVED)  # for an approval
UNASKED = _where(Event.CANCELLED)  # the sale may end without a request to the authority
ASKING = _where(Event.AUTHORITY_TIMEOUT)  # the authority's answer is awaited
# The receiver's verdict is awaited.
UNVERIFIED = _where(Event.VERIFIED) | {State.DECLINED_AWAITING_RECEIVER}
OWING = frozenset({State.REVERSING, State.PAID, State.REFUNDING})  # the outbox has work
TO_DECIDE = (State.APPROVED, State.TILL_NOTIFIED)  # the till is to decide
TAKEN_AS_PAID = (State.PAID, State.POSTED, State.LIABILITY)  # by the till
UNPAID = (State.REVERSING, State.DECLINED, State.CANCELLED)  # it is certain that no money moves
DECIDED = OWING | FINAL  # no decision changes these
# A sale in one of these states bars another sale at its till.
AT_THE_TILL = frozenset(State) - DECIDED - {State.TILL_NOTIFIED}
# Events that a restart may lose: they change no money and no promise.
VOLATILE = frozenset({Event.CLAIMED, Event.LEFT, Event.AUTHORITY_TIMEOUT})
# Events that go to disk with the next due entry: after a crash they are asked or sent again.
NOTED = frozenset(
    {Event.OFFERED, Event.RECALL_REVERSED, Event.UPLOADED, Event.POSTED, Event.REVERSED}
)
# So do events that lead here: one of two answers, which has no effect before the other.
HALFWAY = frozenset(
    {
        State.AUTHORISED_AWAITING_RECEIVER,
        State.DECLINED_AWAITING_RECEIVER,
        State.AUTHORISING,
        State.UNKNOWN,
    }
)
# The till sees these under another name; the other states under their own.
SHOWN = {
    State.APPROVAL_RECEIVED: State.CLAIMED,
    State.AUTHORISATION_SENT: State.AUTHORISING,
    State.AUTHORITY_TIMEOUT: State.UNKNOWN,
    State.AUTHORISED_AWAITING_RECEIVER: State.AUTHORISING,
    State.DECLINED_AWAITING_RECEIVER: State.AUTHORISING,
    State.REVERSING: State.CANCELLED,  # journalled: no decision makes it paid any more
    State.TILL_NOTIFIED: State.APPROVED,
    State.POSTED: State.PAID,
    State.LIABILITY: State.PAID,
}
SHOWN_UNKNOWN = frozenset(state for state in State if SHOWN.get(state, state) is State.UNKNOWN)
