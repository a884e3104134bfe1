"""Refunds as tills order them: of a sale known here or of any transaction, with a phone or not."""

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
    """The refund for `order`, and whether it is new.

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
    """A transaction of a sale that is open here is that sale: its own lane comes first."""
    for sale in books.open_sales() if order.transaction_id else ():
        if sale.transaction_id == order.transaction_id and not sale.is_refund:
            return order._replace(sale_id=sale.terms.sale_id, transaction_id=b"")
    return order


def _bought(books: Books, order: RefundOrder) -> Sale | None:
    """The sale that the order names, None where it names a transaction; raises UnknownSaleError."""
    if not order.sale_id:
        return None
    sale = books.find(order.sale_id)
    if sale is None or sale.is_refund:
        raise UnknownSaleError("no sale has this sale_id")
    return sale


def _whereabouts(
    service: Service, order: RefundOrder, bought: Sale | None
) -> tuple[ReceiverSession | None, Place, int | None]:
    """Where a refund is given, and the store: by phone at a receiver of today.

    Else where it was bought, unless another till is named: a till that asks for it again, after
    the journal was lost and the receiver exchanged, asks for the same as before.
    """
    till = order.till
    if bought and till is None and (bought.terms.till in service.sessions or not order.phone):
        till = bought.terms.till
    if bought and till == bought.terms.till and not order.phone:
        return None, bought.terms.place, bought.terms.store
    session = service.session(till)
    return session, session.place, session.store


def _terms(plain: Terms, order: RefundOrder, bought: Sale | None) -> Terms:
    """The terms of a sale, made those of a refund."""
    original = bought.transaction_id if bought else order.transaction_id
    return plain._replace(kind=messages.REFUND, original=original, original_sale=order.sale_id)


def _must_fit(books: Books, bought: Sale, terms: Terms, *, phone: bool) -> None:
    """Raise ConflictError where the money may not go back on `bought`."""
    try:
        refunds.check(bought, terms, books.refunded(bought), phone=phone)
    except refunds.NoRefundError as error:
        raise ConflictError(error.kind, error.detail, bought) from error


def _owe(service: Service, sale: Sale, name: bytes) -> Sale:
    """One that needs no phone is decided as soon as the till asks for it."""
    service.must_take()
    service.books.begin_with(sale, Fact(Event.REFUND_ORDERED, approval_id=name), TILL)
    service.outbox.refund(sale)
    return sale
