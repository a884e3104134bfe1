"""What a till asks for, and why it may not have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver.protocol import messages

if TYPE_CHECKING:
    from bridge.domain.sale import Sale, Terms


class ConflictError(Exception):
    """What the till asks contradicts what is already so; `sale` is what stands in the way."""

    def __init__(self, kind: str, detail: str, sale: Sale) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.sale = sale


class UnknownTillError(Exception):
    """No receiver, or more than one, fits what the till named."""


class UnknownSaleError(Exception):
    """Nothing here has the id that the till named."""


class NotNowError(Exception):
    """The bridge takes nothing new: `reason` says why (`receiver.reasons`, 0 while it stops)."""

    def __init__(self, reason: int) -> None:
        super().__init__(reason)
        self.reason = reason


class Order(NamedTuple):
    """A sale as the till asks for it; `till` None where the bridge has one receiver."""

    sale_id: str
    amount: int
    currency: int
    till: int | None
    patience_s: int
    note: str


class RefundOrder(NamedTuple):
    """A refund as the till asks for it, of a sale known here or of any transaction.

    With `phone` the buyer approves it at the receiver; without, the till's word is enough.
    """

    refund_id: str
    amount: int
    currency: int | None
    till: int | None
    patience_s: int
    note: str
    sale_id: str
    transaction_id: bytes
    phone: bool


def asks_for(order: Order, terms: Terms) -> bool:
    """Whether `order` is the one that these terms came of, at whatever till it is made again."""
    return terms.kind == messages.PURCHASE and _alike(order, terms, order.currency)


def asks_back(order: RefundOrder, terms: Terms, bought: Sale | None) -> bool:
    """The same of a refund; it names its purchase by the sale or by the transaction."""
    original = bought.transaction_id if bought else order.transaction_id
    by_transaction = bool(original) and terms.original == original
    by_sale = bool(order.sale_id) and terms.original_sale == order.sale_id
    currency = order.currency or (bought.terms.currency if bought else terms.currency)
    named = by_transaction or by_sale or not (terms.original or terms.original_sale)
    return terms.kind == messages.REFUND and named and _alike(order, terms, currency)


def _alike(order: Order | RefundOrder, terms: Terms, currency: int) -> bool:
    """What the authority brought back has neither patience nor note, and may have no till."""
    same = (order.amount, currency) == (terms.amount, terms.currency)
    if terms.patience_s:
        same = same and (order.patience_s, order.note) == (terms.patience_s, terms.note)
    return same and order.till in (None, terms.till or order.till)


def must_be(known: Sale, same: bool) -> None:
    """Raise ConflictError where this id stands for something else."""
    if not same:
        raise ConflictError("conflict", "this id stands for something else", known)
