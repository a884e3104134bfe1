"""Amounts and reasons in words for a buyer."""

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

_WHOLE = frozenset({"ISK"})  # currencies without minor units


def money(amount: int, currency: int) -> str:
    """Format `amount`, in minor units, as "249.00 SEK"."""
    letters = LETTERS.get(currency, str(currency))
    if letters in _WHOLE:
        return f"{amount} {letters}"
    return f"{amount // 100}.{amount % 100:02d} {letters}"


def reason_texts(reason: int) -> dict[str, str]:
    """Return the buyer's texts of a reason: {"sv": …, "en": …}."""
    row = texts(reason)
    return {"sv": row.buyer_sv, "en": row.buyer_en}


def _kind(refund: bool) -> dict[str, str]:
    return {"code": "refund" if refund else "purchase", **KINDS[int(refund)]}


def document(outcome: Outcome) -> dict[str, object]:
    """Convert an outcome to one JSON object."""
    view, receipt, reason = outcome.view, outcome.receipt, outcome.reason
    booked = receipt and receipt.transaction_id != messages.NO_TRANSACTION
    return {
        "outcome": outcome.result,
        "kind": _kind(view.refund) if view else None,
        "reason": {"code": reasons.name(reason), **reason_texts(reason)} if reason else None,
        "amount": view.amount if view else None,
        "currency": LETTERS.get(view.currency) if view else None,
        "store": view.store if view else None,
        "till": view.till if view else None,
        "match_code": view.match_code if view else None,
        "approval_id": outcome.approval_id.hex() or None,
        "transaction_id": receipt.transaction_id.hex() if receipt and booked else None,
    }
