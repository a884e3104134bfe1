"""What the authority may have of an approval or a refund, in its own words (design §5 rule 3)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from receiver.protocol.messages import REFERENCE_SIZE
from receiver.protocol.signed import ID_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = {"purchase": False, "refund": True}


class Held(StrEnum):
    PENDING = "PENDING"  # held, until it is confirmed
    POSTED = "POSTED"
    VOIDED = "VOIDED"  # given back
    EXPIRED = "EXPIRED"  # nobody confirmed it for days; a confirmation still posts it
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


def holding(receiver_id: bytes, one: Mapping[str, Any]) -> Holding:
    """As it is listed (`/v1/transactions`); raises ValueError for anything else."""
    try:
        till = one.get("till")
        return Holding(
            _octets(one["approval_id"], ID_SIZE),
            receiver_id,
            Held(one["state"]),
            _KINDS[one["kind"]],
            _number(one["amount"]),
            _number(one["currency"]),
            _octets(one["transaction_id"], 0, ID_SIZE),
            _octets(one["reference"], 0, REFERENCE_SIZE),
            None if till is None else _number(till),
            _number(one["time"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("not a transaction") from error


def _octets(value: object, *sizes: int) -> bytes:
    if value is not None and not isinstance(value, str):
        raise ValueError("not hexadecimal digits")
    octets = bytes.fromhex(value or "")
    if len(octets) not in sizes:
        raise ValueError(f"{len(octets)} bytes")
    return octets


def _number(value: object) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("not a number")
    return value
