"""The till API's answers, made from sales, receivers and events."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, assert_never

import msgspec
from aiohttp import web
from msgspec import UNSET
from msgspec.structs import asdict, replace

from bridge.domain.events import PhoneMoved, ReceiverChanged, Refused, SaleChanged, SaleTimed
from bridge.domain.phones import Phone
from bridge.domain.receiver_status import RESET_CAUSES
from bridge.domain.states import WAITING, State
from receiver import reasons
from receiver.host.currencies import LETTERS
from receiver.host.display import DISPLAYS
from receiver.host.texts import PHONES, texts
from receiver.link import wire
from receiver.protocol import messages

from .models import (
    AlarmView,
    DisplayView,
    EventView,
    Health,
    Hello,
    Outcome,
    PhoneEvent,
    PhoneView,
    Reason,
    Receiver,
    ReceiverEvent,
    Refund,
    RefusalEvent,
    SaleEvent,
    SaleView,
    TimingEvent,
    UpdateView,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.books.books import Books
    from bridge.contracts import Answer
    from bridge.domain.alarms import Alarm
    from bridge.domain.events import Event
    from bridge.domain.receiver_status import ReceiverHealth, ReceiverStatus, UpdateProgress
    from bridge.domain.sale import Sale
    from receiver.link.wire import ReceiverHello

_PHONE_EVENTS = {
    wire.PHONE_NEAR: "near",
    wire.PHONE_SHOWN: "shown",
    wire.PHONE_LEFT: "left",
    wire.PHONE_REFUSED: "refused",
    wire.PHONE_GONE: "gone",
}
# A refund needs no decision of the till afterwards: an approved one will be posted.
REFUND_STATES = {
    State.APPROVED: "pending",
    State.TILL_NOTIFIED: "pending",  # found at the authority after this journal was lost
    State.PAID: "pending",
    State.REFUNDING: "pending",
    State.POSTED: "refunded",
    State.LIABILITY: "declined",
}
SETTLEMENTS = {
    State.PAID: "owed",
    State.POSTED: "posted",
    State.LIABILITY: "liability",
}


def answer(document: Answer, status: int = 200) -> web.Response:
    """Return a response with this document."""
    body = msgspec.json.encode(document)
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


def shown_view(books: Books, sale: Sale) -> SaleView | Refund:
    """Return the part of a sale that the till may see now."""
    return held_view(sale, books.commits.reason) if books.is_held(sale) else sale_view(sale)


def held_view(sale: Sale, reason: int) -> SaleView | Refund:
    """Return the same while some of it is unwritten, for this reason: a crash must not undo it."""
    why = reason_view(reason, refund=sale.is_refund)
    view = replace(
        sale_view(sale),
        state=State.UNKNOWN,
        reason=why,
        display=DisplayView(why.sv, why.en),
        transaction_id=None,
        receipt=None,
    )
    if isinstance(view, SaleView):
        return replace(view, provisional_receipt=None, settlement=None)
    return view


def sale_view(sale: Sale) -> SaleView | Refund:
    """Return the till API's answer about a sale or a refund."""
    return _refund_view(sale) if sale.is_refund else _purchase_view(sale)


def _purchase_view(sale: Sale) -> SaleView:
    shown = sale.shown
    return SaleView(
        **asdict(_outcome(sale, shown, shown)),
        sale_id=sale.terms.sale_id,
        state=shown,
        offline=sale.mode == messages.OFFLINE,
        provisional_receipt=_base64url(sale.provisional) or None,
        settlement=_settlement(sale),
    )


def _refund_view(sale: Sale) -> Refund:
    terms, shown = sale.terms, sale.shown
    state = REFUND_STATES.get(sale.state, shown)
    return Refund(
        **asdict(_outcome(sale, shown, state)),
        refund_id=terms.sale_id,
        state=state,
        sale_id=terms.original_sale or None,
        original_transaction_id=terms.original.hex() or None,
    )


def _outcome(sale: Sale, shown: State, state: str) -> Outcome:
    """Return the shared members; `state` is the name in the answer, another for some refunds."""
    terms, refund = sale.terms, sale.terms.kind == messages.REFUND
    phone = phone_view(sale.phone) if shown in WAITING else None  # a buyer is awaited
    reason = reason_view(sale.reason, refund=refund) if sale.reason else None
    said = reason or phone or DISPLAYS[refund, state]
    # Before this a receipt is half an answer; after a reversal it is out of date.
    told = sale.answered and shown is not State.CANCELLED
    return Outcome(
        amount=terms.amount,
        currency=LETTERS[terms.currency],
        till=terms.till,
        reference=terms.note or None,
        match_code=sale.match_code,
        phone=phone,
        reason=reason,
        display=DisplayView(said.sv, said.en),
        approval_id=sale.approval_id.hex() or None,
        transaction_id=sale.transaction_id.hex() or None if told else None,
        receipt=_base64url(sale.receipt) or None if told else None,
    )


def _settlement(sale: Sale) -> str | None:
    """Return its state at the authority."""
    if sale.owed:
        return "reversing"
    if sale.refunded_in_full:
        return "refunded"
    if sale.state is State.CANCELLED and sale.reversals:
        return "reversed"
    return SETTLEMENTS.get(sale.state)


def reason_view(code: int, *, refund: bool = False) -> Reason:
    """Return a reason's name and the cashier's texts."""
    row = texts(code, refund=refund)
    return Reason(code=reasons.name(code), sv=row.cashier_sv, en=row.cashier_en)


def phone_view(phone: Phone) -> PhoneView | None:
    """Return what a buyer's phone does, with the cashier's texts; None where none is near."""
    if phone is Phone.NONE:
        return None
    code = phone.name.lower()
    return PhoneView(code, *PHONES[code])


def alarm_view(alarm: Alarm) -> AlarmView:
    """Return an alarm for a person."""
    return AlarmView(
        key=alarm.key,
        kind=alarm.kind,
        sale_id=alarm.sale_id or None,
        approval_id=alarm.approval_id.hex() or None,
        amount=alarm.amount or None,
        currency=LETTERS.get(alarm.currency),
        till=alarm.till or None,
        receiver_id=alarm.receiver_id.hex() or None,
        at=alarm.at / 1000,
        detail=alarm.detail,
    )


def hello_view(hello: ReceiverHello) -> Hello:
    """Return what a receiver reports about itself."""
    return Hello(
        receiver_id=hello.receiver_id.hex(),
        board=hello.board,
        interpreter=hello.interpreter,
        version=hello.interpreter_version,
        firmware=hello.firmware,
        firmware_hash=hello.firmware_hash.hex(),
        reset_cause=RESET_CAUSES[hello.reset_cause],
        crashes=hello.crashes,
        fault=reason_view(hello.fault) if hello.fault else None,
    )


def health_view(health: ReceiverHealth) -> Health:
    """Return a receiver's health."""
    return Health(
        uptime_s=health.uptime_s,
        free_bytes=health.free_bytes,
        links=health.links,
        counters=_by_name(health.counters),
        fault=reason_view(health.fault) if health.fault else None,
        dropped=health.dropped,
    )


def update_view(update: UpdateProgress) -> UpdateView:
    """Return the till API's answer about the update of a receiver."""
    outcome, reason = update.outcome or None, update.reason
    return UpdateView(*update[:6], outcome=outcome, reason=reasons.name(reason) if reason else None)


def receiver_view(status: ReceiverStatus) -> Receiver:
    """Return the till API's answer about a receiver."""
    return Receiver(
        till=status.till,
        url=status.url,
        up=status.up,
        hello=hello_view(status.hello) if status.hello else None,
        health=health_view(status.health) if status.health else None,
        release=status.release,
        update=update_view(status.update) if status.update else None,
        update_waits=status.update_waits,
        phone=phone_view(status.phone),
        line=dict(status.line),
        counters=dict(sorted(_by_name(status.refusals).items())),
    )


def event_view(event: Event) -> EventView:
    """Return an event for watchers."""
    source, at, till = event.source, event.at, event.till
    match event:
        case SaleChanged(cursor=cursor, what=what, sale=sale):
            view = sale_view(sale)
            return SaleEvent("sale", source, at, till, cursor, what=what, sale=view)
        case ReceiverChanged(hello=hello):
            said = hello_view(hello) if hello else UNSET
            return ReceiverEvent("receiver", source, at, till, up=bool(hello), hello=said)
        case PhoneMoved(link=link, event=act, reason=reason, furthest=furthest):
            what, why = _PHONE_EVENTS[act], reasons.name(reason) if reason else None
            near = phone_view(furthest)
            return PhoneEvent(
                "phone", source, at, till, link=link, what=what, reason=why, phone=near
            )
        case Refused(reason=reason):
            return RefusalEvent("refusal", source, at, till, reason=reasons.name(reason))
        case SaleTimed(sale_id=sale_id, steps=steps):
            stamps = dict(steps)
            return TimingEvent("timing", source, at, till, sale_id=sale_id, stamps=stamps)
    assert_never(event)


def _by_name(counters: Mapping[int, int]) -> dict[str, int]:
    """Return counters of reasons by their names."""
    return {reasons.name(code): count for code, count in counters.items()}


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
