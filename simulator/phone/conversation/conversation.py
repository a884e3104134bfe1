"""The phone's side of an exchange, from connection to result, as one machine (design §3.2-§3.4).

Events of `events` go in through `handle`, effects come out of `poll` in order, and `states`
has the table. Times are monotonic milliseconds. Without a statement that the authority signed, a
sent approval leads to UNKNOWN, never to a decline.
"""

from __future__ import annotations

from collections.abc import Callable

from receiver import reasons
from receiver.errors import Error
from receiver.host.texts import MENDABLE
from receiver.protocol import exchange, gatt, messages, padding
from receiver.protocol.messages import Provisional
from simulator.phone.wallet.settlement import by_receipt, settle
from simulator.phone.wallet.wallet import Wallet

from . import events, states
from .events import Ask, Effect, Input
from .messages import Maker
from .progress import why
from .resuming import Resuming

# The outcome that each refusal code shows to the buyer.
_REFUSALS = {
    exchange.RETRY: reasons.LINK_TIMEOUT,
    exchange.BUSY: reasons.BUSY,
    exchange.EXPIRED: reasons.OFFER_EXPIRED,
    exchange.OLD_APP: reasons.OLD_APP,
    exchange.REFUSED: reasons.WRONG_SESSION,
}
_WORTH_ANOTHER_VISIT = (reasons.LINK_TIMEOUT, reasons.BUSY)
# In these states a plain refusal is ignored.
_HAS_SEALED = (states.PRESENTED, states.APPROVED, states.DECLINED)
_REFUSED_AFTERWARDS = (states.TURNED_AWAY, states.PASSED_OVER)
_ASKING_THE_AUTHORITY = (states.ACCEPTED, states.UNKNOWN, *_REFUSED_AFTERWARDS)


class Conversation(Resuming):
    """One visit at one till, through lost links. `epoch`: the wall clock (s) at monotonic zero."""

    def __init__(
        self, wallet: Wallet, maker: Maker, epoch: int, *, ask_ms: int = states.ASK_MS
    ) -> None:
        super().__init__(wallet, maker, epoch, ask_ms=ask_ms)
        self._early = b""  # the offer that was notified before the reads were done
        self._forget_loss()

    def handle(self, event: Input, now: int) -> None:
        """Handle one event; one that does not fit is reported and changes nothing."""
        self._now = now
        try:
            _HANDLERS[type(event)](self, event)
        except Error as error:
            self._tell("ignored", event=type(event).__name__, **why(error))

    def poll(self) -> Effect | None:
        """Return the next effect (an output of `events`), or None."""
        return self._out.pop(0) if self._out else None

    def deadline(self) -> int | None:
        due = (self._limit, self._again, self.link.deadline())
        times = [time for time in due if time is not None]
        return min(times) if times else None

    def expire(self, now: int) -> None:
        self._now = now
        if self._limit is not None and self._limit <= now:
            self._late()
            return
        due = self.link.deadline()
        if due is not None and due <= now:
            self._link_due()
        if self._again is not None and self._again <= now:
            self._repeat()

    # The till.

    def _connected(self, event: events.Connected) -> None:
        if self.link.is_sought:
            self._connected_again(event)
            return
        self._step(states.CONNECTED, states.READ_MS)
        self.link.handle(states.CONNECTED, self._now)
        if event.mtu < gatt.MTU_LEAST:
            self._unfit(Error(reasons.SMALL_MTU, f"MTU {event.mtu}"))

    def _read(self, event: events.Read) -> None:
        """Send nothing to a receiver before its certificate is verified."""
        if self.link.is_sought:
            self._read_again(event)
            return
        self._require(states.CHECKED_IN)
        try:
            holder = self._till.trust(event.certificate, self._seconds())
        except Error as error:
            self._unfit(error)
            return
        self._wallet.know(event.certificate)
        offer = self._early or event.offer
        if offer and offer == event.offer:
            self._take_offer(offer, states.OFFER)
            return
        self._step(states.CHECKED_IN, gatt.CHECK_IN_MS)
        self._tell("checked_in", store=holder.store_name)
        if offer:
            self._take_offer(offer, states.NOTIFIED)

    def _offer_notified(self, event: events.OfferNotified) -> None:
        self._require(states.NOTIFIED)
        if self.state == states.READING:
            self._step(states.NOTIFIED, keep=True)
            self._early = event.data
            return
        if self.link.is_sought:
            self._reread = self._reread._replace(offer=event.data)
        # An empty one: it was withdrawn, and what that means for this phone is told by itself.
        if event.data and not self._till.offers(event.data):
            self._take_offer(event.data, states.NOTIFIED)

    def _take_offer(self, data: bytes, event: str) -> None:
        """Show an offer, or ask first; one that follows a mendable decline is shown at once."""
        try:
            offered = self._till.check(data)
            reference = offered.offer.reference
            if offered.offer.kind == messages.REFUND and reference not in self._wallet.pending:
                self._wallet.original(offered.offer)
        except Error as error:
            self._unfit(error)
            return
        if reference in self._wallet.pending:
            self._approval = self._wallet.pending[reference]
            self._doubt(states.DOUBT, "approved before")
            return
        if not self._till.sells(reference):
            self._declined = None
        elif self._declined:
            event = states.OFFER
        self._step(event, offered.offer.ttl * 1000)
        self._till.take(offered)
        self._approval = None
        self._acts, self._anew = [], 0
        if self.state == states.ASKING:
            self._show(events.ASKED)
        else:
            self._open()

    def _notified(self, event: events.Notified) -> None:
        kind, size = event.data[:1], len(event.data) - 1
        if kind == bytes([exchange.RESULT]) and size == padding.RESULT_SEALED:
            self._result(event.data[1:])
        elif kind == bytes([exchange.RESUMED]) and size == 1:
            self._resumed(event.data[1])
        elif kind == bytes([exchange.REFUSAL]) and size in (1, padding.REFUSAL_SEALED):
            self._refusal(event.data[1:])
        else:
            raise Error(reasons.WRONG_TYPE, "a notification of an unknown type")

    def _result(self, body: bytes) -> None:
        self._require(states.PAID)
        try:
            data = self._maker.result(body)
            word = self._till.provisional(data)
            if word is not None:
                self._accepted(word)
                return
            receipt = self._wallet.check_receipt(self._sent, data)
        except Error as error:
            self._tell("result_untrusted", **why(error))
            self._doubt(states.UNTRUSTED, reasons.name(error.code))
            return
        approved = receipt.outcome == messages.APPROVED
        self._wallet.settle(self._sent, receipt if approved else None)
        outcome = self._ended(by_receipt(receipt))
        if outcome.result == events.APPROVED:
            self._finish(states.PAID, outcome)
        elif outcome.reason in MENDABLE and self._attempt <= messages.NEW_OFFERS_MOST:
            self._step(states.MENDABLE, states.MEND_MS)
            self._declined = outcome
            self._show(events.DECLINED, outcome.reason)
        else:
            self._finish(states.FINAL, outcome)

    def _accepted(self, word: Provisional) -> None:
        """Accept provisionally: the goods may be handed over, and the authority decides the end."""
        self._approval = self._wallet.accept(self._sent, word)
        self._step(states.PROVISIONAL, min(states.ACCEPTED_MS, self._ask_ms))
        approval_id, reason = self._sent.approval_id.hex(), reasons.ACCEPTED_OFFLINE
        self._tell("provisional", approval_id=approval_id, reason=reason)
        self._ask()

    def _refusal(self, body: bytes) -> None:
        """Accept a plain refusal only before the key was used: the holder of the key seals."""
        self._require(states.REFUSED)
        if len(body) == 1 and self.state in _HAS_SEALED:
            raise Error(reasons.BAD_SEAL, "a plain refusal")
        code = body[0] if len(body) == 1 else self._maker.refusal(body)
        reason = _REFUSALS.get(code, reasons.WRONG_SESSION)
        self._tell("refusal", code=code)
        if self.state == states.APPROVED:
            event = states.BUSY if reason == reasons.BUSY else states.REFUSED
            self._doubt(event, reasons.name(reason))
        else:
            again = reason in _WORTH_ANOTHER_VISIT
            self._end(states.REFUSED, events.REFUSED, reason, retry=again)

    # The buyer. Input for a screen that has changed meanwhile is not in the table.

    def _look(self, event: events.Look) -> None:
        if not self._waits(event):
            self._step(states.LOOK, keep=True)
            self._open()

    def _first_digit(self, event: events.FirstDigit) -> None:
        if self._waits(event):
            return
        self._step(states.DIGIT, keep=True)
        self._recipient = event.recipient
        try:
            self._present()
        except Error as error:
            self._unfit(error)

    def _code(self, event: events.Code) -> None:
        if self._waits(event):
            return
        self._step(states.CODE, states.RESULT_MS)
        signed = self._maker.complete(
            self._till.offered, self._credential, event.code, self._seconds()
        )
        self._approval, self._declined = signed.pending, None
        self._again = self._now + states.RESEND_MS
        self._write(signed.writes)

    def _say_no(self, event: events.SayNo) -> None:
        self._require(states.LEAVE)
        if self.link.is_up:
            self._write([bytes([exchange.LEAVE, event.why])])
        self._end(states.LEAVE, events.LEFT, exchange.LEAVES[event.why])

    # The authority.

    def _answered(self, event: events.Answered) -> None:
        self._require(states.KNOWN)
        if event.approval_id != self._sent.approval_id:
            raise Error(reasons.WRONG_SESSION, "an answer about another approval")
        settled = None
        refused = self.state in _REFUSED_AFTERWARDS
        try:
            settled = settle(self._wallet, self._sent, event, self._seconds(), refused=refused)
        except Error as error:
            self._tell("result_untrusted", **why(error))
        if settled is None and event.state == events.UNSEEN and self.state == states.PASSED_OVER:
            # Not final, and this sale stays barred; but the till's next sale is another.
            self._end(states.KNOWN, events.UNKNOWN, reasons.BUSY, retry=True)
        elif settled is None and not self.link.is_up:
            self._again = self._now + self._pause
            self._pause = min(2 * self._pause, states.ASK_MOST_MS)
        elif settled is not None:
            retry = settled.reason in MENDABLE and not self._sent.accepted
            self._finish(states.KNOWN, self._ended(settled, retry=retry))

    # Time.

    def _late(self) -> None:
        if self.state == states.APPROVED:
            self._doubt(states.LATE, "no answer")
        elif self.state in _ASKING_THE_AUTHORITY and self._sent.accepted:
            self._end(states.LATE, events.ACCEPTED, reasons.ACCEPTED_OFFLINE)
        elif self.state in _ASKING_THE_AUTHORITY:
            self._end(states.LATE, events.UNKNOWN, reasons.AUTHORITY_UNREACHABLE)
        elif self.state in (states.ASKING, states.SHOWING, states.PRESENTED):
            self._end(states.LATE, events.REFUSED, reasons.OFFER_EXPIRED)
        else:
            again = self.state == states.READING
            self._end(states.LATE, events.REFUSED, reasons.LINK_TIMEOUT, retry=again)

    def _repeat(self) -> None:
        """Send the identical bytes again, or repeat the question to the authority."""
        if self.link.is_up:
            self._again = self._now + states.RESEND_MS
            self._write([self._sent.message])
        else:
            self._again = None
            self._out.append(Ask(self._sent.approval_id))

    # Consequences.

    def _open(self) -> None:
        self._attempt += 1
        try:
            self._write(self._maker.show(self._till.offered))
        except Error as error:
            self._unfit(error)
            return
        self._show(events.SHOWN, self._declined.reason if self._declined else reasons.OK)


_HANDLERS: dict[type, Callable[..., None]] = {
    events.Connected: Conversation._connected,
    events.Read: Conversation._read,
    events.OfferNotified: Conversation._offer_notified,
    events.Notified: Conversation._notified,
    events.Gone: Conversation._gone,
    events.Unreached: Conversation._unreached,
    events.Look: Conversation._look,
    events.FirstDigit: Conversation._first_digit,
    events.Code: Conversation._code,
    events.SayNo: Conversation._say_no,
    events.Answered: Conversation._answered,
}
