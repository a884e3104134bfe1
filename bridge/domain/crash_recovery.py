"""What a restart does to a sale in each state that a crash can leave (design §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons

from .sale import Fact
from .states import Event, State

if TYPE_CHECKING:
    from .sale import Sale

# None: it goes on where it was, by the till's word or the outbox's work.
RECOVERY: dict[State, Event | None] = {
    State.OPEN: Event.ENDED,
    State.CLAIMED: Event.ENDED,
    State.HANDED: Event.ENDED,
    State.ASKED: Event.OWED,
    State.SILENT: Event.OWED,
    State.GRANTED: Event.OWED,
    State.WITHHELD: Event.DENIED,
    State.AUTHORISING: Event.OWED,
    State.UNKNOWN: Event.OWED,
    State.REVERSING: None,
    State.APPROVED: Event.OWED,  # the till was never told
    State.TOLD: None,
    State.PAID: None,
    State.REFUNDING: None,
    State.POSTED: None,
    State.LIABLE: None,
    State.DECLINED: None,
    State.CANCELLED: None,
}


def recover(sale: Sale) -> Fact | None:
    """What is to be journalled first of all after a restart, if anything."""
    event = RECOVERY[sale.state]
    if event is Event.OWED:
        if sale.is_refund and sale.state is State.APPROVED:
            return Fact(Event.PAID)  # it was decided when the till asked for it
        return Fact(event, reasons.BRIDGE_RESTARTED, reversal=sale.approval_id)
    if event is Event.DENIED:
        return sale.denied(sale.withheld)
    return Fact(event, reasons.BRIDGE_RESTARTED) if event else None


def is_ended_by_restart(sale: Sale) -> bool:
    """Whether a restart ends what may have gone on in a span that the journal lacks."""
    return RECOVERY[sale.state] is not None
