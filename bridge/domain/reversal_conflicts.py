"""A reversal that meets a posting (design §5 rule 8): what it makes of the sale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons

from . import alarms
from .sale import Fact
from .states import Event, State

if TYPE_CHECKING:
    from .alarms import Alarm
    from .held import Holding
    from .sale import Sale


def fact(sale: Sale, posted: Holding) -> Fact:
    """What the bridge had cancelled is paid; what the till had stays so, and is refunded."""
    name = posted.approval_id
    if sale.state is not State.REVERSING or name != sale.approval_id:
        return Fact(Event.RETURNED, reasons.REVERSED, reversal=name)
    paid = sale.is_refund or not sale.cancelled_by_till
    return Fact(
        Event.PAID_AFTER_ALL if paid else Event.REFUND_OWED,
        reasons.PAID_AFTER_ALL if paid else reasons.OK,
        transaction_id=posted.transaction_id,
        reversal=name,
    )


def alarm(sale: Sale, posted: Holding, after: Fact) -> Alarm:
    paid = after.event is Event.PAID_AFTER_ALL
    kind = alarms.PAID_AFTER_ALL if paid else alarms.REFUND_OWED
    return alarms.of_holding(kind, posted, sale.terms.sale_id, f"was to be reversed: {sale.state}")
