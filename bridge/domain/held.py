"""A transaction in the authority's books, with the authority's own states (design §5 rule 3)."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class HoldState(StrEnum):
    PENDING = "PENDING"  # held, until it is confirmed
    POSTED = "POSTED"
    VOIDED = "VOIDED"  # given back
    EXPIRED = "EXPIRED"  # not confirmed for days; a confirmation still posts it
    DECLINED = "DECLINED"


GIVEN_BACK = (HoldState.VOIDED, HoldState.DECLINED)  # nothing is held, and nothing will be posted
STANDING = (HoldState.PENDING, HoldState.POSTED, HoldState.EXPIRED)  # it is posted, or can be


class AuthorityTransaction(NamedTuple):
    """The authority's row of one approval or refund; what a tombstone lacks is 0 or empty."""

    approval_id: bytes
    receiver_id: bytes
    state: HoldState
    is_refund: bool
    amount: int  # minor units
    currency: int  # ISO 4217 number
    transaction_id: bytes
    reference: bytes  # of the sale; empty for a refund without a phone
    till: int | None  # the till number at the time of the sale
    time: int  # when it was booked, seconds since 1970

    @property
    def stands(self) -> bool:
        return self.state in STANDING
