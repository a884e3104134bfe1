"""What becomes of an open sale once its journal was put back from an older copy (design §5 rule 8).

The authority was asked first: what it holds was decided by the till in the span that was lost, or
waits for the till's word still. Only what it does not hold ends as after any restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.protocol import messages

from .crash_recovery import RECOVERY, recover
from .held import GIVEN_BACK, Held
from .sale import Fact
from .states import Event, State

if TYPE_CHECKING:
    from .held import Holding
    from .sale import Sale

# The journal shows these as before the till's answer: the lost span may have gone on from there.
UNTOLD = frozenset(state for state, event in RECOVERY.items() if event is not None)
ASKED_ABOUT = UNTOLD | {State.TOLD}  # what the authority says of these decides


def resume(sale: Sale, held: Holding | None) -> list[Fact]:
    """The facts that bring the sale to where the authority says that it is.

    `held`: what the authority has of the sale, whatever approval that is; None for nothing.
    """
    if sale.state in UNTOLD:
        if held is not None and held.stands:
            return adopted(held)
        fact = recover(sale)
        return [fact] if fact else []
    if sale.state is State.TOLD and held is not None:
        return _told(sale, held)
    return []


def adopted(held: Holding) -> list[Fact]:
    """Take over what stands: what is posted was paid, and a refund was decided when asked for."""
    fact = Fact(Event.ADOPTED, approval_id=held.approval_id, transaction_id=held.transaction_id)
    decided = held.is_refund or held.state == Held.POSTED
    return [fact, Fact(Event.PAID)] if decided else [fact]


def _told(sale: Sale, held: Holding) -> list[Fact]:
    """Only the till's word moves it, and the authority may have that already.

    What was accepted offline goes there once the till has said paid, and its reversal may be of
    either word: then the till says its own again.
    """
    ours, offline = held.approval_id == sale.approval_id, sale.mode == messages.OFFLINE
    if held.state == Held.POSTED or (ours and offline and held.state == Held.DECLINED):
        return [Fact(Event.PAID)]
    if ours and not offline and held.state in GIVEN_BACK:
        return [Fact(Event.OWED, reasons.CASHIER_CANCELLED, reversal=sale.approval_id)]
    return []
