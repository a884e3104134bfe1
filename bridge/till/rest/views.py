"""Sales, reasons and receivers for people and tills: JSON values."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, assert_never

from bridge.domain.events import PhoneMoved, ReceiverChanged, Refused, SaleChanged, SaleTimed
from bridge.domain.states import State
from receiver import reasons
from receiver.host.currencies import LETTERS
from receiver.host.texts import texts
from receiver.link import wire
from receiver.protocol import messages

if TYPE_CHECKING:
    from bridge.books.books import Books
    from bridge.domain.alarms import Alarm
    from bridge.domain.events import Event
    from bridge.domain.receiver_status import ReceiverHealth, ReceiverStatus
    from bridge.domain.sale import Sale
    from receiver.link.wire import ReceiverHello

_PHONE_EVENTS = {
    wire.PHONE_SHOWN: "shown",
    wire.PHONE_LEFT: "left",
    wire.PHONE_REFUSED: "refused",
    wire.PHONE_GONE: "gone",
}
# A refund needs no decision of the till afterwards: an approved one will be posted.
REFUND_STATES = {
    State.APPROVED: "pending",
    State.PAID: "pending",
    State.REFUNDING: "pending",
    State.POSTED: "refunded",
    State.LIABILITY: "declined",
}
_UNSAID = frozenset({"transaction_id", "receipt", "provisional_receipt", "settlement"})
REVERSING, REVERSED, REFUNDED = "reversing", "reversed", "refunded"
SETTLEMENTS = {
    State.PAID: "owed",
    State.POSTED: "posted",
    State.LIABILITY: "liability",
}


def sale_view(sale: Sale) -> dict[str, Any]:
    """Return the till API's answer about a sale or a refund."""
    return _refund_view(sale) if sale.is_refund else _purchase_view(sale)


def shown_view(books: Books, sale: Sale) -> dict[str, Any]:
    """Return the part of a sale that the till may see now."""
    return held_view(sale, books.commits.reason) if books.is_held(sale) else sale_view(sale)


def held_view(sale: Sale, reason: int) -> dict[str, Any]:
    """Return the same while some of it is unwritten, for this reason: a crash must not undo it."""
    unsaid = dict.fromkeys(_UNSAID & (view := sale_view(sale)).keys())
    return {**view, **unsaid, "state": str(State.UNKNOWN), "reason": reason_view(reason)}


def _purchase_view(sale: Sale) -> dict[str, Any]:
    return {
        "sale_id": sale.terms.sale_id,
        "state": str(sale.shown),
        **_common_view(sale),
        "offline": sale.mode == messages.OFFLINE,
        "provisional_receipt": _base64url(sale.provisional) or None,
        "settlement": _settlement(sale),
    }


def _refund_view(sale: Sale) -> dict[str, Any]:
    terms = sale.terms
    return {
        "refund_id": terms.sale_id,
        "state": REFUND_STATES.get(sale.state, str(sale.shown)),
        "sale_id": terms.original_sale or None,
        "original_transaction_id": terms.original.hex() or None,
        **_common_view(sale),
    }


def _common_view(sale: Sale) -> dict[str, Any]:
    terms = sale.terms
    # Before this a receipt is half an answer; after a reversal it is out of date.
    told = sale.answered and sale.shown is not State.CANCELLED
    return {
        "amount": terms.amount,
        "currency": LETTERS[terms.currency],
        "till": terms.till,
        "reference": terms.note or None,
        "match_code": sale.match_code,
        "reason": reason_view(sale.reason) if sale.reason else None,
        "approval_id": sale.approval_id.hex() or None,
        "transaction_id": sale.transaction_id.hex() or None if told else None,
        "receipt": _base64url(sale.receipt) or None if told else None,
    }


def _settlement(sale: Sale) -> str | None:
    """Return its state at the authority."""
    if sale.owed:
        return REVERSING
    if sale.refunded_in_full:
        return REFUNDED
    if sale.state is State.CANCELLED and sale.reversals:
        return REVERSED
    return SETTLEMENTS.get(sale.state)


def reason_view(code: int) -> dict[str, str]:
    """Return a reason's name and the cashier's texts."""
    row = texts(code)
    return {"code": reasons.name(code), "sv": row.cashier_sv, "en": row.cashier_en}


def alarm_view(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm for a person."""
    return {
        "key": alarm.key,
        "kind": alarm.kind,
        "sale_id": alarm.sale_id or None,
        "approval_id": alarm.approval_id.hex() or None,
        "amount": alarm.amount or None,
        "currency": LETTERS.get(alarm.currency),
        "till": alarm.till or None,
        "receiver_id": alarm.receiver_id.hex() or None,
        "at": alarm.at / 1000,
        "detail": alarm.detail,
    }


def hello_view(hello: ReceiverHello) -> dict[str, Any]:
    """Return what a receiver reports about itself."""
    return {
        "receiver_id": hello.receiver_id.hex(),
        "board": hello.board,
        "interpreter": hello.interpreter,
        "version": hello.interpreter_version,
        "firmware": hello.firmware,
        "firmware_hash": hello.firmware_hash.hex(),
        "reset_cause": hello.reset_cause,
    }


def phone_view(event: int, reason: int) -> dict[str, Any]:
    """Return a phone's event (`wire.PHONE_*`), and why it left where it gave a reason."""
    return {"what": _PHONE_EVENTS[event], "reason": reasons.name(reason) if reason else None}


def health_view(health: ReceiverHealth) -> dict[str, Any]:
    """Return a receiver's health."""
    counters = {reasons.name(code): n for code, n in health.counters.items()}
    return {**health._asdict(), "counters": counters}


def receiver_view(status: ReceiverStatus) -> dict[str, Any]:
    """Return the till API's answer about a receiver."""
    refusals = {reasons.name(code): n for code, n in status.refusals.items()}
    return {
        "till": status.till,
        "url": status.url,
        "up": status.up,
        "hello": hello_view(status.hello) if status.hello else None,
        "health": health_view(status.health) if status.health else None,
        "line": dict(status.line),
        "counters": dict(sorted(refusals.items())),
    }


def event_view(event: Event) -> dict[str, Any]:
    """Return an event for watchers."""
    name: str
    body: dict[str, Any]
    match event:
        case SaleChanged(cursor=cursor, what=what, sale=sale):
            name, body = "sale", {"cursor": cursor, "what": what, "sale": sale_view(sale)}
        case ReceiverChanged(hello=hello):
            up = {"up": True, "hello": hello_view(hello)} if hello else {"up": False}
            name, body = "receiver", up
        case PhoneMoved(link=link, event=what, reason=reason):
            name, body = "phone", {"link": link, **phone_view(what, reason)}
        case Refused(reason=reason):
            name, body = "refusal", {"reason": reasons.name(reason)}
        case SaleTimed(sale_id=sale_id, steps=steps):
            name, body = "timing", {"sale_id": sale_id, "stamps": dict(steps)}
        case _:
            assert_never(event)
    return {"event": name, "from": event.source, "at": event.at, "till": event.till, **body}


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
