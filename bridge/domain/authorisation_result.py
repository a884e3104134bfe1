"""The authority's answer about the current approval: passed on once the verdict is there, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from receiver import reasons
from receiver.errors import Error
from receiver.host.texts import MENDABLE
from receiver.protocol import identifiers, messages

from . import effects
from .events import AUTHORITY, BRIDGE, RECEIVER
from .inputs import AuthorityAnswered, AuthorityTimedOut, RecordRejected
from .sale import Fact
from .states import TABLE, UNVERIFIED, Event, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.link import wire

    from .earlier_sessions import EarlierSessions
    from .effects import Effects
    from .inputs import Heard, ProvisionalChecked, ReceiptChecked
    from .offline import StandIn
    from .sale import Sale


class AuthorisationResult:
    """One rule for both answers, so that an answer's time does not reveal which it is."""

    def __init__(
        self,
        effects: Effects,
        earlier: EarlierSessions,
        stand_in: StandIn,
        clock_wrong: Callable[[], bool],
    ) -> None:
        self._effects = effects
        self._earlier = earlier
        self._stand_in = stand_in
        self._clock_wrong = clock_wrong
        self._offline: Sale | None = None  # the last sale accepted offline

    def take(self, sale: Sale, event: Heard) -> None:
        """Handle the result of the request about the approval of `sale`."""
        match event:
            case AuthorityAnswered(approval_id, data):
                self._effects.put(effects.CheckReceipt(sale.terms, approval_id, data))
            case AuthorityTimedOut():
                self._timed_out(sale)
            case RecordRejected(reason=reason):
                self._rejected(sale, reason)
            case _:
                assert_never(event)

    def receipt_checked(self, sale: Sale, answer: ReceiptChecked) -> None:
        """Handle the authority's receipt; an invalid one counts as no answer."""
        found = answer.found
        if isinstance(found, Error):
            self._effects.refuse(found.code, "receipt: " + found.detail)
            self._timed_out(sale)
        elif found.outcome == messages.APPROVED:
            transaction_id = found.transaction_id
            fact = Fact(Event.AUTHORISED, receipt=answer.data, transaction_id=transaction_id)
            self._effects.persist(sale, fact, AUTHORITY)
            self.pass_on(sale)
        else:
            self._deny(sale, found.reason, answer.data)

    def pass_on(self, sale: Sale) -> None:
        """Pass on the authority's answer: the wait for the receiver's verdict is over."""
        if sale.state in (State.APPROVED, State.TILL_NOTIFIED):
            self._earlier.report(sale, sale.receipt)
            self._settle_refund(sale)
        elif sale.state is State.DECLINED_AWAITING_RECEIVER:
            self._decline(sale, sale.withheld)

    def give_up(self, sale: Sale) -> None:
        """End the till's wait: a decline stands, anything else is reversed.

        Except an approval that may be accepted offline (design §5 rule 4).
        """
        if sale.state is State.DECLINED_AWAITING_RECEIVER:
            self._decline(sale, sale.withheld, mends=False)
        elif not self._stands_in(sale):
            self._take_back(sale)

    def provisional(self, message: wire.ProvisionalRecord) -> None:
        """Have the provisional receipt of an offline acceptance checked; raises Error."""
        sale = self._offline
        if sale is None or identifiers.session_id(sale.offer) != message.session:
            raise Error(reasons.WRONG_SESSION, message.session.hex())
        check = effects.CheckProvisional(sale.terms, sale.approval_id, message.receipt)
        self._effects.put(check)

    def provisional_checked(self, answer: ProvisionalChecked) -> None:
        sale, found = self._offline, answer.found
        if isinstance(found, Error):
            self._effects.refuse(found.code, found.detail)
        elif sale and Event.PROVISIONAL_RECEIPT in TABLE[sale.state] and not sale.provisional:
            self._effects.persist(
                sale, Fact(Event.PROVISIONAL_RECEIPT, provisional=answer.data), RECEIVER
            )

    def _take_back(self, sale: Sale) -> None:
        reason = _GIVEN_UP.get(sale.state, reasons.REVERSED)
        if sale.state in _UNHEARD and self._clock_wrong():
            reason = reasons.CLOCK_WRONG  # TLS fails with it, or the authority books nothing
        self._effects.owe(sale, Event.REVERSAL_OWED, reason)
        self._effects.cancel(sale)

    def _stands_in(self, sale: Sale) -> bool:
        if sale.state not in _UNHEARD:
            return False
        accepted = self._stand_in.accepts(sale)
        if accepted is None:
            return False
        fact = Fact(Event.ACCEPTED_OFFLINE, reasons.ACCEPTED_OFFLINE, record=accepted.record)
        self._effects.persist(sale, fact, BRIDGE)
        self._effects.put(effects.StopAuthorisation())
        self._earlier.stand_in(sale, accepted.at)
        self._offline = sale
        return True

    def _settle_refund(self, sale: Sale) -> None:
        """Mark a refund as paid: the till decided it when it ordered the refund."""
        if sale.is_refund:
            self._effects.decide(sale, Fact(Event.PAID), BRIDGE)

    def _timed_out(self, sale: Sale) -> None:
        fact = Fact(Event.AUTHORITY_TIMEOUT, reasons.AUTHORITY_UNREACHABLE)
        self._effects.persist(sale, fact, BRIDGE)

    def _rejected(self, sale: Sale, reason: int) -> None:
        self._effects.refuse(reason, "record rejected")
        if sale.state in (State.AUTHORISATION_SENT, State.AUTHORISING):
            self._deny(sale, reason, b"")
        else:  # an earlier request may be booked: the rejection of this one proves nothing
            self._take_back(sale)

    def _deny(self, sale: Sale, reason: int, receipt: bytes) -> None:
        if sale.state in UNVERIFIED:
            fact = Fact(Event.DECLINED_AWAITING_RECEIVER, reason, receipt=receipt)
            self._effects.persist(sale, fact, AUTHORITY)
        else:
            self._decline(sale, reason, receipt)

    def _decline(self, sale: Sale, reason: int, news: bytes = b"", *, mends: bool = True) -> None:
        """Pass a decline on; `news` is its receipt if the journal does not have it yet."""
        receipt = news or sale.receipt
        again = mends and reason in MENDABLE and sale.mended < messages.NEW_OFFERS_MOST
        fact = Fact(Event.MENDABLE, reason) if receipt and again else sale.denied(reason, news)
        self._effects.decide(sale, fact, AUTHORITY)
        if receipt:
            self._earlier.report(sale, receipt)
        else:  # the record was rejected
            self._effects.cancel(sale)


_UNHEARD = (State.AUTHORISING, State.UNKNOWN)  # the receiver agrees, the authority is awaited

# The reason of a reversal at the end of the till's patience.
_GIVEN_UP = {
    State.AUTHORISED_AWAITING_RECEIVER: reasons.VERDICT_TIMEOUT,
    State.APPROVED: reasons.NOT_TOLD,
}
