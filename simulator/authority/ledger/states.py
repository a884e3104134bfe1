"""The states of a transaction and their effects on money, each in one table."""

from __future__ import annotations

from typing import NamedTuple

from receiver.protocol.messages import PURCHASE, REFUND
from simulator.authority.storage.schema import DECLINED, EXPIRED, PENDING, POSTED, VOIDED

NONE = "none"  # an approval id or refund id that is not in the books

HOLD = "hold"
TRANSFER = "transfer"  # a refund without a phone
DECLINE = "decline"
CONFIRM = "confirm"
REVERSE = "reverse"
EXPIRE = "expire"

# A declined transaction stays declined, one reversed before it came stays void, and a posted one is
# given back by a refund only. An expired one is still posted when a late confirmation comes.
TABLE = {
    NONE: {HOLD: PENDING, TRANSFER: POSTED, DECLINE: DECLINED, REVERSE: VOIDED},
    PENDING: {CONFIRM: POSTED, REVERSE: VOIDED, EXPIRE: EXPIRED},
    POSTED: {CONFIRM: POSTED, REVERSE: POSTED},
    EXPIRED: {CONFIRM: POSTED, REVERSE: VOIDED},
    VOIDED: {DECLINE: VOIDED, CONFIRM: VOIDED, REVERSE: VOIDED},
    DECLINED: {CONFIRM: DECLINED, REVERSE: DECLINED},
}

# Alarms: the till and the books disagree about a posting.
PENDING_LONG = "pending_long"
EXPIRED_UNHEARD = "expired"
POSTED_LATE = "posted_late"
CONFIRMED_VOIDED = "confirmation_of_voided"
CONFIRMED_DECLINED = "confirmation_of_declined"
REVERSED_POSTED = "reversal_of_posted"
OTHER_CONTENT = "other_content"  # the same id came again with other content

ALARMS = {
    (PENDING, EXPIRE): EXPIRED_UNHEARD,
    (EXPIRED, CONFIRM): POSTED_LATE,
    (VOIDED, CONFIRM): CONFIRMED_VOIDED,
    (DECLINED, CONFIRM): CONFIRMED_DECLINED,
    (POSTED, REVERSE): REVERSED_POSTED,
}


class Effect(NamedTuple):
    """How often the amount is added to the credit space, and to a refund's original."""

    space: int = 0
    late: int = 0
    reserved: int = 0
    refunded: int = 0


# Kind, state before, state after. An expired refund keeps its reservation, so that a late
# confirmation cannot refund more than was posted; a reversal releases it.
EFFECTS = {
    (PURCHASE, NONE, PENDING): Effect(space=-1),
    (PURCHASE, PENDING, VOIDED): Effect(space=1),
    (PURCHASE, PENDING, EXPIRED): Effect(space=1),
    (PURCHASE, EXPIRED, POSTED): Effect(space=-1, late=1),
    (REFUND, NONE, PENDING): Effect(reserved=1),
    (REFUND, NONE, POSTED): Effect(space=1, refunded=1),
    (REFUND, PENDING, VOIDED): Effect(reserved=-1),
    (REFUND, EXPIRED, VOIDED): Effect(reserved=-1),
    (REFUND, PENDING, POSTED): Effect(space=1, reserved=-1, refunded=1),
    (REFUND, EXPIRED, POSTED): Effect(space=1, reserved=-1, refunded=1),
}
