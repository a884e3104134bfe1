"""A reversal that meets a posting (design §5 rule 8): its effect on the sale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons

from . import alarms
from .sale import Fact
from .states import Event, State

if TYPE_CHECKING:
    from .alarms import Alarm
    from .held import AuthorityTransaction
    from .sale import Sale


def fact(sale: Sale, posted: AuthorityTransaction) -> Fact:
    """Return PAID_AFTER_ALL if the bridge had cancelled the sale, REFUND_OWED if the till had."""
    name = posted.approval_id
    if sale.state is not State.REVERSING or name != sale.approval_id:
        return Fact(Event.RECALL_REVERSED, reasons.REVERSED, reversal=name)
    paid = sale.is_refund or not sale.cancelled_by_till
    return Fact(
        Event.PAID_AFTER_ALL if paid else Event.REFUND_OWED,
        reasons.PAID_AFTER_ALL if paid else reasons.OK,
        transaction_id=posted.transaction_id,
        reversal=name,
    )


def alarm(sale: Sale, posted: AuthorityTransaction, after: Fact) -> Alarm:
    paid = after.event is Event.PAID_AFTER_ALL
    kind = alarms.PAID_AFTER_ALL if paid else alarms.REFUND_OWED
    return alarms.of_holding(kind, posted, sale.terms.sale_id, f"was to be reversed: {sale.state}")
