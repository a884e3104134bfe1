"""Verify the authority's receipts from a sale's own terms and the authority's keys.

Today's configuration plays no part: the till may have another number by now, or no receiver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.crypto.job import finish
from receiver.errors import Error
from receiver.protocol import messages, signed

if TYPE_CHECKING:
    from receiver.crypto.interface import Crypto
    from receiver.protocol.messages import Receipt
    from receiver.protocol.signed import Ring
    from receiver.protocol.validation import Pins

    from .sale import Terms


# The authority's keys that are kept ready: each is used at every sale or every hour.
ROLES = (signed.ROLE_RECEIVER, signed.ROLE_CREDENTIAL, signed.ROLE_RECEIPT, signed.ROLE_STATE)


def proved(ring: Ring, terms: Terms, approval_id: bytes, data: bytes) -> Receipt:
    """Return the signed receipt in `data`; raises Error unless it fits this approval and sale."""
    receipt: Receipt = finish(ring.read_job(messages.RECEIPT, data))
    must_equal(receipt.version, messages.VERSION, reasons.WRONG_VERSION)
    must_equal(receipt.approval_id, approval_id, reasons.WRONG_SESSION)
    must_equal(receipt.amount, terms.amount, reasons.WRONG_AMOUNT)
    must_equal(receipt.currency, terms.currency, reasons.WRONG_CURRENCY)
    if terms.store is not None:  # a sale that is taken over from the authority lacks it
        must_equal(receipt.store, terms.store, reasons.WRONG_RECEIVER)
    must_equal(receipt.till, terms.till, reasons.WRONG_TILL)
    booked = receipt.transaction_id != messages.NO_TRANSACTION
    approved = receipt.outcome == messages.APPROVED
    must_equal(booked, approved, reasons.MALFORMED)
    must_equal(receipt.reason == reasons.OK, approved, reasons.MALFORMED)
    return receipt


class Receipts:
    """Verifies receipts by the authority's current keys, which may be exchanged."""

    def __init__(self, crypto: Crypto, pins: Pins) -> None:
        self._crypto = crypto
        self.renew(pins)

    def renew(self, pins: Pins) -> None:
        """Use these keys from now on."""
        self.pins = pins
        self._ring = signed.Ring(self._crypto, pins, keep=ROLES)

    def prove(self, terms: Terms, approval_id: bytes, data: bytes) -> Receipt:
        """Return the verified receipt, as `proved` does."""
        return proved(self._ring, terms, approval_id, data)


def must_equal(found: object, wanted: object, reason: int) -> None:
    """Raise Error(reason) that shows both, unless they are equal."""
    if found != wanted:
        raise Error(reason, f"{_show(found)} instead of {_show(wanted)}")


def _show(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
