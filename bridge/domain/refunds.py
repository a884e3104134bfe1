"""The rules of refunds: at most the posted amount, in the purchase's own currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.protocol import messages
from receiver.protocol.signed import ID_SIZE, digest

from .sale import Fact, Sale
from .states import Event, State

if TYPE_CHECKING:
    from .held import AuthorityTransaction
    from .sale import Terms

IN_FULL = "refund-of-"  # before the approval id, in the id of the bridge's own refunds


class NoRefundError(Exception):
    """The refund is not allowed; `kind` is the stable name for the till."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


def refund_id(bridge_id: bytes, till_id: str) -> bytes:
    """Return the idempotency key at the authority of a refund without a phone (16 bytes)."""
    return digest(b"tillsign refund" + bridge_id + till_id.encode())[:ID_SIZE]


def in_full(sale: Sale, posted: AuthorityTransaction) -> tuple[Sale, Fact]:
    """Make the refund of a posting that is not paid here: the same at each call."""
    name = IN_FULL + posted.approval_id.hex()
    terms = sale.terms._replace(
        sale_id=name,
        amount=posted.amount,
        patience_s=0,
        note="",
        kind=messages.REFUND,
        original=posted.transaction_id,
        original_sale="",
    )
    return Sale(terms), Fact(Event.REFUND_ORDERED, approval_id=refund_id(posted.approval_id, name))


def check(bought: Sale, terms: Terms, refunded: int, *, phone: bool) -> None:
    """Raise NoRefundError unless the refund in `terms` fits beside what was `refunded` before."""
    if bought.state is State.LIABILITY:
        raise NoRefundError("liability", "this sale is paid here and was never posted")
    if bought.state not in (State.PAID, State.POSTED):
        raise NoRefundError("not-paid", "this sale is not paid")
    if phone and bought.state is not State.POSTED:  # its offer names the posted purchase
        raise NoRefundError("not-posted", "this sale is not posted yet: try again, or no phone")
    if terms.currency != bought.terms.currency:
        raise NoRefundError("conflict", "this sale is in another currency")
    left = bought.terms.amount - refunded
    if terms.amount > left:
        raise NoRefundError("refund-exceeds", f"at most {left} can be refunded")
