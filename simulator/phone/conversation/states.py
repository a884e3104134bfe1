"""The table of the phone's conversation: its states, its events, and its limits in time."""

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
GONE = "gone"
LATE = "late"
KNOWN = "known"

_OPEN = {UNFIT: DONE, DOUBT: UNKNOWN, LEAVE: DONE, REFUSED: DONE, GONE: DONE, LATE: DONE}

TABLE = {
    SCANNING: {CONNECTED: READING},
    READING: {**_OPEN, NOTIFIED: READING, CHECKED_IN: WAITING, OFFER: SHOWING},
    WAITING: {**_OPEN, NOTIFIED: ASKING},
    ASKING: {**_OPEN, NOTIFIED: ASKING, LOOK: SHOWING},
    SHOWING: {**_OPEN, NOTIFIED: ASKING, DIGIT: PRESENTED},
    PRESENTED: {**_OPEN, NOTIFIED: ASKING, CODE: APPROVED},
    APPROVED: {
        PAID: DONE,
        PROVISIONAL: ACCEPTED,
        FINAL: DONE,
        MENDABLE: DECLINED,
        REFUSED: TURNED_AWAY,
        BUSY: PASSED_OVER,
        UNTRUSTED: UNKNOWN,
        GONE: UNKNOWN,
        LATE: UNKNOWN,
    },
    DECLINED: {**_OPEN, NOTIFIED: ASKING, OFFER: SHOWING},
    ACCEPTED: {KNOWN: DONE, GONE: ACCEPTED, LATE: DONE},
    UNKNOWN: {KNOWN: DONE, GONE: UNKNOWN, LATE: DONE},
    TURNED_AWAY: {KNOWN: DONE, GONE: TURNED_AWAY, LATE: DONE},
    PASSED_OVER: {KNOWN: DONE, GONE: PASSED_OVER, LATE: DONE},
    DONE: {GONE: DONE},
}

# Milliseconds.
READ_MS = 10_000  # two reads of a few packets
RESULT_MS = 30_000  # a till's patience (25 s) and the way back
RESEND_MS = 8_000  # the same bytes again where no answer came; the receiver repeats its answer
MEND_MS = 15_000  # the bridge offers again within a second, or never
ASK_FIRST_MS = 500  # between questions to the authority, doubling
ASK_MOST_MS = 8_000
ACCEPTED_MS = 5_000  # the buyer has an answer: the end is learned later
ASK_MS = 60_000  # then the buyer sees "unknown" and the wallet remembers the approval
