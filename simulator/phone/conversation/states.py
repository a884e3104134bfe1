"""The tables of the phone's conversation and of its link: states, events, and limits in time.

The conversation is what the buyer sees and what was sent; a lost link changes neither (docs/
protocol.md, "A lost link"). `LINK_TABLE` follows the link on its own.
"""

from __future__ import annotations

# States.
SCANNING = "scanning"  # no till yet
READING = "reading"  # connected; certificate and offer are being read
WAITING = "waiting"  # checked in: a trusted till without an offer
ASKING = "asking"  # an offer came by itself; the buyer has not decided whether to look
SHOWING = "showing"  # the buyer sees the offer, the receiver has the key
PRESENTED = "presented"  # the buyer types, the receiver has the credential
APPROVED = "approved"  # the approval is sent
DECLINED = "declined"  # a signed decline that the buyer may correct: a new offer follows
ACCEPTED = "accepted"  # offline, by the receiver: only the authority knows the end
UNKNOWN = "unknown"  # the approval is sent and only the authority knows the end
TURNED_AWAY = "turned away"  # the same, and the receiver refused it: a hold will be given back
PASSED_OVER = "passed over"  # the same, and the receiver has taken another phone's approval
DONE = "done"

# Events.
CONNECTED = "connected"
CHECKED_IN = "checked in"  # read, and there is no offer that the buyer came for
OFFER = "offer"  # one that the buyer came for, or that follows a mendable decline
NOTIFIED = "notified"  # one that came by itself
UNFIT = "unfit"  # a message that this phone does not accept
DOUBT = "doubt"  # an offer of a sale that was approved before, with an unknown end
LOOK = "look"
DIGIT = "digit"
CODE = "code"
LEAVE = "leave"
PAID = "paid"
PROVISIONAL = "provisional"
MENDABLE = "mendable"
FINAL = "final"
REFUSED = "refused"  # by the receiver
BUSY = "busy"  # its sealed refusal: another phone's approval was taken
UNTRUSTED = "untrusted"  # a result that is not valid
LOST = "lost"  # the link; the same receiver is sought
ANEW = "anew"  # back, but the receiver has nothing of the exchange: a new key for the same offer
GONE = "gone"  # the link, for good
LATE = "late"
KNOWN = "known"

_OPEN = {UNFIT: DONE, DOUBT: UNKNOWN, LEAVE: DONE, REFUSED: DONE, GONE: DONE, LATE: DONE}

TABLE = {
    SCANNING: {CONNECTED: READING},
    READING: {**_OPEN, NOTIFIED: READING, CHECKED_IN: WAITING, OFFER: SHOWING},
    WAITING: {**_OPEN, LOST: WAITING, NOTIFIED: ASKING},
    ASKING: {**_OPEN, LOST: ASKING, NOTIFIED: ASKING, LOOK: SHOWING},
    SHOWING: {**_OPEN, LOST: SHOWING, ANEW: SHOWING, NOTIFIED: ASKING, DIGIT: PRESENTED},
    PRESENTED: {**_OPEN, LOST: PRESENTED, ANEW: PRESENTED, NOTIFIED: ASKING, CODE: APPROVED},
    APPROVED: {
        PAID: DONE,
        PROVISIONAL: ACCEPTED,
        FINAL: DONE,
        MENDABLE: DECLINED,
        REFUSED: TURNED_AWAY,
        BUSY: PASSED_OVER,
        UNTRUSTED: UNKNOWN,
        KNOWN: DONE,  # asked while the link was lost
        LOST: APPROVED,
        GONE: UNKNOWN,
        LATE: UNKNOWN,
    },
    DECLINED: {**_OPEN, LOST: DECLINED, NOTIFIED: ASKING, OFFER: SHOWING},
    ACCEPTED: {KNOWN: DONE, GONE: ACCEPTED, LATE: DONE},
    UNKNOWN: {KNOWN: DONE, GONE: UNKNOWN, LATE: DONE},
    TURNED_AWAY: {KNOWN: DONE, GONE: TURNED_AWAY, LATE: DONE},
    PASSED_OVER: {KNOWN: DONE, GONE: PASSED_OVER, LATE: DONE},
    DONE: {GONE: DONE},
}

# States of the link.
APART = "apart"  # not connected yet, or no more
LINKED = "linked"
RESUMING = "resuming"  # lost; the same receiver is being connected again
REREADING = "rereading"  # connected again; certificate and offer are being read
CLAIMING = "claiming"  # the receiver is asked to go on with the exchange

# Events of the link; LOST and CONNECTED as above.
UNREACHED = "unreached"  # an attempt to connect has failed
REREAD = "reread"  # and there is no exchange to go on with
CLAIMED = "claimed"  # the proof is written
BACK = "back"  # the receiver has answered it
LET_GO = "let go"

LINK_TABLE = {
    APART: {CONNECTED: LINKED, LET_GO: APART},
    LINKED: {LOST: RESUMING, LET_GO: APART},
    RESUMING: {CONNECTED: REREADING, UNREACHED: RESUMING, LOST: RESUMING, LET_GO: APART},
    REREADING: {REREAD: LINKED, CLAIMED: CLAIMING, LOST: RESUMING, LET_GO: APART},
    CLAIMING: {BACK: LINKED, LOST: RESUMING, LET_GO: APART},
}

# Milliseconds.
READ_MS = 10_000  # two reads of a few packets
RESULT_MS = 30_000  # a till's patience (25 s) and the way back
RESEND_MS = 8_000  # the same bytes again where no answer came; the receiver repeats its answer
MEND_MS = 15_000  # the bridge offers again within a second, or never
RETURN_MS = 20_000  # the receiver waits 10 s, and may notice the loss so much later than the phone
RETURN_PAUSE_MS = 100  # between two attempts: the stack closes what was left of the last one
REREAD_MS = 4_000  # the same two reads: on a link that is not lost again they take a second
CLAIM_MS = 2_000  # two connection intervals, behind whatever the receiver computes
ANEW_MOST = 3  # beginnings with a new key: a receiver that answers so each time will not do
HELD_MOST = 8  # acts of a buyer on one screen, while the link is lost
ASK_FIRST_MS = 500  # between questions to the authority, doubling
ASK_MOST_MS = 8_000
ACCEPTED_MS = 5_000  # the buyer has an answer: the end is learned later
ASK_MS = 60_000  # then the buyer sees "unknown" and the wallet remembers the approval
