"""The desk: one receiver, the sale at its till, and every decision about it, without I/O.

Inputs and outputs are the values of `ports`; times are monotonic milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from receiver import reasons
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import identifiers

from . import ports
from .approval_attempt import NO_APPROVAL, Hearing
from .authorisation_result import Answers
from .earlier_sessions import Past, Seen
from .recorder import Pen
from .sale import Fact, Sale
from .states import ASKING, UNASKED, WAITING, Event, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from .offline import StandIn
    from .ports import Input, Output
    from .verification import Evidence

TELL_MS = 15_000  # for the till to fetch a yes; tills that wait ask all the time

_ENDS = (wire.PHONE_LEFT, wire.PHONE_REFUSED, wire.PHONE_GONE)


class Desk:
    """One receiver's conversation with the bridge, and at most one active sale."""

    def __init__(
        self,
        evidence: Evidence,
        stand_in: StandIn,
        watched: Callable[[], bool],
        clock_wrong: Callable[[], bool] = lambda: False,
    ) -> None:
        """`watched`: see `Pen`; `clock_wrong`: whether `at` is far from the authority's time."""
        self.sale: Sale | None = None
        self._evidence = evidence
        self._pen = Pen(watched)
        self._hearing: Hearing | None = None
        self._patience_due = 0
        self._past = Past(self._pen)
        self._answers = Answers(self._pen, evidence, self._past, stand_in, clock_wrong)
        self._clock_wrong = clock_wrong
        self._seen = Seen()

    def handle(self, event: Input, now: int) -> None:
        """Take one input; raises IllegalMoveError where the caller broke its own rule."""
        _INPUTS[type(event)](self, event, now)
        self._tidy(now)

    def poll(self) -> Output | None:
        """The next thing to do, in order, or None."""
        return self._pen.poll()

    def deadline(self) -> int | None:
        if self.sale is None:
            return None
        due = self._hearing.deadline() if self._hearing else None
        return self._patience_due if due is None else min(due, self._patience_due)

    def expire(self, now: int) -> None:
        sale = self.sale
        if sale is not None and now >= self._patience_due:
            self._lose_patience(sale)
        elif self._hearing and self._hearing.expire(now):
            self._spoken()
        self._tidy(now)

    # The till.

    def _ring(self, event: ports.Ring, now: int) -> None:
        self.sale = sale = Sale(event.terms)
        self._pen.put(ports.Begin(sale))
        self._start_patience(sale, now)

    def _decide(self, event: ports.Decide, now: int) -> None:
        sale, what = self.sale, event.fact.event
        if sale is None:
            return
        if what is Event.DENIED:  # the authority's no goes out as it does by itself
            self._answers.give_up(sale)
            return
        self._pen.decide(sale, event.fact, ports.TILL)
        if what is not Event.PAID:
            self._pen.cancel(sale)

    def _told(self, event: ports.Told, now: int) -> None:
        if self.sale is not None and self.sale.state is State.APPROVED:
            self._pen.keep(self.sale, Fact(Event.TOLD), ports.BRIDGE)

    def _start_patience(self, sale: Sale, now: int) -> None:
        self._patience_due = now + sale.terms.patience_s * 1000
        self._order_offer(sale, now)

    def _order_offer(self, sale: Sale, now: int) -> None:
        self._forget_hearing()
        self._pen.order(sale.terms, self._patience_due - now)

    def _lose_patience(self, sale: Sale) -> None:
        if sale.state not in UNASKED:
            self._answers.give_up(sale)
            return
        here = self._pen.synced and sale.offer
        reason = reasons.NOBODY_CAME if here else reasons.RECEIVER_OFFLINE
        if self._hearing and self._hearing.untimely and self._clock_wrong():
            reason = reasons.CLOCK_WRONG  # they came, and were turned away for it
        self._finish(sale, Fact(Event.ENDED, reason), ports.BRIDGE)

    # The receiver.

    def _down(self, event: ports.LinkDown, now: int) -> None:
        self._pen.synced = False

    def _received(self, event: ports.Received, now: int) -> None:
        self._pen.begin()
        try:
            message = wire.decode(event.channel, event.payload)
            take = _MESSAGES.get(event.channel)
            if take is None:
                raise Error(reasons.WRONG_TYPE, f"channel {event.channel} from a receiver")
            take(self, message, now, event.at)
        except Error as error:
            self._pen.refuse(error.code, error.detail)
        self._pen.accept()

    def _synced(self, message: wire.Opened, now: int, at: int) -> None:
        """The receiver is back: its session goes on, or gives way to ours."""
        self._pen.synced = True
        sale, hearing = self.sale, self._hearing
        if hearing and message.offer == hearing.offered.data:
            return
        ours = self._is_ours(message)
        if message.offer and not ours:
            self._past.dismiss(message)
        if hearing and hearing.restart():
            self._spoken()
        again = hearing and self._past.settled(hearing.session)  # the next is ordered anyway
        if sale is None or sale.state not in WAITING or again:
            return
        if ours:
            self._judge_offer(sale, message.offer, now, at)
        else:
            self._order_offer(sale, now)

    def _offer(self, message: wire.Opened, now: int, at: int) -> None:
        sale, hearing = self.sale, self._hearing
        if sale is None or message.reference != sale.terms.reference:
            self._past.dismiss(message)
        elif hearing and message.offer == hearing.offered.data:
            return
        elif sale.state not in WAITING or self._past.settled_offer(message.offer):
            raise Error(reasons.WRONG_ORDER, f"offer while {sale.state}")
        elif not message.offer:
            reason = message.reason or reasons.RECEIVER_UNTRUSTED
            self._pen.refuse(reason, "no offer")
            self._finish(sale, Fact(Event.DENIED, reason), ports.RECEIVER)
        else:
            self._judge_offer(sale, message.offer, now, at)

    def _is_ours(self, message: wire.Opened) -> bool:
        """Whether a receiver's session belongs to the sale at hand and is not settled yet."""
        if self.sale is None or not message.offer:
            return False
        ours = message.reference == self.sale.terms.reference
        return ours and not self._past.settled_offer(message.offer)

    def _judge_offer(self, sale: Sale, data: bytes, now: int, at: int) -> None:
        try:
            offered = self._evidence.offer(sale.terms, data, at)
        except Error as error:
            self._pen.refuse(error.code, error.detail)
            reason = error.code
            if reason == reasons.CERTIFICATE_EXPIRED:
                reason = reasons.CLOCK_WRONG if self._clock_wrong() else reason
            else:  # a lie
                reason = reasons.RECEIVER_UNTRUSTED
                self._pen.refuse(reason, "offer")
            self._finish(sale, Fact(Event.DENIED, reason, evidence=data), ports.BRIDGE)
            return
        self._hearing = Hearing(self._pen, self._evidence, self._seen, sale, offered, now)
        self._pen.keep(sale, Fact(Event.OFFERED, offer=data), ports.RECEIVER)

    def _phone(self, message: wire.Phone, now: int, at: int) -> None:
        self._pen.put(ports.Phone(message.event, message.link, message.reason))
        ours = self._hearing and message.session == self._hearing.session
        refused = message.event == wire.PHONE_REFUSED
        if refused and not self._seen.echoes(message.session, message.link):
            self._pen.refuse(message.reason, "by the receiver")
        if ours and message.event in _ENDS:
            self._heard(message.session).phone(message)

    def _credential(self, message: wire.CredentialRecord, now: int, at: int) -> None:
        self._heard(identifiers.session_id(message.offer)).credential(message, at)

    def _approval(self, message: wire.ApprovalRecord, now: int, at: int) -> None:
        if self._past.settled(message.session):
            self._past.tell_again()
            return
        try:
            hearing = self._heard(message.session)
        except Error as error:
            reason = self._seen.name(message.data, error.code)
            self._pen.verdict(message.session, NO_APPROVAL, reason)
            raise Error(reason, error.detail) from error
        hearing.approval(message, now, at)

    def _verdict(self, message: wire.Verdict, now: int, at: int) -> None:
        heard = self._hearing and self._hearing.session == message.session
        if not heard and self._past.knows(message.session):
            self._past.late(message)
            return
        if self._heard(message.session).verdict(message):
            self._spoken()

    def _proved(self, message: wire.Provisional, now: int, at: int) -> None:
        self._answers.proved(message)

    def _heard(self, session_id: bytes) -> Hearing:
        """The hearing of this session; raises Error(WRONG_SESSION)."""
        hearing = self._hearing
        if hearing is None or hearing.session != session_id:
            raise Error(reasons.WRONG_SESSION, session_id.hex())
        return hearing

    # The journal.

    def _written(self, event: ports.Written, now: int) -> None:
        """Receiver and till could not speak meanwhile: the time for their word begins anew."""
        if self._hearing:
            self._hearing.await_anew(now)
        if self.sale is not None and self.sale.state is State.APPROVED:
            self._patience_due = now + TELL_MS

    # The authority.

    def _said(self, event: ports.Answered | ports.Unanswered | ports.Rejected, now: int) -> None:
        sale = self.sale
        if sale and sale.state in ASKING and sale.approval_id == event.approval_id:
            self._answers.take(sale, event)

    # Ends.

    def _spoken(self) -> None:
        """The receiver's word is there, or nobody waits for it any longer."""
        if self.sale is not None:
            self._answers.pass_on(self.sale)

    def _finish(self, sale: Sale, fact: Fact, source: str) -> None:
        """The sale ends by `fact`, and the receiver's session with it."""
        self._pen.keep(sale, fact, source)
        self._pen.cancel(sale)

    def _tidy(self, now: int) -> None:
        """What is over leaves the desk; a sale that goes on after its answer has its next offer."""
        sale, hearing = self.sale, self._hearing
        if sale is not None and not sale.occupies_till:
            self._forget_hearing()
            self.sale = None
        elif sale is not None and hearing and sale.state is State.APPROVED:
            self._forget_hearing()
            self._patience_due = now + TELL_MS
        elif sale is not None and hearing and self._past.settled(hearing.session):
            self._start_patience(sale, now)

    def _forget_hearing(self) -> None:
        if self._hearing:
            self._past.end(self._hearing.session)
        self._hearing = None


_INPUTS: dict[type, Any] = {
    ports.Ring: Desk._ring,
    ports.Decide: Desk._decide,
    ports.Told: Desk._told,
    ports.Received: Desk._received,
    ports.LinkDown: Desk._down,
    ports.Written: Desk._written,
    ports.Answered: Desk._said,
    ports.Unanswered: Desk._said,
    ports.Rejected: Desk._said,
}
_MESSAGES: dict[int, Any] = {
    wire.SYNC: Desk._synced,
    wire.OFFER: Desk._offer,
    wire.PHONE: Desk._phone,
    wire.CREDENTIAL: Desk._credential,
    wire.APPROVAL: Desk._approval,
    wire.VERDICT: Desk._verdict,
    wire.PROVISIONAL: Desk._proved,
}
