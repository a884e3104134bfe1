"""A sale whose journal is lost: the till still has its id, and the authority what it holds.

The till's decision brings such a sale back: nothing that is held is left without an owner.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from receiver import messages, session

from .authority import UnansweredError
from .currencies import LETTERS
from .held import STANDING, Held
from .money.sale import Fact, Sale, Terms
from .money.states import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .station import Station
    from .surroundings import Authority

BACK_S = 8 * 24 * 3600  # as long as the authority holds what nobody decided, and a day
AHEAD_S = 24 * 3600  # what the two clocks may differ
KINDS = {"purchase": messages.PURCHASE, "refund": messages.REFUND}


async def find(
    authority: Authority, bridge_id: bytes, stations: Iterable[Station], sale_id: str
) -> tuple[Sale, list[Fact]] | None:
    """What the authority holds under this id, and the facts that take it over.

    Raises UnansweredError and RefusedError.
    """
    now = int(time.time())
    for station in stations:
        receiver_id = station.evidence.holder.receiver_id
        reference = session.sale_reference(bridge_id, station.till, sale_id)
        listed = await authority.transactions(receiver_id, now - BACK_S, now + AHEAD_S)
        for one in listed:
            if one.get("reference") == reference.hex() and one.get("state") in STANDING:
                return _taken_over(station, sale_id, reference, one)
    return None


def _taken_over(
    station: Station, sale_id: str, reference: bytes, one: dict[str, Any]
) -> tuple[Sale, list[Fact]]:
    """Raises UnansweredError where the authority's answer is none."""
    try:
        kind, amount, currency = KINDS[one["kind"]], one["amount"], one["currency"]
        approval_id = bytes.fromhex(one["approval_id"])
        transaction_id = bytes.fromhex(one["transaction_id"])
        if not isinstance(amount, int) or currency not in LETTERS:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise UnansweredError("not a transaction") from None
    receiver_id = station.evidence.holder.receiver_id
    terms = Terms(sale_id, station.till, amount, currency, 0, "", reference, receiver_id, kind)
    fact = Fact(Event.ADOPTED, approval_id=approval_id, transaction_id=transaction_id)
    # What is posted was paid, and a refund is decided when it is asked for: before the journal
    # was lost.
    decided = kind == messages.REFUND or one["state"] == Held.POSTED
    return Sale(terms), [fact, Fact(Event.PAID)] if decided else [fact]
