"""Orders of a till, and the errors that refuse them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver.protocol import messages

if TYPE_CHECKING:
    from bridge.domain.sale import Sale, Terms


class ConflictError(Exception):
    """The order contradicts the state of an existing `sale`."""

    def __init__(self, kind: str, detail: str, sale: Sale) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.sale = sale


class UnknownTillError(Exception):
    """No receiver, or more than one, matches the order's till."""


class UnknownSaleError(Exception):
    """No sale here has the id in the request."""


class NotNowError(Exception):
    """The bridge accepts no new order for `reason` (`receiver.reasons`, 0 while it stops)."""

    def __init__(self, reason: int) -> None:
        super().__init__(reason)
        self.reason = reason


class Order(NamedTuple):
    """A till's order of a sale; `till` may be None if the bridge has one receiver."""

    sale_id: str
    amount: int
    currency: int
    till: int | None
    patience_s: int
    note: str


class RefundOrder(NamedTuple):
    """A till's order of a refund, of a sale known here or of any transaction.

    With `phone` the buyer approves it at the receiver; without, the till's order is enough.
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
    """Whether these terms were made from `order`, even if another till repeats it."""
    return terms.kind == messages.PURCHASE and _alike(order, terms, order.currency)


def asks_back(order: RefundOrder, terms: Terms, bought: Sale | None) -> bool:
    """Whether these terms were made from a refund order, by sale or by transaction."""
    original = bought.transaction_id if bought else order.transaction_id
    by_transaction = bool(original) and terms.original == original
    by_sale = bool(order.sale_id) and terms.original_sale == order.sale_id
    currency = order.currency or (bought.terms.currency if bought else terms.currency)
    named = by_transaction or by_sale or not (terms.original or terms.original_sale)
    return terms.kind == messages.REFUND and named and _alike(order, terms, currency)


def _alike(order: Order | RefundOrder, terms: Terms, currency: int) -> bool:
    """Compare without patience, note and till for an adopted sale, which may lack them."""
    same = (order.amount, currency) == (terms.amount, terms.currency)
    if terms.patience_s:
        same = same and (order.patience_s, order.note) == (terms.patience_s, terms.note)
    return same and order.till in (None, terms.till or order.till)


def must_be(known: Sale, same: bool) -> None:
    """Raise ConflictError if this id belongs to another order."""
    if not same:
        raise ConflictError("conflict", "this id belongs to another order", known)
