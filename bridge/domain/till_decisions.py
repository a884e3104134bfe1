"""The till's decisions about a sale, by state: the first decision wins (design §5 rule 5)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from receiver import reasons

from .sale import Fact
from .states import TAKEN_AS_PAID, TO_DECIDE, UNPAID, Event, State

if TYPE_CHECKING:
    from .sale import Sale


class Wish(StrEnum):
    PAY = "paid"  # the till has persisted that the sale is paid
    CANCEL = "cancel"  # the till has persisted that it is not
    ABORT = "abort"  # the cashier stops waiting: refused once the sale is approved


class TooLateError(Exception):
    """Another decision stands, or the sale has ended without one."""


_STOP = {
    State.OPEN: Event.CANCELLED,
    State.CLAIMED: Event.CANCELLED,
    State.APPROVAL_RECEIVED: Event.CANCELLED,
    State.AUTHORISATION_SENT: Event.REVERSAL_OWED,
    State.AUTHORITY_TIMEOUT: Event.REVERSAL_OWED,
    State.AUTHORISED_AWAITING_RECEIVER: Event.REVERSAL_OWED,
    State.DECLINED_AWAITING_RECEIVER: Event.DECLINED,
    State.AUTHORISING: Event.REVERSAL_OWED,
    State.UNKNOWN: Event.REVERSAL_OWED,
}

# The event of each decision; a state that is in neither table is too late for it.
ACTS: dict[Wish, dict[State, Event]] = {
    Wish.PAY: dict.fromkeys(TO_DECIDE, Event.PAID),
    Wish.CANCEL: {**_STOP, **dict.fromkeys(TO_DECIDE, Event.REVERSAL_OWED)},
    Wish.ABORT: _STOP,
}
# States that already agree: the same decision again, or an end that matches it.
STANDS: dict[Wish, tuple[State, ...]] = {
    Wish.PAY: TAKEN_AS_PAID,
    Wish.CANCEL: UNPAID,
    Wish.ABORT: UNPAID,
}


def decide(sale: Sale, wish: Wish) -> Fact | None:
    """Return the fact of `wish`, None if the sale agrees already; raises TooLateError."""
    event = ACTS[wish].get(sale.state)
    if event is None:
        if sale.state in STANDS[wish]:
            return None
        raise TooLateError(sale.shown)
    if event is Event.REVERSAL_OWED:
        return Fact(event, reasons.CASHIER_CANCELLED, reversal=sale.approval_id)
    if event is Event.DECLINED:  # the authority's decline stands, whatever the cashier decides
        return sale.denied(sale.withheld)
    return Fact(event, reasons.CASHIER_CANCELLED if event is Event.CANCELLED else reasons.OK)
