"""The phone's side of an exchange, from connection to result, as one machine (design §3.2-§3.4).

Events of `events` go in through `handle`, effects come out of `poll` in order, and `states`
has the table. Times are monotonic milliseconds. Without a statement that the authority signed, a
sent approval leads to UNKNOWN, never to a decline.
"""

from __future__ import annotations

from collections.abc import Callable

from receiver import reasons, statemachine
from receiver.errors import Error
from receiver.host.texts import MENDABLE
from receiver.protocol import exchange, gatt, messages, padding
from receiver.protocol.messages import Provisional
from simulator.phone.wallet.settlement import Settled, by_receipt, settle
from simulator.phone.wallet.wallet import Pending, Wallet

from . import events, states
from .events import Ask, Effect, HangUp, Input, Outcome, Show, Tell, Write
from .messages import Maker
from .offered_till import OfferedTill

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
_COMMANDS = (bytes([exchange.KEY]), bytes([exchange.CREDENTIAL]))  # everything else with response


class Conversation:
    """One visit at one till. `epoch` is the wall clock (s) at monotonic zero."""

    def __init__(
        self, wallet: Wallet, maker: Maker, epoch: int, *, ask_ms: int = states.ASK_MS
    ) -> None:
        self.state = states.SCANNING
        self.outcome: Outcome | None = None
        self.certificate = wallet.certificate  # what `Read` needs no reading for, by offer
        self._wallet = wallet
        self._maker = maker
        self._epoch = epoch
        self._ask_ms = ask_ms
        self._now = 0
        self._out: list[Effect] = []
        self._limit: int | None = None  # when this state ends
        self._again: int | None = None  # when to resend, or to ask again
        self._pause = states.ASK_FIRST_MS
        self._till = OfferedTill(wallet.pins)
        self._early = b""  # the offer that was notified before the reads were done
        self._attempt = 0
        self._credential = b""
        self._approval: Pending | None = None
        self._declined: Outcome | None = None  # while the buyer may correct it

    def handle(self, event: Input, now: int) -> None:
        """Handle one event; one that does not fit is reported and changes nothing."""
        self._now = now
        try:
            _HANDLERS[type(event)](self, event)
        except Error as error:
            self._tell("ignored", event=type(event).__name__, **_why(error))

    def poll(self) -> Effect | None:
        """Return the next effect (an output of `events`), or None."""
        return self._out.pop(0) if self._out else None

    def deadline(self) -> int | None:
        times = [time for time in (self._limit, self._again) if time is not None]
        return min(times) if times else None

    def expire(self, now: int) -> None:
        self._now = now
        if self._limit is not None and self._limit <= now:
            self._late()
        elif self._again is not None and self._again <= now:
            self._repeat()

    # The till.

    def _connected(self, event: events.Connected) -> None:
        self._step(states.CONNECTED, states.READ_MS)
        if event.mtu < gatt.MTU_LEAST:
            self._unfit(Error(reasons.SMALL_MTU, f"MTU {event.mtu}"))

    def _read(self, event: events.Read) -> None:
        """Send nothing to a receiver before its certificate is verified."""
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
        elif not self._till.offers(event.data):
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
        if self.state == states.ASKING:
            self._show(events.ASKED)
        else:
            self._open()

    def _notified(self, event: events.Notified) -> None:
        kind, size = event.data[:1], len(event.data) - 1
        if kind == bytes([exchange.RESULT]) and size == padding.RESULT_SEALED:
            self._result(event.data[1:])
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
            self._tell("result_untrusted", **_why(error))
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

    def _gone(self, event: events.Gone) -> None:
        if self.state == states.APPROVED:
            self._doubt(states.GONE, "link lost")
        elif self.state in (*_ASKING_THE_AUTHORITY, states.DONE):
            self._step(states.GONE, keep=True)
        else:
            self._end(states.GONE, events.LOST, reasons.LINK_TIMEOUT, retry=True)

    # The buyer. Input for a screen that has changed meanwhile is not in the table.

    def _look(self, event: events.Look) -> None:
        self._step(states.LOOK, keep=True)
        self._open()

    def _first_digit(self, event: events.FirstDigit) -> None:
        self._step(states.DIGIT, keep=True)
        try:
            presented = self._maker.begin(self._till.offered, event.recipient, self._seconds())
        except Error as error:
            self._unfit(error)
            return
        self._credential = presented.credential
        self._write(presented.writes)

    def _code(self, event: events.Code) -> None:
        self._step(states.CODE, states.RESULT_MS)
        signed = self._maker.complete(
            self._till.offered, self._credential, event.code, self._seconds()
        )
        self._approval, self._declined = signed.pending, None
        self._again = self._now + states.RESEND_MS
        self._write(signed.writes)

    def _say_no(self, event: events.SayNo) -> None:
        self._require(states.LEAVE)
        self._write([bytes([exchange.LEAVE, event.why])])
        self._end(states.LEAVE, events.LEFT, reasons.BUYER_SAID_NO)

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
            self._tell("result_untrusted", **_why(error))
        if settled is None and event.state == events.UNSEEN and self.state == states.PASSED_OVER:
            # Not final, and this sale stays barred; but the till's next sale is another.
            self._end(states.KNOWN, events.UNKNOWN, reasons.BUSY, retry=True)
        elif settled is None:
            self._again = self._now + self._pause
            self._pause = min(2 * self._pause, states.ASK_MOST_MS)
        else:
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
        if self.state == states.APPROVED:
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

    def _show(self, kind: str, reason: int = reasons.OK) -> None:
        view = self._till.view(kind, self._attempt, reason)
        if view is not None:
            self._out.append(Show(view))

    def _doubt(self, event: str, why: str) -> None:
        """Let go of the till and ask the authority: no trusted answer came."""
        self._step(event, self._ask_ms)
        self._tell("unknown", approval_id=self._sent.approval_id.hex(), why=why)
        self._ask()

    def _ask(self) -> None:
        self._out.append(HangUp())
        self._out.append(Ask(self._sent.approval_id))

    def _unfit(self, error: Error) -> None:
        self._tell("unfit", **_why(error))
        self._end(states.UNFIT, events.REFUSED, error.code)

    def _finish(self, event: str, outcome: Outcome) -> None:
        self._step(event)
        self.outcome = outcome
        self._out.append(HangUp())

    def _end(self, event: str, result: str, reason: int, *, retry: bool = False) -> None:
        """Finish without a statement of the authority, unless it declined before."""
        view = self._till.view(events.SHOWN, self._attempt)
        approval_id = self._approval.approval_id if self._approval else b""
        outcome = self._declined or Outcome(result, reason, view, approval_id)
        self._finish(event, outcome._replace(retry=retry))

    def _ended(self, settled: Settled, *, retry: bool = False) -> Outcome:
        view = self._till.view(events.SHOWN, self._attempt)
        approval_id = self._sent.approval_id
        return Outcome(settled.result, settled.reason, view, approval_id, settled.receipt, retry)

    def _step(self, event: str, lasts: int | None = None, *, keep: bool = False) -> None:
        """Change the state, for `lasts` ms at most; `keep` keeps the earlier limit."""
        self.state = statemachine.step(states.TABLE, self.state, event)
        if not keep:
            self._limit = None if lasts is None else self._now + lasts
            self._again = None

    def _require(self, event: str) -> None:
        statemachine.step(states.TABLE, self.state, event)

    @property
    def _sent(self) -> Pending:
        if self._approval is None:
            raise ValueError("no approval was sent")
        return self._approval

    def _seconds(self) -> int:
        return self._epoch + self._now // 1000

    def _write(self, messages: list[bytes]) -> None:
        self._out += [Write(data, data[:1] not in _COMMANDS) for data in messages]

    def _tell(self, name: str, **details: object) -> None:
        self._out.append(Tell(name, details))


def _why(error: Error) -> dict[str, str]:
    return {"why": reasons.name(error.code), "detail": error.detail}


_HANDLERS: dict[type, Callable[..., None]] = {
    events.Connected: Conversation._connected,
    events.Read: Conversation._read,
    events.OfferNotified: Conversation._offer_notified,
    events.Notified: Conversation._notified,
    events.Gone: Conversation._gone,
    events.Look: Conversation._look,
    events.FirstDigit: Conversation._first_digit,
    events.Code: Conversation._code,
    events.SayNo: Conversation._say_no,
    events.Answered: Conversation._answered,
}
