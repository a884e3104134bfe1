"""The receiver: phones on the radio, one sale, and the bridge behind the wire, as one machine.

Events of `ports` go in through `handle`, long work is done one piece at a time by `work`, and what
is to be done comes out of `poll` in order. All is decided here, without I/O and without a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import air, checks, layout, ports, reasons, session, signed, wire
from . import peer as peers
from . import sale as sales
from .errors import Error
from .report import Report
from .sale import Sale

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .identity import Identity
    from .messages import Certificate, Credential
    from .peer import Peer
    from .sale import Candidate

SEQUENCE_SIZE = 4
NO_APPROVAL = bytes(signed.ID_SIZE)  # in a verdict on an approval that the bridge could not read

_RADIO = (ports.Connected, ports.Disconnected, ports.MtuAgreed, ports.Written)


class Receiver:
    """One receiver from boot to reset. Times in milliseconds, never wrapping."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.sale = Sale()
        self._out: list[Any] = []
        self.air = air.Air(self.sale, self._out)
        self.report = Report(self.sale, self.air.links, self._out)
        self._next: tuple[Certificate, bytes] | None = None
        if identity.problem is not None:
            self.report.count(identity.problem.code, identity.problem.detail)
        self._out.append(ports.ShowCertificate(identity.certificate_data))
        self.air.advertise()

    def handle(self, event: Any, now: int) -> None:
        """Take one event of `ports`; raises nothing, whatever its bytes are."""
        if isinstance(event, _RADIO):
            self.air.handle(event, now)
        elif isinstance(event, ports.WireUp):
            self._greet(event.hello)
        else:
            self._obey(event, now)
        self._settle(now)

    def poll(self) -> Any:
        """The next thing to do (an output of `ports`), or None."""
        return self._out.pop(0) if self._out else None

    def deadline(self) -> int | None:
        times = [t for t in (self.air.deadline(), self.sale.deadline()) if t is not None]
        return min(times) if times else None

    def expire(self, now: int) -> None:
        self.air.expire(now)
        due = self.sale.deadline()
        if due is not None and due <= now:
            self._lapse(now)
        self._settle(now)

    def busy(self) -> bool:
        """Whether `work` has anything to do."""
        return self.sale.state == sales.CHECKING or self._unchecked() is not None

    def work(self, now: int) -> None:
        """Do the most urgent piece of long work: an approval before a credential."""
        candidate = self.sale.candidate
        if self.sale.state == sales.CHECKING and candidate is not None:
            self._judge(candidate, now)
        else:
            peer = self._unchecked()
            if peer is not None:
                self._examine(peer, now)
        self._settle(now)

    def health(self, now: int, free: int) -> None:
        """Emit a health message; `free` is the heap left in bytes."""
        self.report.health(now, free)

    def _lapse(self, now: int) -> None:
        """The session's own deadline: phones that have sent a key get a little more time."""
        keyed = self.air.keyed()
        if self.sale.state == sales.OPEN and keyed:
            self.sale.handle(sales.ENDED, now)
            self.air.withdraw(reasons.OFFER_EXPIRED, now, keyed)
        elif self.sale.state in (sales.OPEN, sales.ENDING):
            self.report.count(reasons.OFFER_EXPIRED, "nobody approved")
            self.sale.handle(sales.EXPIRED, now)
            self.air.withdraw(reasons.OFFER_EXPIRED, now)
        else:
            self.sale.handle(sales.GIVEN_UP, now)

    def _settle(self, now: int) -> None:
        """After every step: tell what the radio told, and show what is true now."""
        self._hear(now)
        self._renew()
        self.air.advertise()

    # Long work.

    def _unchecked(self) -> Peer | None:
        for peer in self.air.links:
            if peer.state == peers.PRESENTED and peer.credential is None:
                return peer
        return None

    def _examine(self, peer: Peer, now: int) -> None:
        try:
            peer.credential = self.identity.check_credential(peer.credential_data, now)
        except Error as error:
            self.air.refuse(peer.link, error.code, now, error.detail)
            return
        self.report.credential(peer.link, peer.credential_data)

    def _judge(self, candidate: Candidate, now: int) -> None:
        try:
            approved = self._check(candidate, now)
        except Error as error:
            self.sale.refuse_candidate(sales.FAILED, now)
            self.air.refuse_candidate(candidate, error.code, now, error.detail)
            return
        self.sale.handle(sales.PASSED, now)
        self.sale.approval_id = approved.id
        self.sale.waiting = []
        self.air.withdraw(reasons.BUSY, now, (candidate.link,))
        self.report.approval(candidate)

    def _check(self, candidate: Candidate, now: int) -> checks.Approved:
        offered = self.sale.offered
        if offered is None:
            raise Error(reasons.WITHDRAWN, "no offer")
        return checks.approval(
            self.identity.crypto,
            offered,
            candidate.credential_data,
            self._credential(candidate, now),
            candidate.enc,
            candidate.approval_data,
            self.identity.least_app,
        )

    def _credential(self, candidate: Candidate, now: int) -> Credential:
        """The candidate's credential, checked already or now."""
        peer = self.air.links.get(candidate.link)
        if peer and peer.credential and peer.credential_data == candidate.credential_data:
            return peer.credential
        credential = self.identity.check_credential(candidate.credential_data, now)
        self.report.credential(candidate.link, candidate.credential_data)
        return credential

    # What the radio tells.

    def _hear(self, now: int) -> None:
        news = self.air.poll()
        while news is not None:
            self._news(news, now)
            news = self.air.poll()

    def _news(self, news: Any, now: int) -> None:
        kind = type(news)
        if kind is air.Approves:
            if not self.sale.take(news.candidate, now):
                self.air.refuse(news.candidate.link, reasons.BUSY, now)
        elif kind is air.Shown:
            self.report.phone(news.link, wire.PHONE_SHOWN, reasons.OK)
        elif kind is air.Left:
            self.report.phone(news.link, wire.PHONE_LEFT, news.why)
        elif kind is air.Refused:
            self.report.count(news.reason, news.detail)
            self.report.phone(news.link, wire.PHONE_REFUSED, news.reason)
        else:
            self.report.phone(news.link, wire.PHONE_GONE, reasons.OK)

    # What the bridge says.

    def _greet(self, hello: bytes) -> None:
        """A bridge is there: learn which till this is, and tell it what is open."""
        try:
            bridge = layout.decode(wire.BRIDGE_HELLO, hello, wire.BridgeHello)
            if not bridge.least <= wire.PROTOCOL <= bridge.most:
                raise Error(reasons.WRONG_VERSION, "bridge speaks %d to %d" % bridge[:2])
            self.air.till = bridge.till
        except Error as error:
            self.report.count(error.code, error.detail)
        self.report.session()

    def _obey(self, event: Any, now: int) -> None:
        try:
            order = wire.decode(event.channel, event.payload)
            action = _ORDERS.get(event.channel)
            if action is None:
                raise Error(reasons.WRONG_TYPE, "channel %d" % event.channel)
            action(self, order, now)
        except Error as error:
            self.report.count(error.code, error.detail)

    def _open(self, order: Any, now: int) -> None:
        if self.identity.must_reserve():
            number = self.identity.reserved.to_bytes(SEQUENCE_SIZE, "big")
            self._out.append(ports.Keep("sequence", number))
        try:
            offered = self.identity.make_offer(order, now)
        except Error as error:
            self.report.count(error.code, error.detail)
            self.report.send(wire.OFFER, wire.Opened(order.reference, b"", error.code))
            return
        self.sale.open(offered, session.session_id(offered.data), now)
        self.air.till = order.till
        self.air.publish(now)
        self.report.send(wire.OFFER, wire.Opened(order.reference, offered.data, reasons.OK))

    def _cancel(self, order: Any, now: int) -> None:
        if self.sale.state != sales.IDLE and order.reference == self.sale.reference:
            self.sale.handle(sales.CANCELLED, now)
            self.air.withdraw(reasons.WITHDRAWN, now)

    def _result(self, order: Any, now: int) -> None:
        candidate = self._claimed(order.session)
        self.sale.handle(sales.RESULT, now)
        self.air.answer(candidate, order.receipt, now)

    def _verdict(self, order: Any, now: int) -> None:
        """The bridge refuses what was approved here: the slot is free for the next phone."""
        candidate = self._claimed(order.session)
        if order.reason == reasons.OK:
            raise Error(reasons.MALFORMED, "a verdict that refuses nothing")
        if order.approval_id not in (self.sale.approval_id, NO_APPROVAL):
            raise Error(reasons.WRONG_SESSION, "verdict on another approval")
        reason = order.reason if order.reason in reasons.NAMES else reasons.MALFORMED
        self.sale.refuse_candidate(sales.REJECTED, now)
        self.air.refuse_candidate(candidate, reason, now, "by the bridge: %d" % order.reason)
        if self.sale.shown(now):
            self.air.publish(now)

    def _state(self, order: Any, now: int) -> None:
        self.identity.take_state(order.data, now)

    def _certificate(self, order: Any, now: int) -> None:
        """Kept at once, as the bridge is told that it was taken; in use when nobody looks."""
        self._next = (self.identity.check_certificate(order.data), order.data)
        self._out.append(ports.Keep("certificate", order.data))

    def _identify(self, order: Any, now: int) -> None:
        self._out.append(ports.Blink(order.seconds))

    def _claimed(self, wanted: bytes) -> Candidate:
        candidate = self.sale.candidate
        if candidate is None or wanted != self.sale.session:
            raise Error(reasons.WRONG_SESSION, "not this session")
        return candidate

    def _renew(self) -> None:
        """A new certificate goes live only with no offer open and no link up (design §3.4)."""
        if self._next is None or self.sale.state != sales.IDLE or len(self.air.links):
            return
        self.identity.certificate, self.identity.certificate_data = self._next
        self._next = None
        self._out.append(ports.ShowCertificate(self.identity.certificate_data))


_ORDERS: dict[int, Callable[[Receiver, Any, int], None]] = {
    wire.OPEN: Receiver._open,
    wire.CANCEL: Receiver._cancel,
    wire.RESULT: Receiver._result,
    wire.VERDICT: Receiver._verdict,
    wire.STATE: Receiver._state,
    wire.CERTIFICATE: Receiver._certificate,
    wire.IDENTIFY: Receiver._identify,
}
