"""One receiver, the sale at its till, and every decision about it: inputs in, effects out, no I/O.

Times are monotonic milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from receiver import reasons
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import identifiers

from . import effects, inputs
from .approval_attempt import NO_APPROVAL, ApprovalAttempt
from .authorisation_result import AuthorisationResult
from .earlier_sessions import EarlierSessions, SeenApprovals
from .effects import Effects
from .events import BRIDGE, RECEIVER, TILL
from .phones import Phone, Phones
from .sale import Fact, Sale
from .states import ASKING, AT_THE_TILL, UNASKED, UNVERIFIED, WAITING, Event, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from .effects import Effect
    from .inputs import Input
    from .offline import StandIn

TELL_MS = 15_000  # for the till to fetch an approval; waiting tills poll all the time

_ENDS = (wire.PHONE_LEFT, wire.PHONE_REFUSED, wire.PHONE_GONE)


class Controller:
    """One receiver's conversation with the bridge, and at most one active sale."""

    def __init__(self, stand_in: StandIn, clock_wrong: Callable[[], bool] = lambda: False) -> None:
        """`clock_wrong` returns whether `at` is far from the authority's time."""
        self.sale: Sale | None = None
        self.due: int | None = None  # when `TimeElapsed` must come
        self._effects = Effects()
        self._attempt: ApprovalAttempt | None = None
        self._patience_due = 0
        self._earlier = EarlierSessions(self._effects)
        self._result = AuthorisationResult(self._effects, self._earlier, stand_in, clock_wrong)
        self._clock_wrong = clock_wrong
        self._seen = SeenApprovals()
        self._phones = Phones()

    @property
    def phone(self) -> Phone:
        """Return what the phone that is furthest at this receiver does."""
        return self._phones.furthest

    def handle(self, event: Input, now: int) -> list[Effect]:
        """Return the effects of one input; raises IllegalMoveError if the caller broke its rule."""
        found: list[Effect] = []
        self._effects.found = found
        match event:
            case inputs.MessageReceived():
                self._received(event, now)
            case (
                inputs.OfferChecked()
                | inputs.CredentialChecked()
                | inputs.ApprovalChecked()
                | inputs.ReceiptChecked()
                | inputs.ProvisionalChecked()
            ):
                self._checked(event, now)
            case inputs.AuthorityAnswered() | inputs.AuthorityTimedOut() | inputs.RecordRejected():
                sale = self._asking(event.approval_id)
                if sale is not None:
                    self._result.take(sale, event)
            case inputs.Ring(terms, refusal):
                self._ring(Sale(terms), refusal, now)
            case inputs.Decide(fact):
                self._decide(fact)
            case inputs.TillNotified():
                if self.sale is not None and self.sale.state is State.APPROVED:
                    self._effects.persist(self.sale, Fact(Event.TILL_NOTIFIED), BRIDGE)
            case inputs.LinkDown():
                self._effects.synced = False
                self._lose_phones()
            case inputs.JournalWritten():
                self._written(now)
            case inputs.TimeElapsed():
                self._expire(now)
            case _:
                assert_never(event)
        self._tidy(now)
        self.due = self._next_due()
        return found

    def _next_due(self) -> int | None:
        if self.sale is None:
            return None
        if self._attempt and self.sale.state in UNVERIFIED:
            return min(self._attempt.verdict_due, self._patience_due)
        return self._patience_due

    # The till.

    def _ring(self, sale: Sale, refusal: int, now: int) -> None:
        self.sale = sale
        self._show_phones()
        self._effects.begin(sale, TILL)
        if refusal:
            self._effects.persist(sale, Fact(Event.DECLINED, refusal), BRIDGE)
        else:
            self._start_patience(sale, now)

    def _decide(self, fact: Fact) -> None:
        sale, what = self.sale, fact.event
        if sale is None:
            return
        if what is Event.DECLINED:  # the authority's decline is passed on as without a decision
            self._result.give_up(sale)
            return
        self._effects.decide(sale, fact, TILL)
        if what is not Event.PAID:
            self._effects.cancel(sale)

    def _start_patience(self, sale: Sale, now: int) -> None:
        self._patience_due = now + sale.terms.patience_s * 1000
        self._order_offer(sale, now)

    def _order_offer(self, sale: Sale, now: int) -> None:
        self._end_attempt()
        self._effects.order(sale.terms, self._patience_due - now)

    def _expire(self, now: int) -> None:
        sale = self.sale
        if sale is not None and now >= self._patience_due:
            self._lose_patience(sale)
        elif self._attempt and self._attempt.expire(now):
            self._spoken()

    def _lose_patience(self, sale: Sale) -> None:
        if sale.state not in UNASKED:
            self._result.give_up(sale)
            return
        here = self._effects.synced and sale.offer
        reason = reasons.NOBODY_CAME if here else reasons.RECEIVER_OFFLINE
        if self._attempt and self._attempt.untimely and self._clock_wrong():
            reason = reasons.CLOCK_WRONG  # a buyer came and was refused because of it
        self._finish(sale, Fact(Event.CANCELLED, reason), BRIDGE)

    # The receiver.

    def _received(self, event: inputs.MessageReceived, now: int) -> None:
        try:
            self._take(wire.decode(event.channel, event.payload), event, now)
        except Error as error:
            self._effects.refuse(error.code, error.detail)
        self._effects.put(effects.Acknowledge())

    def _take(self, message: Any, event: inputs.MessageReceived, now: int) -> None:
        """Handle one decoded message from the receiver; raises Error."""
        match event.channel:
            case wire.SYNC:
                self._sync(message, now, event.at)
            case wire.OFFER:
                self._offer(message, event.at)
            case wire.PHONE:
                self._phone(message)
            case wire.CREDENTIAL:
                attempt = self._attempt_of(identifiers.session_id(message.offer))
                attempt.credential(message, event.at)
            case wire.APPROVAL:
                self._approval(message, now, event.at)
            case wire.VERDICT:
                self._verdict(message)
            case wire.PROVISIONAL:
                self._result.provisional(message)
            case _:
                raise Error(reasons.WRONG_TYPE, f"channel {event.channel} from a receiver")

    def _sync(self, message: wire.Opened, now: int, at: int) -> None:
        """Continue the session of a receiver that is back, or replace it by ours."""
        self._effects.synced = True
        sale, attempt = self.sale, self._attempt
        if attempt and message.offer == attempt.offered.data:
            return
        ours = self._is_ours(message)
        if message.offer and not ours:
            self._earlier.dismiss(message)
        if attempt and attempt.restart():
            self._spoken()
        again = attempt and attempt.session == self._earlier.over  # the next is ordered anyway
        if sale is None or sale.state not in WAITING or again:
            return
        if ours:
            self._effects.put(effects.CheckOffer(sale.terms, message.offer, at))
        else:
            self._order_offer(sale, now)

    def _offer(self, message: wire.Opened, at: int) -> None:
        sale, attempt = self.sale, self._attempt
        if sale is None or message.reference != sale.terms.reference:
            self._earlier.dismiss(message)
        elif attempt and message.offer == attempt.offered.data:
            return
        elif sale.state not in WAITING or self._earlier.is_over_for(message.offer):
            raise Error(reasons.WRONG_ORDER, f"offer while {sale.state}")
        elif not message.offer:
            reason = message.reason or reasons.RECEIVER_UNTRUSTED
            self._effects.refuse(reason, "no offer")
            self._finish(sale, Fact(Event.DECLINED, reason), RECEIVER)
        else:
            self._effects.put(effects.CheckOffer(sale.terms, message.offer, at))

    def _is_ours(self, message: wire.Opened) -> bool:
        """Whether a receiver's session belongs to the current sale and is not decided yet."""
        if self.sale is None or not message.offer:
            return False
        ours = message.reference == self.sale.terms.reference
        return ours and not self._earlier.is_over_for(message.offer)

    def _phone(self, message: wire.Phone) -> None:
        ours = self._attempt is not None and message.session == self._attempt.session
        self._phones.moved(message.link, message.event, ours=ours)
        self._report_phone(message.event, message.link, message.reason)
        refused = message.event == wire.PHONE_REFUSED
        if refused and not self._seen.echoes(message.session, message.link):
            self._effects.refuse(message.reason, "by the receiver")
        if ours and message.event in _ENDS:
            self._attempt_of(message.session).phone(message)

    def _report_phone(self, event: int, link: int, reason: int) -> None:
        self._show_phones()
        self._effects.put(effects.ReportPhone(event, link, reason, self.phone))

    def _show_phones(self) -> None:
        if self.sale is not None:
            self.sale.phone = self._phones.furthest

    def _lose_phones(self) -> None:
        for link in self._phones.lose():
            self._report_phone(wire.PHONE_GONE, link, reasons.RECEIVER_OFFLINE)

    def _approval(self, message: wire.ApprovalRecord, now: int, at: int) -> None:
        if message.session == self._earlier.over:
            self._earlier.tell_again()
            return
        try:
            attempt = self._attempt_of(message.session)
        except Error as error:
            reason = self._seen.name(message.data, error.code)
            self._effects.verdict(message.session, NO_APPROVAL, reason)
            raise Error(reason, error.detail) from error
        attempt.approval(message, now, at)

    def _verdict(self, message: wire.Verdict) -> None:
        ours = self._attempt and self._attempt.session == message.session
        if not ours and self._earlier.knows(message.session):
            self._earlier.late(message)
            return
        if self._attempt_of(message.session).verdict(message):
            self._spoken()

    def _attempt_of(self, session_id: bytes) -> ApprovalAttempt:
        """Return the attempt of this session; raises Error(WRONG_SESSION)."""
        attempt = self._attempt
        if attempt is None or attempt.session != session_id:
            raise Error(reasons.WRONG_SESSION, session_id.hex())
        return attempt

    # Answers to checks.

    def _checked(self, answer: inputs.Checked, now: int) -> None:
        match answer:
            case inputs.OfferChecked():
                self._offer_checked(answer, now)
            case inputs.CredentialChecked():
                if self._attempt:
                    if not isinstance(answer.found, Error):
                        self._phones.typing(answer.record.link)
                        self._show_phones()
                    self._attempt.credential_checked(answer)
            case inputs.ApprovalChecked():
                if self._attempt:
                    self._attempt.approval_checked(answer, now)
            case inputs.ReceiptChecked():
                sale = self._asking(answer.approval_id)
                if sale is not None:
                    self._result.receipt_checked(sale, answer)
            case inputs.ProvisionalChecked():
                self._result.provisional_checked(answer)
            case _:
                assert_never(answer)

    def _offer_checked(self, answer: inputs.OfferChecked, now: int) -> None:
        sale, found = self.sale, answer.found
        if sale is None:
            return
        if not isinstance(found, Error):
            self._attempt = ApprovalAttempt(self._effects, self._seen, sale, found, now)
            self._effects.persist(sale, Fact(Event.OFFERED, offer=answer.data), RECEIVER)
            return
        self._effects.refuse(found.code, found.detail)
        reason = found.code
        if reason == reasons.CERTIFICATE_EXPIRED:
            reason = reasons.CLOCK_WRONG if self._clock_wrong() else reason
        else:  # the offer is false
            reason = reasons.RECEIVER_UNTRUSTED
            self._effects.refuse(reason, "offer")
        self._finish(sale, Fact(Event.DECLINED, reason, evidence=answer.data), BRIDGE)

    def _asking(self, approval_id: bytes) -> Sale | None:
        """Return the sale if the authority is asked about this approval."""
        sale = self.sale
        asked = sale and sale.state in ASKING and sale.approval_id == approval_id
        return sale if asked else None

    # The journal.

    def _written(self, now: int) -> None:
        """Restart the waits for verdict and till: during the stall neither could be answered."""
        if self._attempt:
            self._attempt.await_anew(now)
        if self.sale is not None and self.sale.state is State.APPROVED:
            self._patience_due = now + TELL_MS

    # Ends.

    def _spoken(self) -> None:
        """Pass the answer on: the receiver's verdict is there, or no longer awaited."""
        if self.sale is not None:
            self._result.pass_on(self.sale)

    def _finish(self, sale: Sale, fact: Fact, source: str) -> None:
        """End the sale by `fact`, and the receiver's session with it."""
        self._effects.persist(sale, fact, source)
        self._effects.cancel(sale)

    def _tidy(self, now: int) -> None:
        """Drop what has ended; order the next offer of a sale that continues after its answer."""
        sale, attempt = self.sale, self._attempt
        if sale is not None and sale.state not in AT_THE_TILL:
            self._end_attempt()
            self.sale = None
        elif sale is not None and attempt and sale.state is State.APPROVED:
            self._end_attempt(attempt.link)
            self._patience_due = now + TELL_MS
        elif sale is not None and attempt and attempt.session == self._earlier.over:
            self._start_patience(sale, now)

    def _end_attempt(self, paid: int | None = None) -> None:
        """End the attempt; `paid` is the link of the phone that has paid."""
        if self._attempt:
            self._earlier.end(self._attempt.session)
            furthest = self._phones.restart(paid)
            if self.sale is not None:
                self.sale.phone = furthest
        self._attempt = None
