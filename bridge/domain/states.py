"""The one transition table of a sale, from rung up to its one end, and what follows from it."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    OPEN = "open"  # waits for a buyer
    CLAIMED = "claimed"  # a phone has shown a good credential
    HANDED = "handed"  # an approval is in the journal, and is judged here
    ASKED = "asked"  # the authority was asked; neither it nor the receiver has spoken
    SILENT = "silent"  # the authority did not answer, and the receiver has not spoken
    GRANTED = "granted"  # the authority says yes, the receiver has not spoken
    WITHHELD = "withheld"  # the authority says no, the same: nobody is told yet
    AUTHORISING = "authorising"  # the receiver's verdict is there, the authority's is awaited
    UNKNOWN = "unknown"  # the same, and the authority did not answer; it is asked again
    REVERSING = "reversing"  # it is never asked again; the reversal is owed until acknowledged
    APPROVED = "approved"  # all agree, or it stands in offline; the till has not been told
    TOLD = "told"  # the till may have seen "approved": only its word, or a person's, moves it
    PAID = "paid"  # the till says so; the confirmation is owed until the authority posts it
    REFUNDING = "refunding"  # money goes back without a phone; owed until the authority answers
    POSTED = "posted"
    LIABLE = "liable"  # paid at the till, and the authority will never post it
    DECLINED = "declined"
    CANCELLED = "cancelled"


class Event(StrEnum):
    OFFERED = "offered"  # a verified offer
    CLAIMED = "claimed"  # a verified credential
    LEFT = "left"  # the last phone with a credential is gone or said no
    HANDED = "handed"  # the receiver handed an approval over
    REFUSED = "refused"  # that approval is no good here, and nothing was asked
    ASKED = "asked"  # the authorisation may have left the bridge
    VERIFIED = "verified"  # the receiver finds that approval good too
    UNANSWERED = "unanswered"
    GRANTED = "granted"
    STOOD_IN = "stood_in"  # accepted offline, within the limits (design §5 rule 4)
    WITHHELD = "withheld"  # declined: passed on with the receiver's word, as a yes is
    MENDABLE = "mendable"  # the decline is passed on, and a new offer follows by itself
    DENIED = "denied"  # it is passed on, and that was all
    RECALLED = (
        "recalled"  # refused after it was asked about: its reversal is owed, the sale goes on
    )
    RETURNED = "returned"  # the authority has reversed a recalled approval
    OWED = "owed"  # the reversal is owed: nobody waits any longer, or the till took it back
    REVERSED = "reversed"  # and acknowledged
    ENDED = "ended"  # over, with nothing asked or all of it recalled
    TOLD = "told"  # the first byte of "approved" is about to leave for the till
    PAID = "paid"  # the till has persisted that it is paid
    REFUND_ORDERED = "refund_ordered"  # by the till, which needs no phone for it
    PROVED = "proved"  # the receiver's provisional receipt of an offline approval
    UPLOADED = "uploaded"  # the authority holds what was accepted offline
    POSTED = "posted"
    ADOPTED = "adopted"  # the journal lost it; the authority holds it, and the till will decide
    FORFEITED = "forfeited"  # the authority says no to what the till holds as paid
    PAID_AFTER_ALL = "paid_after_all"  # the bridge had cancelled what the authority had posted
    REFUND_OWED = "refund_owed"  # the till had: it stays cancelled, and all of it goes back


TABLE: dict[State, dict[Event, State]] = {
    State.OPEN: {
        Event.OFFERED: State.OPEN,
        Event.CLAIMED: State.CLAIMED,
        Event.LEFT: State.OPEN,
        Event.HANDED: State.HANDED,
        Event.DENIED: State.DECLINED,
        Event.RETURNED: State.OPEN,
        Event.ENDED: State.CANCELLED,
        Event.REFUND_ORDERED: State.REFUNDING,
        Event.ADOPTED: State.TOLD,
    },
    State.CLAIMED: {
        Event.OFFERED: State.OPEN,
        Event.CLAIMED: State.CLAIMED,
        Event.LEFT: State.OPEN,
        Event.HANDED: State.HANDED,
        Event.DENIED: State.DECLINED,
        Event.RETURNED: State.CLAIMED,
        Event.ENDED: State.CANCELLED,
        Event.ADOPTED: State.TOLD,
    },
    State.HANDED: {
        Event.REFUSED: State.OPEN,
        Event.ASKED: State.ASKED,
        Event.ENDED: State.CANCELLED,
        Event.ADOPTED: State.TOLD,
    },
    State.ASKED: {
        Event.VERIFIED: State.AUTHORISING,
        Event.UNANSWERED: State.SILENT,
        Event.GRANTED: State.GRANTED,
        Event.WITHHELD: State.WITHHELD,
        Event.RECALLED: State.OPEN,
        Event.RETURNED: State.ASKED,
        Event.OWED: State.REVERSING,
        Event.ADOPTED: State.TOLD,
    },
    State.SILENT: {
        Event.VERIFIED: State.UNKNOWN,
        Event.UNANSWERED: State.SILENT,
        Event.GRANTED: State.GRANTED,
        Event.WITHHELD: State.WITHHELD,
        Event.RECALLED: State.OPEN,
        Event.RETURNED: State.SILENT,
        Event.OWED: State.REVERSING,
        Event.ADOPTED: State.TOLD,
    },
    State.GRANTED: {
        Event.VERIFIED: State.APPROVED,
        Event.RECALLED: State.OPEN,
        Event.OWED: State.REVERSING,
        Event.ADOPTED: State.TOLD,
    },
    # Whatever the receiver's word is, and if none comes, the decline stands. One entry, as in
    # GRANTED: a yes and a no spend the same time in the journal.
    State.WITHHELD: {
        Event.MENDABLE: State.OPEN,
        Event.DENIED: State.DECLINED,
        Event.ADOPTED: State.TOLD,
    },
    State.AUTHORISING: {
        Event.UNANSWERED: State.UNKNOWN,
        Event.GRANTED: State.APPROVED,
        Event.STOOD_IN: State.APPROVED,
        Event.MENDABLE: State.OPEN,
        Event.DENIED: State.DECLINED,
        Event.RETURNED: State.AUTHORISING,
        Event.OWED: State.REVERSING,
        Event.ADOPTED: State.TOLD,
    },
    State.UNKNOWN: {
        Event.UNANSWERED: State.UNKNOWN,
        Event.GRANTED: State.APPROVED,
        Event.STOOD_IN: State.APPROVED,
        Event.MENDABLE: State.OPEN,
        Event.DENIED: State.DECLINED,
        Event.RETURNED: State.UNKNOWN,
        Event.OWED: State.REVERSING,
        Event.ADOPTED: State.TOLD,
    },
    State.REVERSING: {
        Event.RETURNED: State.REVERSING,
        Event.REVERSED: State.CANCELLED,
        Event.PAID_AFTER_ALL: State.POSTED,
        Event.REFUND_OWED: State.CANCELLED,
    },
    State.APPROVED: {
        Event.TOLD: State.TOLD,
        Event.PROVED: State.APPROVED,
        Event.PAID: State.PAID,
        Event.OWED: State.REVERSING,
        Event.RETURNED: State.APPROVED,
        Event.ADOPTED: State.TOLD,
    },
    State.TOLD: {
        Event.PROVED: State.TOLD,
        Event.PAID: State.PAID,
        Event.OWED: State.REVERSING,
        Event.RETURNED: State.TOLD,
    },
    State.PAID: {
        Event.PROVED: State.PAID,
        Event.UPLOADED: State.PAID,
        Event.POSTED: State.POSTED,
        Event.FORFEITED: State.LIABLE,
        Event.RETURNED: State.PAID,
    },
    State.REFUNDING: {Event.POSTED: State.POSTED, Event.DENIED: State.DECLINED},
    State.POSTED: {Event.RETURNED: State.POSTED},
    State.LIABLE: {Event.RETURNED: State.LIABLE},
    State.DECLINED: {Event.RETURNED: State.DECLINED},
    State.CANCELLED: {Event.RETURNED: State.CANCELLED},
}


def _where(event: Event) -> frozenset[State]:
    """The states that know `event`."""
    return frozenset(state for state, exits in TABLE.items() if event in exits)


FINAL = frozenset(state for state, exits in TABLE.items() if {state} >= set(exits.values()))
WAITING = _where(Event.HANDED)  # for an approval
UNASKED = _where(Event.ENDED)  # the sale may end without a word to the authority
ASKING = _where(Event.UNANSWERED)  # the authority's answer is awaited
UNVERIFIED = _where(Event.VERIFIED) | {State.WITHHELD}  # the receiver's verdict is awaited
OWING = frozenset({State.REVERSING, State.PAID, State.REFUNDING})  # the outbox has work
TO_DECIDE = (State.APPROVED, State.TOLD)  # the till is to say what came of the yes
TAKEN_AS_PAID = (State.PAID, State.POSTED, State.LIABLE)  # by the till
UNPAID = (State.REVERSING, State.DECLINED, State.CANCELLED)  # it is sure that no money moves
DECIDED = OWING | FINAL  # nobody's wish changes these
# No other sale may begin at the till of these.
AT_THE_TILL = frozenset(State) - DECIDED - {State.TOLD}
# What a restart may forget: these change no money and no promise.
VOLATILE = frozenset({Event.CLAIMED, Event.LEFT, Event.UNANSWERED})
# What goes to disk with the next entry that must: lost in a crash, it is asked or told again.
NOTED = frozenset({Event.OFFERED, Event.RETURNED, Event.UPLOADED, Event.POSTED, Event.REVERSED})
# So does what leads here: one of the two words, on which nobody acts before the other is there.
HALFWAY = frozenset({State.GRANTED, State.WITHHELD, State.AUTHORISING, State.UNKNOWN})
# What the till sees; the others show under their own name.
SHOWN = {
    State.HANDED: State.CLAIMED,
    State.ASKED: State.AUTHORISING,
    State.SILENT: State.UNKNOWN,
    State.GRANTED: State.AUTHORISING,
    State.WITHHELD: State.AUTHORISING,
    State.REVERSING: State.CANCELLED,  # the journal says so: nothing can make it paid any more
    State.TOLD: State.APPROVED,
    State.POSTED: State.PAID,
    State.LIABLE: State.PAID,
}
