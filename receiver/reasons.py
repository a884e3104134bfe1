"""Number and name every reason for a refusal, a decline or the end of a sale.

The numbers go over the serial line, into receipts and into the journal; the till's API, logs and
counters show the names. The texts for people are in `receiver/host/reason_texts.py`.
"""

from __future__ import annotations

OK = 0

# Malformed or mismatched: wrong bytes, no decision about money.
MALFORMED = 1
OVERSIZE = 2
BAD_SIGNATURE = 3
WRONG_ORDER = 4
WRONG_VERSION = 5
WRONG_AMOUNT = 6
WRONG_CURRENCY = 7
WRONG_RECEIVER = 8
WRONG_SESSION = 9
WRONG_CREDENTIAL = 10
WRONG_RECIPIENT = 11
WRONG_TILL = 12
WRONG_REFERENCE = 13
WRONG_KIND = 14
WRONG_TYPE = 15
WRONG_ROLE = 16
UNKNOWN_ISSUER = 17
BAD_SEAL = 18
OFFER_EXPIRED = 19
CREDENTIAL_EXPIRED = 20
CREDENTIAL_NOT_YET_VALID = 21
CERTIFICATE_EXPIRED = 22
SECOND_APPROVAL = 23
REPLAY = 24
OLD_APP = 25
SMALL_MTU = 26
LINK_TIMEOUT = 27
EVICTED = 28
VERDICT_TIMEOUT = 29
BUSY = 30
STALE_STATE = 31
NO_CERTIFICATE = 32
BAD_KEY = 33
CERTIFICATE_RENEWED = 34
STARVED = 39  # 35 to 38 follow
CROWDED = 90  # phones come and go faster than they are reported

# Why a receiver sells nothing until it is reset.
STORE_FAILED = 35
OUT_OF_MEMORY = 36
CRASH_LOOP = 37
WRONG_IMAGE = 38
IN_SERVICE = 78  # a technician or an update has it

# Why a receiver in service refuses an order.
NOT_NEWER = 79  # the release runs already, or a later one
TOO_OLD_TO_UPDATE = 80  # the running release must take another one first
WRONG_BOARD = 81
TOO_FEW_SIGNATURES = 82
WRONG_HASH = 83  # what was written is not what the manifest says
NO_ROOM = 84
NOT_HELD = 85  # the button
NOT_ENROLLED = 86
WRONG_OFFSET = 87
NOT_VERIFIED = 88  # the slot holds no whole firmware
RADIO_FAILED = 89  # it does not start: a key needs its randomness

# The authority's answers.
CODE_WRONG = 40
CODE_LOCKED = 41
PURCHASE_LIMIT = 42
CREDIT_SPACE = 43
RECIPIENT_CLOSED = 44
BUYER_BLOCKED = 45
CREDENTIAL_REVOKED = 46
RECEIVER_UNKNOWN = 47
CONFLICT = 48
APPROVAL_UNKNOWN = 49
NOT_POSTED = 50
REFUND_EXCEEDS = 51
OTHER_BUYER = 52

# How a sale ends without money.
CASHIER_CANCELLED = 60
BUYER_SAID_NO = 61
NOBODY_CAME = 62
RECEIVER_OFFLINE = 63
RECEIVER_UNTRUSTED = 64
AUTHORITY_UNREACHABLE = 65
BRIDGE_RESTARTED = 66
REVERSED = 67
WITHDRAWN = 68
NOT_TOLD = 69
JOURNAL_FULL = 70
ACCEPTED_OFFLINE = 71
LIABILITY = 72
ABOVE_FLOOR = 73
CLOCK_WRONG = 74
JOURNAL_LOCKED = 75
JOURNAL_BEHIND = 76
PAID_AFTER_ALL = 77

NAMES = {
    value: name.lower()
    for name, value in list(globals().items())
    if name.isupper() and isinstance(value, int)
}


def name(code: int) -> str:
    """Return the word for `code` in logs, counters and the till's API."""
    return NAMES.get(code, "reason_%d" % code)
