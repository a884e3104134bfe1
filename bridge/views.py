"""What people and tills see of a sale, a reason and a receiver: JSON values."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from receiver import cbor, reasons
from receiver.errors import Error

from .currencies import LETTERS
from .money.sale import State
from .reasons import texts

if TYPE_CHECKING:
    from receiver.wire import Health, ReceiverHello

    from .money.sale import Sale


def sale_view(sale: Sale) -> dict[str, Any]:
    """The till API's answer about a sale."""
    terms = sale.terms
    decided = sale.state in (State.APPROVED, State.DECLINED)  # before, a receipt is half a word
    return {
        "sale_id": terms.sale_id,
        "state": str(sale.shown),
        "amount": terms.amount,
        "currency": LETTERS[terms.currency],
        "till": terms.till,
        "reference": terms.note or None,
        "match_code": sale.match_code,
        "reason": reason_view(sale.reason) if sale.reason else None,
        "approval_id": sale.approval_id.hex() or None,
        "transaction_id": sale.transaction_id.hex() or None if decided else None,
        "receipt": _base64url(sale.receipt) if decided and sale.receipt else None,
    }


def reason_view(code: int) -> dict[str, str]:
    """A reason as its name and the cashier's texts."""
    row = texts(code)
    return {"code": reasons.name(code), "sv": row.cashier_sv, "en": row.cashier_en}


def hello_view(hello: ReceiverHello) -> dict[str, Any]:
    """What a receiver says of itself."""
    return {
        "receiver_id": hello.receiver_id.hex(),
        "board": hello.board,
        "interpreter": hello.interpreter,
        "version": hello.interpreter_version,
        "firmware": hello.firmware,
        "firmware_hash": hello.firmware_hash.hex(),
        "reset_cause": hello.reset_cause,
    }


def health_view(health: Health) -> dict[str, Any]:
    """A receiver's health; raises receiver.errors.Error where its counters cannot be read."""
    counters = cbor.decode(health.counters) if health.counters else {}
    if not isinstance(counters, dict) or not all(isinstance(n, int) for n in counters.values()):
        raise Error(reasons.MALFORMED, "health counters")
    return {
        "uptime_s": health.uptime,
        "free_bytes": health.free,
        "links": health.links,
        "counters": {reasons.name(code): n for code, n in counters.items()},
    }


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
