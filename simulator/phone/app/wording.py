"""Reasons and outcomes in words for a buyer."""

from __future__ import annotations

from receiver import reasons
from receiver.host.currencies import LETTERS
from receiver.host.texts import texts
from receiver.protocol import messages
from simulator.phone.conversation.events import Outcome

KINDS = {
    messages.PURCHASE: {"sv": "Köp", "en": "Purchase"},
    messages.REFUND: {"sv": "Återbetalning", "en": "Refund"},
}


def reason_texts(reason: int, *, refund: bool = False) -> dict[str, str]:
    """Return the buyer's texts of a reason: {"sv": …, "en": …}."""
    row = texts(reason, refund=refund)
    return {"sv": row.buyer_sv, "en": row.buyer_en}


def _kind(refund: bool) -> dict[str, str]:
    return {"code": "refund" if refund else "purchase", **KINDS[int(refund)]}


def _reason(reason: int, refund: bool) -> dict[str, str]:
    return {"code": reasons.name(reason), **reason_texts(reason, refund=refund)}


def document(outcome: Outcome) -> dict[str, object]:
    """Convert an outcome to one JSON object."""
    view, receipt, reason = outcome.view, outcome.receipt, outcome.reason
    refund = view is not None and view.refund
    booked = receipt and receipt.transaction_id != messages.NO_TRANSACTION
    return {
        "outcome": outcome.result,
        "kind": _kind(view.refund) if view else None,
        "reason": _reason(reason, refund) if reason else None,
        "amount": view.amount if view else None,
        "currency": LETTERS.get(view.currency) if view else None,
        "store": view.store if view else None,
        "till": view.till if view else None,
        "match_code": view.match_code if view else None,
        "approval_id": outcome.approval_id.hex() or None,
        "transaction_id": receipt.transaction_id.hex() if receipt and booked else None,
    }
