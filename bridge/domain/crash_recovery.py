"""The effect of a restart on a sale, for each state that a crash can leave (design §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons

from .sale import Fact
from .states import Event, State

if TYPE_CHECKING:
    from .sale import Sale

# None: the sale continues in its state, by the till's decision or through the outbox.
RECOVERY: dict[State, Event | None] = {
    State.OPEN: Event.CANCELLED,
    State.CLAIMED: Event.CANCELLED,
    State.APPROVAL_RECEIVED: Event.CANCELLED,
    State.AUTHORISATION_SENT: Event.REVERSAL_OWED,
    State.AUTHORITY_TIMEOUT: Event.REVERSAL_OWED,
    State.AUTHORISED_AWAITING_RECEIVER: Event.REVERSAL_OWED,
    State.DECLINED_AWAITING_RECEIVER: Event.DECLINED,
    State.AUTHORISING: Event.REVERSAL_OWED,
    State.UNKNOWN: Event.REVERSAL_OWED,
    State.REVERSING: None,
    State.APPROVED: Event.REVERSAL_OWED,  # the till was never notified
    State.TILL_NOTIFIED: None,
    State.PAID: None,
    State.REFUNDING: None,
    State.POSTED: None,
    State.LIABILITY: None,
    State.DECLINED: None,
    State.CANCELLED: None,
}


def recover(sale: Sale) -> Fact | None:
    """Return the fact to journal first after a restart, None if there is none."""
    event = RECOVERY[sale.state]
    if event is Event.REVERSAL_OWED:
        if sale.is_refund and sale.state is State.APPROVED:
            return Fact(Event.PAID)  # the till decided it when it ordered the refund
        return Fact(event, reasons.BRIDGE_RESTARTED, reversal=sale.approval_id)
    if event is Event.DECLINED:
        return sale.denied(sale.withheld)
    return Fact(event, reasons.BRIDGE_RESTARTED) if event else None


def is_ended_by_restart(sale: Sale) -> bool:
    """Whether a restart ends a sale that may have continued in a span that the journal lacks."""
    return RECOVERY[sale.state] is not None
