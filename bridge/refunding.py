"""What a till's order of a refund is about, and whether the books allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import messages

from .money import refunds
from .orders import ConflictError, UnknownSaleError

if TYPE_CHECKING:
    from .books import Books
    from .money.sale import Sale, Terms
    from .orders import RefundOrder


def named(books: Books, order: RefundOrder) -> RefundOrder:
    """A transaction of a sale that is open here is that sale: its own lane comes first."""
    for sale in books.open_sales() if order.transaction_id else ():
        if sale.transaction_id == order.transaction_id and not sale.is_refund:
            return order._replace(sale_id=sale.terms.sale_id, transaction_id=b"")
    return order


def bought(books: Books, order: RefundOrder) -> Sale | None:
    """The sale that the order names, None where it names a transaction; raises UnknownSaleError."""
    if not order.sale_id:
        return None
    sale = books.find(order.sale_id)
    if sale is None or sale.is_refund:
        raise UnknownSaleError("no sale has this sale_id")
    return sale


def terms(plain: Terms, order: RefundOrder, bought: Sale | None) -> Terms:
    """The terms of a sale, made those of a refund."""
    original = bought.transaction_id if bought else order.transaction_id
    return plain._replace(kind=messages.REFUND, original=original, original_sale=order.sale_id)


def must_be_the_same_way(known: Sale, name: bytes, *, phone: bool) -> None:
    """Raise ConflictError where a refund by phone comes again without one, or the other way round.

    `name` is the id of the one without.
    """
    if phone == (known.approval_id == name):
        raise ConflictError("conflict", "this id stands for something else", known)


def must_fit(books: Books, bought: Sale, terms: Terms, *, phone: bool) -> None:
    """Raise ConflictError where the money may not go back on `bought`."""
    try:
        refunds.check(bought, terms, books.refunded(bought), phone=phone)
    except refunds.NoRefundError as error:
        raise ConflictError(error.kind, error.detail, bought) from error
