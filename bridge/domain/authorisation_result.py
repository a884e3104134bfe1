"""The authority's word on the approval at hand: it goes out when the receiver's is there, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from receiver import reasons
from receiver.errors import Error
from receiver.host.texts import MENDABLE
from receiver.protocol import identifiers, messages

from . import ports
from .sale import Fact
from .states import TABLE, UNVERIFIED, Event, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.link import wire

    from .earlier_sessions import Past
    from .offline import StandIn
    from .recorder import Pen
    from .sale import Sale
    from .verification import Evidence


class Answers:
    """One rule for yes and no, so that nobody learns from the time of an answer which it is."""

    def __init__(
        self,
        pen: Pen,
        evidence: Evidence,
        past: Past,
        stand_in: StandIn,
        clock_wrong: Callable[[], bool],
    ) -> None:
        self._pen = pen
        self._evidence = evidence
        self._past = past
        self._stand_in = stand_in
        self._clock_wrong = clock_wrong
        self._offline: Sale | None = None  # the last that was accepted so

    def take(self, sale: Sale, event: ports.Answered | ports.Unanswered | ports.Rejected) -> None:
        """What came of asking about the approval of `sale`."""
        _TAKES[type(event)](self, sale, event)

    def pass_on(self, sale: Sale) -> None:
        """The wait for the receiver's word is over: what the authority said goes out."""
        if sale.state in (State.APPROVED, State.TOLD):
            self._past.settle(sale, sale.receipt)
            self._settle_refund(sale)
        elif sale.state is State.WITHHELD:
            self._decline(sale, sale.withheld)

    def give_up(self, sale: Sale) -> None:
        """The till waits no longer: a no that is there stands, all else is reversed.

        But for what may be accepted offline (design §5 rule 4).
        """
        if sale.state is State.WITHHELD:
            self._decline(sale, sale.withheld, mends=False)
        elif not self._stands_in(sale):
            self._take_back(sale)

    def proved(self, message: wire.Provisional) -> None:
        """The receiver's provisional receipt for what was accepted offline; raises Error."""
        sale = self._offline
        if sale is None or identifiers.session_id(sale.offer) != message.session:
            raise Error(reasons.WRONG_SESSION, message.session.hex())
        self._evidence.provisional(sale.terms, sale.approval_id, message.receipt)
        if Event.PROVED in TABLE[sale.state] and not sale.provisional:
            fact = Fact(Event.PROVED, provisional=message.receipt)
            self._pen.keep(sale, fact, ports.RECEIVER)

    def _take_back(self, sale: Sale) -> None:
        reason = _GIVEN_UP.get(sale.state, reasons.REVERSED)
        if sale.state in _UNHEARD and self._clock_wrong():
            reason = reasons.CLOCK_WRONG  # TLS fails with it, or nothing is booked
        self._pen.owe(sale, Event.OWED, reason)
        self._pen.cancel(sale)

    def _stands_in(self, sale: Sale) -> bool:
        if sale.state not in _UNHEARD:
            return False
        accepted = self._stand_in.accepts(sale)
        if accepted is None:
            return False
        fact = Fact(Event.STOOD_IN, reasons.ACCEPTED_OFFLINE, record=accepted.record)
        self._pen.keep(sale, fact, ports.BRIDGE)
        self._pen.put(ports.Hush(sale))
        self._past.stand_in(sale, accepted.at)
        self._offline = sale
        return True

    def _settle_refund(self, sale: Sale) -> None:
        """A refund was decided when the till asked for it."""
        if sale.is_refund:
            self._pen.decide(sale, Fact(Event.PAID), ports.BRIDGE)

    def _answered(self, sale: Sale, event: ports.Answered) -> None:
        try:
            receipt = self._evidence.receipt(sale.terms, event.approval_id, event.data)
        except Error as error:  # what proves nothing is no answer
            self._pen.refuse(error.code, "receipt: " + error.detail)
            self._unanswered(sale, event)
            return
        if receipt.outcome == messages.APPROVED:
            fact = Fact(Event.GRANTED, receipt=event.data, transaction_id=receipt.transaction_id)
            self._pen.keep(sale, fact, ports.AUTHORITY)
            self.pass_on(sale)
        else:
            self._deny(sale, receipt.reason, event.data)

    def _unanswered(self, sale: Sale, event: Any) -> None:
        fact = Fact(Event.UNANSWERED, reasons.AUTHORITY_UNREACHABLE)
        self._pen.keep(sale, fact, ports.BRIDGE)

    def _rejected(self, sale: Sale, event: ports.Rejected) -> None:
        self._pen.refuse(event.reason, "record rejected")
        if sale.state in (State.ASKED, State.AUTHORISING):
            self._deny(sale, event.reason, b"")
        else:  # an earlier try may have been booked: a rejection of this one proves nothing
            self._take_back(sale)

    def _deny(self, sale: Sale, reason: int, receipt: bytes) -> None:
        if sale.state in UNVERIFIED:
            fact = Fact(Event.WITHHELD, reason, receipt=receipt)
            self._pen.keep(sale, fact, ports.AUTHORITY)
        else:
            self._decline(sale, reason, receipt)

    def _decline(self, sale: Sale, reason: int, news: bytes = b"", *, mends: bool = True) -> None:
        """Pass a no on; `news` is its receipt where the journal does not have it yet."""
        receipt = news or sale.receipt
        again = mends and reason in MENDABLE and sale.mended < messages.NEW_OFFERS_MOST
        fact = Fact(Event.MENDABLE, reason) if receipt and again else sale.denied(reason, news)
        self._pen.decide(sale, fact, ports.AUTHORITY)
        if receipt:
            self._past.settle(sale, receipt)
        else:  # the record was rejected
            self._pen.cancel(sale)


_UNHEARD = (State.AUTHORISING, State.UNKNOWN)  # the receiver agrees, the authority is awaited

# Why the money goes back at the end of the till's patience.
_GIVEN_UP = {
    State.GRANTED: reasons.VERDICT_TIMEOUT,
    State.APPROVED: reasons.NOT_TOLD,
}

_TAKES: dict[type, Any] = {
    ports.Answered: Answers._answered,
    ports.Unanswered: Answers._unanswered,
    ports.Rejected: Answers._rejected,
}
