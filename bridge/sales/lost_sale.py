"""A sale that the journal lost: the till still has its id, and the authority its transaction.

The till's decision brings such a sale back: no hold is left without a sale.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bridge.authority.client import UnansweredError
from bridge.domain import refunds
from bridge.domain.sale import Sale, Terms
from receiver.host.currencies import LETTERS
from receiver.protocol import identifiers, messages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.domain.held import AuthorityTransaction
    from bridge.domain.sale import Place

    from .ports import Authority

BACK_S = 8 * 24 * 3600  # the time of a hold without a decision, and a day
AHEAD_S = 24 * 3600  # the most that the two clocks may differ


async def find(
    authority: Authority, bridge_id: bytes, places: Iterable[Place], sale_id: str
) -> AuthorityTransaction | None:
    """Return the authority's held or posted transaction of this sale id.

    Asks about every receiver that the authority binds to this client, or that is in `places`.
    Raises UnansweredError and RefusedError.
    """
    names = _Names(bridge_id, sale_id)
    now = int(time.time())
    for receiver_id, tills in (await receivers(authority, places)).items():
        for held in await authority.transactions(receiver_id, now - BACK_S, now + AHEAD_S):
            if held.stands and names.fit(held, tills):
                return held
    return None


async def receivers(authority: Authority, places: Iterable[Place]) -> dict[bytes, list[int]]:
    """Return every receiver of this bridge or of the authority's binding, with its tills here."""
    known: dict[bytes, list[int]] = {}
    for place in places:
        known.setdefault(place.receiver_id, []).append(place.till)
    for receiver_id in await authority.receivers():
        known.setdefault(receiver_id, [])
    return known


def sale_of(held: AuthorityTransaction, sale_id: str) -> Sale:
    """Make the sale of a transaction; raises UnansweredError for an unsupported currency."""
    if held.currency not in LETTERS:
        raise UnansweredError(f"a transaction in currency {held.currency}")
    return Sale(
        Terms(
            sale_id,
            held.till or 0,
            held.amount,
            held.currency,
            patience_s=0,
            note="",
            reference=held.reference,
            receiver_id=held.receiver_id,
            kind=messages.REFUND if held.is_refund else messages.PURCHASE,
        )
    )


class _Names:
    """The references of a sale at the authority: they contain the till number of that time."""

    def __init__(self, bridge_id: bytes, sale_id: str) -> None:
        self._bridge_id = bridge_id
        self._sale_id = sale_id
        self._refund = refunds.refund_id(bridge_id, sale_id)

    def fit(self, held: AuthorityTransaction, tills: list[int]) -> bool:
        if held.approval_id == self._refund:
            return True
        numbers = tills if held.till is None else [held.till]
        return bool(held.reference) and held.reference in map(self._reference, numbers)

    def _reference(self, till: int) -> bytes:
        return identifiers.sale_reference(self._bridge_id, till, self._sale_id)
