"""What phone and receiver write to each other: one type byte, then a body (design §3.3)."""

from __future__ import annotations

from typing import NamedTuple

from . import reasons
from .errors import Error
from .gatt import EXCHANGE_MOST

KEY = 0x02
CREDENTIAL = 0x03
APPROVAL = 0x04
RESULT = 0x05
REFUSAL = 0x06
LEAVE = 0x07

# All that a phone learns of a refusal; the exact cause goes to bridge and log.
RETRY = 1
BUSY = 2
EXPIRED = 3
OLD_APP = 4
REFUSED = 5

# Why a buyer leaves, and the reason that it is for the till.
LEAVE_CANCELLED = 1
LEAVE_WRONG_TILL = 2
LEAVES = {LEAVE_CANCELLED: reasons.BUYER_SAID_NO, LEAVE_WRONG_TILL: reasons.WRONG_TILL}

ENC = b""  # nothing is sealed in this release: no encapsulated key crosses the air

Write = NamedTuple("Write", [("type", int), ("body", bytes)])

_BODY_SIZES = {
    KEY: (len(ENC), len(ENC)),
    CREDENTIAL: (1, EXCHANGE_MOST - 1),
    APPROVAL: (1, EXCHANGE_MOST - 1),
    LEAVE: (1, 1),
}

_REFUSALS = {
    reasons.LINK_TIMEOUT: RETRY,
    reasons.VERDICT_TIMEOUT: RETRY,
    reasons.BUSY: BUSY,
    reasons.EVICTED: BUSY,
    reasons.OFFER_EXPIRED: EXPIRED,
    reasons.WITHDRAWN: EXPIRED,
    reasons.OLD_APP: OLD_APP,
}


def parse(data: bytes) -> Write:
    """A phone's write as type and body; raises Error. `data` may be a view of a reused buffer."""
    if len(data) > EXCHANGE_MOST:
        raise Error(reasons.OVERSIZE, "write of %d bytes" % len(data))
    if not data or data[0] not in _BODY_SIZES:
        raise Error(reasons.WRONG_TYPE, "write of an unknown type")
    least, most = _BODY_SIZES[data[0]]
    if not least <= len(data) - 1 <= most:
        raise Error(reasons.MALFORMED, "type %d with %d bytes" % (data[0], len(data) - 1))
    return Write(data[0], bytes(data[1:]))


def refusal(reason: int) -> bytes:
    """The notification for `reason`."""
    return bytes([REFUSAL, _REFUSALS.get(reason, REFUSED)])


def result(receipt: bytes) -> bytes:
    """The notification that carries the authority's receipt."""
    return bytes([RESULT]) + receipt
