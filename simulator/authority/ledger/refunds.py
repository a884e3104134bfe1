"""Refunds as transfers: back to the credit space of a purchase, at most what was posted."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from receiver import reasons
from receiver.encoding import cbor
from receiver.errors import Error
from receiver.protocol import messages, signed
from simulator.authority.accounts import receivers
from simulator.authority.accounts.bindings import Caller
from simulator.authority.storage.store import AgainError, Store, atomic

from . import journal_positions, transactions
from .decline_rules import Original, judge_original
from .states import DECLINE, NONE, TRANSFER
from .transactions import Booked

_ORIGINAL = (
    "SELECT t.approval_id, t.state, t.invoice_issuer, t.phone, p.buyer, t.recipient, t.amount, "
    "t.currency, t.refunded + t.reserved FROM transactions t JOIN phones p ON p.id = t.phone "
    "WHERE t.transaction_id = ? AND t.kind = 0 AND (t.receiver = ? OR t.invoice_issuer = ?) "
    "AND (t.client = ? OR 1 = ?) FOR NO KEY UPDATE OF t"
)


class Order(NamedTuple):
    """A refund without a phone, as a bridge requests it."""

    id: bytes
    receiver: bytes
    transaction_id: bytes  # of the purchase
    amount: int
    currency: int

    def content(self) -> bytes:
        """Hash what may not change under the same id."""
        return signed.digest(cbor.encode(list(self)))


def original(store: Store, caller: Caller, issuer: int, transaction_id: bytes) -> Original | None:
    """Find the purchase by its transaction id and lock it against other refunds.

    It was bought at the caller's receiver, under any certificate, or elsewhere from the same
    invoice issuer; a former client finds only what it booked itself.
    """
    today = int(caller.until is None)
    found = (transaction_id, caller.receiver, issuer, caller.client, today)
    return store.find(Original, _ORIGINAL, *found)


def refund(store: Store, caller: Caller, order: Order, now: int) -> Booked:
    """Post or decline; return the booking. Raises Error: CONFLICT, RECEIVER_UNKNOWN."""
    with transactions.alarmed(store, order.id, now):
        return _refund(store, caller, order, now)


@atomic
def _refund(store: Store, caller: Caller, order: Order, now: int) -> Booked:
    journal_positions.hear(store, caller.client, caller.position, now)
    booked = transactions.find(store, order.id)
    if booked is not None:
        return _known(booked, caller, order)
    issuer = receivers.invoice_issuer_of(store, order.receiver)
    if issuer is None:
        raise Error(reasons.RECEIVER_UNKNOWN, "a receiver without a certificate")
    purchase = original(store, caller, issuer, order.transaction_id)
    reason = judge_original(purchase, order.amount, order.currency)
    row = Booked(
        order.id,
        order.receiver,
        messages.REFUND,
        NONE,
        order.content(),
        reason=reason,
        amount=order.amount,
        client=caller.client,
    )
    event, phone = DECLINE, None
    if purchase is not None and reason == reasons.OK:
        event, phone = TRANSFER, purchase.phone
        issuer = purchase.invoice_issuer  # the invoice issuer of the purchase refunds it
        row = row._replace(
            transaction_id=secrets.token_bytes(len(messages.NO_TRANSACTION)),
            recipient=purchase.recipient,
            original=purchase.id,
        )
    columns = {"invoice_issuer": issuer, "phone": phone, "currency": order.currency}
    inserted = transactions.insert(store, event, row, now, **columns)
    booked = transactions.find(store, row.id) if inserted else None
    if booked is None:
        raise AgainError
    return booked


def _known(booked: Booked, caller: Caller, order: Order) -> Booked:
    """Return the same answer again; a refund reversed before it came has that reason."""
    if booked.receiver != order.receiver or booked.content not in (None, order.content()):
        raise Error(reasons.CONFLICT, "the refund id is booked with other content")
    transactions.must_be_theirs(booked, caller)
    return booked if booked.content else booked._replace(reason=reasons.REVERSED)
