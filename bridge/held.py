"""What the authority may have of an approval or a refund, in its own words (design §5 rule 3)."""

from __future__ import annotations

from enum import StrEnum


class Held(StrEnum):
    PENDING = "PENDING"  # held, until it is confirmed
    POSTED = "POSTED"
    VOIDED = "VOIDED"  # given back
    EXPIRED = "EXPIRED"  # nobody confirmed it for days; a confirmation still posts it
    DECLINED = "DECLINED"


GIVEN_BACK = (Held.VOIDED, Held.DECLINED)  # nothing is held, and nothing will be posted
STANDING = (Held.PENDING, Held.POSTED, Held.EXPIRED)  # it is posted, or can be
