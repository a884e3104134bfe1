"""What the till may decide about a sale, and when: the first decision wins (design §5 rule 5)."""

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
    ABORT = "abort"  # the cashier stops waiting: not to be had once the sale is approved


class TooLateError(Exception):
    """Another decision stands, or the sale has ended without one."""


_STOP = {
    State.OPEN: Event.ENDED,
    State.CLAIMED: Event.ENDED,
    State.HANDED: Event.ENDED,
    State.ASKED: Event.OWED,
    State.SILENT: Event.OWED,
    State.GRANTED: Event.OWED,
    State.WITHHELD: Event.DENIED,
    State.AUTHORISING: Event.OWED,
    State.UNKNOWN: Event.OWED,
}

# What each wish brings about; a state that is in neither table is too late for it.
ACTS: dict[Wish, dict[State, Event]] = {
    Wish.PAY: dict.fromkeys(TO_DECIDE, Event.PAID),
    Wish.CANCEL: {**_STOP, **dict.fromkeys(TO_DECIDE, Event.OWED)},
    Wish.ABORT: _STOP,
}
# Where it is so already: the same decision again, or an end that it agrees with.
STANDS: dict[Wish, tuple[State, ...]] = {
    Wish.PAY: TAKEN_AS_PAID,
    Wish.CANCEL: UNPAID,
    Wish.ABORT: UNPAID,
}


def decide(sale: Sale, wish: Wish) -> Fact | None:
    """The fact that `wish` makes, None where it is so already; raises TooLateError."""
    event = ACTS[wish].get(sale.state)
    if event is None:
        if sale.state in STANDS[wish]:
            return None
        raise TooLateError(sale.shown)
    if event is Event.OWED:
        return Fact(event, reasons.CASHIER_CANCELLED, reversal=sale.approval_id)
    if event is Event.DENIED:  # the authority's no stands, whatever the cashier wants
        return sale.denied(sale.withheld)
    return Fact(event, reasons.CASHIER_CANCELLED if event is Event.ENDED else reasons.OK)
