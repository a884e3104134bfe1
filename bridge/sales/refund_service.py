"""Refund orders: of a sale known here or of any transaction, with or without a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import refunds
from bridge.domain.events import TILL
from bridge.domain.sale import Fact, Sale
from bridge.domain.states import Event
from receiver.protocol import messages

from . import orders
from .orders import ConflictError, UnknownSaleError

if TYPE_CHECKING:
    from bridge.books.books import Books
    from bridge.domain.sale import Place, Terms

    from .orders import RefundOrder
    from .receiver_session import ReceiverSession
    from .sale_service import Service


def refund(service: Service, order: RefundOrder) -> tuple[Sale, bool]:
    """Return the refund for `order`, and whether it is new.

    Raises ConflictError, UnknownTillError, UnknownSaleError, NotNowError.
    """
    books = service.books
    order = _named(books, order)
    name = refunds.refund_id(service.bridge_id, order.refund_id)
    known = service.known(order.refund_id)
    if known is not None:
        original = books.find(order.sale_id) if order.sale_id else None
        orders.must_be(known, orders.asks_back(order, known.terms, original))
        orders.must_be(known, order.phone != (known.approval_id == name))
        return known, False
    bought = _bought(books, order)
    session, place, store = _whereabouts(service, order, bought)
    currency = order.currency or (bought.terms.currency if bought else 0)
    plain = service.terms(place, store, order, order.refund_id, currency)
    terms = _terms(plain, order, bought)
    if bought:
        _must_fit(books, bought, terms, phone=order.phone)
    if session and order.phone:
        return service.begin(session, terms)
    return _owe(service, Sale(terms), name), True


def _named(books: Books, order: RefundOrder) -> RefundOrder:
    """Replace the transaction of an open sale by that sale: its own lane comes first."""
    for sale in books.open_sales() if order.transaction_id else ():
        if sale.transaction_id == order.transaction_id and not sale.is_refund:
            return order._replace(sale_id=sale.terms.sale_id, transaction_id=b"")
    return order


def _bought(books: Books, order: RefundOrder) -> Sale | None:
    """Return the order's sale, None if it names a transaction; raises UnknownSaleError."""
    if not order.sale_id:
        return None
    sale = books.find(order.sale_id)
    if sale is None or sale.is_refund:
        raise UnknownSaleError("no sale has this sale_id")
    return sale


def _whereabouts(
    service: Service, order: RefundOrder, bought: Sale | None
) -> tuple[ReceiverSession | None, Place, int | None]:
    """Return the place and store of a refund: with a phone at a currently configured receiver.

    Without a phone at the purchase's place, unless the order names another till: a till that
    repeats the order, after the journal was lost and the receiver exchanged, gets the same refund.
    """
    till = order.till
    if bought and till is None and (bought.terms.till in service.sessions or not order.phone):
        till = bought.terms.till
    if bought and till == bought.terms.till and not order.phone:
        return None, bought.terms.place, bought.terms.store
    session = service.session(till)
    return session, session.place, session.store


def _terms(plain: Terms, order: RefundOrder, bought: Sale | None) -> Terms:
    """Turn the terms of a sale into those of a refund."""
    original = bought.transaction_id if bought else order.transaction_id
    return plain._replace(kind=messages.REFUND, original=original, original_sale=order.sale_id)


def _must_fit(books: Books, bought: Sale, terms: Terms, *, phone: bool) -> None:
    """Raise ConflictError if the refund of `bought` is not allowed."""
    try:
        refunds.check(bought, terms, books.refunded(bought), phone=phone)
    except refunds.NoRefundError as error:
        raise ConflictError(error.kind, error.detail, bought) from error


def _owe(service: Service, sale: Sale, name: bytes) -> Sale:
    """Journal and queue a refund without a phone: the till's order decides it."""
    service.must_take()
    service.books.begin_with(sale, Fact(Event.REFUND_ORDERED, approval_id=name), TILL)
    service.outbox.refund(sale)
    return sale
