"""Define the writes between phone and receiver: one type byte, then a body (design §3.3)."""

from __future__ import annotations

from typing import NamedTuple

from receiver import reasons
from receiver.errors import Error

from . import padding, resuming
from .gatt import EXCHANGE_MOST

KEY = 0x02
CREDENTIAL = 0x03
APPROVAL = 0x04
RESULT = 0x05
REFUSAL = 0x06
LEAVE = 0x07
RESUME = 0x08
RESUMED = 0x09

NOTHING = 0  # in RESUMED: no exchange to go on with; else the type of the last message it holds

# All that a phone learns of a refusal; bridge and log get the exact cause.
RETRY = 1
BUSY = 2
EXPIRED = 3
OLD_APP = 4
REFUSED = 5

# Why a buyer leaves, and the reason that the till gets.
LEAVE_CANCELLED = 1
LEAVE_WRONG_TILL = 2
LEAVES = {LEAVE_CANCELLED: reasons.BUYER_SAID_NO, LEAVE_WRONG_TILL: reasons.WRONG_TILL}

Write = NamedTuple("Write", [("type", int), ("body", bytes)])

# Bytes behind the type byte; all but KEY, LEAVE and RESUME are sealed.
_BODY_SIZES = {
    KEY: padding.ENC_SIZE,
    CREDENTIAL: padding.CREDENTIAL_SEALED,
    APPROVAL: padding.APPROVAL_SEALED,
    LEAVE: 1,
    RESUME: padding.ENC_SIZE + resuming.PROOF_SIZE,
}

_REFUSALS = {
    reasons.LINK_TIMEOUT: RETRY,
    reasons.CERTIFICATE_RENEWED: RETRY,
    reasons.VERDICT_TIMEOUT: RETRY,
    reasons.BUSY: BUSY,
    reasons.EVICTED: BUSY,
    reasons.STARVED: BUSY,
    reasons.OFFER_EXPIRED: EXPIRED,
    reasons.WITHDRAWN: EXPIRED,
    reasons.OLD_APP: OLD_APP,
}


def parse(data: bytes) -> Write:
    """Parse a phone's write into type and body; `data` may be a view of a reused buffer."""
    if len(data) > EXCHANGE_MOST:
        raise Error(reasons.OVERSIZE, "write of %d bytes" % len(data))
    if not data or data[0] not in _BODY_SIZES:
        raise Error(reasons.WRONG_TYPE, "write of an unknown type")
    if len(data) - 1 != _BODY_SIZES[data[0]]:
        raise Error(reasons.MALFORMED, "type %d with %d bytes" % (data[0], len(data) - 1))
    return Write(data[0], bytes(data[1:]))


def refusal_code(reason: int) -> int:
    """Return the code that a phone may see for `reason`."""
    return _REFUSALS.get(reason, REFUSED)


def refusal(reason: int) -> bytes:
    """Return the plain notification for `reason`, while there is no key to seal it with."""
    return bytes([REFUSAL, refusal_code(reason)])


def sealed_refusal(body: bytes) -> bytes:
    """Return the notification with a code that `padding.Results` sealed."""
    return bytes([REFUSAL]) + body


def result(body: bytes) -> bytes:
    """Return the notification with the authority's receipt, sealed by `padding.Results`."""
    return bytes([RESULT]) + body


def resume(enc: bytes, proof: bytes) -> bytes:
    """Return the write that asks to go on with the exchange of a lost link."""
    return bytes([RESUME]) + enc + proof


def resumed(last: int) -> bytes:
    """Return its answer: the type of the last message that the receiver holds, or NOTHING."""
    return bytes([RESUMED, last])
