"""Go on after a lost link: the same exchange, nothing typed twice.

See docs/protocol.md, "A lost link".

The buyer's acts on a lost link wait until it is back, so that nothing is signed for a receiver
that is gone. After an approval the authority is asked beside: whichever answer comes first counts.
"""

from __future__ import annotations

from receiver import reasons, statemachine
from receiver.errors import Error
from receiver.protocol import exchange, gatt

from . import events, states
from .events import Ask, Reconnect, Write
from .progress import VisitProgress

# A loss in these states is worth coming back for.
_RESUMABLE = tuple(state for state, row in states.TABLE.items() if states.LOST in row)
_KEYED = (states.SHOWING, states.PRESENTED, states.APPROVED)


class Resuming(VisitProgress):
    """The part of a conversation that deals with its link."""

    _acts: list[events.Act]  # of the buyer, for when the link is back
    _reread: events.Read  # what the link that came back offers
    _anew: int  # how often the exchange began anew

    def _forget_loss(self) -> None:
        """Begin with what no loss has touched: at the start, and with each offer."""
        self._acts, self._reread, self._anew = [], events.Read(b"", b""), 0

    # The link.

    def certificate(self, offer: bytes) -> bytes | None:
        """Return what need not be read of the receiver that shows this offer; None if it must be.

        After an approval the offer is withdrawn, and nothing is verified under its certificate.
        """
        return b"" if self.state == states.APPROVED else self._wallet.certificate(offer)

    def _gone(self, event: events.Gone) -> None:
        if event.again and self.state in _RESUMABLE:
            self._lost()
        else:
            self._given_up()

    def _lost(self) -> None:
        """Seek the receiver again; after an approval ask the authority beside."""
        self._step(states.LOST, keep=True)
        approved = self.state == states.APPROVED
        patience = min(states.RETURN_MS, self._ask_ms) if approved else states.RETURN_MS
        news = self.link.lose(self._now, patience)
        self._out = [effect for effect in self._out if not isinstance(effect, Write)]
        if news:
            self._tell("link_lost", state=self.state)
        self._seek()
        if news and approved:
            self._again, self._pause = None, states.ASK_FIRST_MS
            self._out.append(Ask(self._sent.approval_id))

    def _seek(self) -> None:
        if self.link.connects(self._now):
            self._out.append(Reconnect())

    def _given_up(self) -> None:
        """Let the link go for good."""
        if self.state == states.APPROVED:
            self._doubt(states.GONE, "link lost")
        elif states.TABLE[self.state].get(states.GONE) == self.state:  # nothing hangs on a link
            self._step(states.GONE, keep=True)
        else:
            self._end(states.GONE, events.LOST, reasons.LINK_TIMEOUT, retry=True)

    def _link_due(self) -> None:
        """Do what the time asks of a lost link."""
        if self.link.until is not None and self.link.until <= self._now:
            self._given_up()
        elif self.link.stalls(self._now):
            self._lost()
        else:
            self._seek()

    def _unreached(self, _event: events.Unreached) -> None:
        self.link.handle(states.UNREACHED, self._now)

    def _connected_again(self, event: events.Connected) -> None:
        self.link.handle(states.CONNECTED, self._now)
        if event.mtu < gatt.MTU_LEAST:
            self._lost()

    # What the receiver holds.

    def _read_again(self, event: events.Read) -> None:
        """Claim the exchange that began on the lost link; without one take what is offered."""
        statemachine.step(states.LINK_TABLE, self.link.state, states.REREAD)
        self._reread = event
        message = self._maker.resume() if self.state in _KEYED else None
        if message is None:
            self.link.handle(states.REREAD, self._now)
            self._back(exchange.NOTHING)
        else:
            self.link.handle(states.CLAIMED, self._now)
            self._write([message])

    def _resumed(self, last: int) -> None:
        """Take the receiver's word on the claim: all of an exchange is sealed, but for this."""
        self.link.handle(states.BACK, self._now)
        self._back(last)

    def _back(self, last: int) -> None:
        lost_ms = self._now - self.link.since
        self._tell("resumed", held=last, lost_ms=lost_ms, attempts=self.link.attempts)
        if last != exchange.NOTHING:
            self._go_on(last)
        elif self.state == states.APPROVED:
            self._doubt(states.GONE, "the receiver holds nothing of it")
        else:
            self._look_anew()
        acts, self._acts = self._acts, []
        for act in acts:
            self.handle(act, self._now)

    def _go_on(self, last: int) -> None:
        """Write again, in the same bytes, what was lost with the link."""
        sent = self.state in (states.PRESENTED, states.APPROVED)
        if sent and last < exchange.CREDENTIAL:
            self._write(self._presenting)
        if self.state == states.APPROVED:
            self._again = self._now + states.RESEND_MS
            if last < exchange.APPROVAL:
                self._write([self._sent.message])

    def _look_anew(self) -> None:
        """Take what the receiver offers now: the same offer, another, or none."""
        certificate, offer = self._reread
        try:
            self._till.trust(certificate, self._seconds())
        except Error as error:
            self._unfit(error)
            return
        self._wallet.know(certificate)
        if offer and self._till.offers(offer):
            if self.state in _KEYED:
                self._begin_anew()
        elif offer:
            self._take_offer(offer, states.NOTIFIED)
        elif self.state not in (states.WAITING, states.DECLINED):
            self._given_up()

    def _begin_anew(self) -> None:
        """Begin again with a fresh key, and a fresh credential; the buyer sees nothing of it."""
        self._anew += 1
        if self._anew > states.ANEW_MOST:
            self._given_up()
            return
        self._step(states.ANEW, keep=True)
        try:
            self._write(self._maker.show(self._till.offered))
            if self.state == states.PRESENTED:
                self._present()
        except Error as error:
            self._unfit(error)

    def _present(self) -> None:
        """Show a credential that no till has seen; raises Error without one."""
        presented = self._maker.begin(self._till.offered, self._recipient, self._seconds())
        self._credential, self._presenting = presented
        self._write(self._presenting)

    # The buyer.

    def _waits(self, act: events.Act) -> bool:
        """Keep an act of the buyer until the link is back; return whether it is kept."""
        if self.link.is_sought and len(self._acts) < states.HELD_MOST:
            self._acts.append(act)
        return self.link.is_sought

    # The rest of the conversation.

    def handle(self, event: events.Input, now: int) -> None:
        raise NotImplementedError

    def _take_offer(self, data: bytes, event: str) -> None:
        raise NotImplementedError
