"""The open sales of a journal that was restored from an older copy (design §5 rule 8).

The authority is asked first. A sale that it holds was decided by the till in the lost span, or
still waits for the till's decision. Only a sale that it does not hold ends as after any restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.protocol import messages

from .crash_recovery import RECOVERY, recover
from .held import GIVEN_BACK, HoldState
from .sale import Fact
from .states import Event, State

if TYPE_CHECKING:
    from .held import AuthorityTransaction
    from .sale import Sale

# States before the till's decision: the sale may have continued in the lost span.
UNTOLD = frozenset(state for state, event in RECOVERY.items() if event is not None)
ASKED_ABOUT = UNTOLD | {State.TILL_NOTIFIED}  # the authority's answer about these decides


def resume(sale: Sale, held: AuthorityTransaction | None) -> list[Fact]:
    """Return the facts that bring the sale to its state at the authority.

    `held` is the authority's transaction of the sale, by any approval; None if it has none.
    """
    if sale.state in UNTOLD:
        if held is not None and held.stands:
            return adopted(held)
        fact = recover(sale)
        return [fact] if fact else []
    if sale.state is State.TILL_NOTIFIED and held is not None:
        return _told(sale, held)
    return []


def adopted(held: AuthorityTransaction) -> list[Fact]:
    """Return the facts of an adopted sale; a posted sale was paid, and so is any refund."""
    fact = Fact(Event.ADOPTED, approval_id=held.approval_id, transaction_id=held.transaction_id)
    decided = held.is_refund or held.state == HoldState.POSTED
    return [fact, Fact(Event.PAID)] if decided else [fact]


def _told(sale: Sale, held: AuthorityTransaction) -> list[Fact]:
    """Return the facts of a notified sale: only the till's decision moves it.

    The authority may have that decision already. An offline acceptance is uploaded once the till
    has decided paid; a reversal may follow either decision: then the till repeats its own.
    """
    ours, offline = held.approval_id == sale.approval_id, sale.mode == messages.OFFLINE
    if held.state == HoldState.POSTED or (ours and offline and held.state == HoldState.DECLINED):
        return [Fact(Event.PAID)]
    if ours and not offline and held.state in GIVEN_BACK:
        return [Fact(Event.REVERSAL_OWED, reasons.CASHIER_CANCELLED, reversal=sale.approval_id)]
    return []
