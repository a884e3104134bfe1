"""What the authority may have of an approval or a refund, in its own words (design §5 rule 3)."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Held(StrEnum):
    PENDING = "PENDING"  # held, until it is confirmed
    POSTED = "POSTED"
    VOIDED = "VOIDED"  # given back
    EXPIRED = "EXPIRED"  # not confirmed for days; a confirmation still posts it
    DECLINED = "DECLINED"


GIVEN_BACK = (Held.VOIDED, Held.DECLINED)  # nothing is held, and nothing will be posted
STANDING = (Held.PENDING, Held.POSTED, Held.EXPIRED)  # it is posted, or can be


class Holding(NamedTuple):
    """What the authority has of one approval or refund; what a tombstone lacks is 0 or empty."""

    approval_id: bytes
    receiver_id: bytes
    state: Held
    is_refund: bool
    amount: int  # minor units
    currency: int  # ISO 4217 number
    transaction_id: bytes
    reference: bytes  # of the sale; empty for a refund without a phone
    till: int | None  # its number then
    time: int  # when it was booked, seconds since 1970

    @property
    def stands(self) -> bool:
        return self.state in STANDING
