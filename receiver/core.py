"""The receiver: phones on the radio, one sale, and the bridge behind the wire, as one machine.

Events of `ports` go in through `handle`, long work is done one piece at a time by `work`, and what
is to be done comes out of `poll` in order. All is decided here, without I/O and without a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import air, cbor, checks, ports, reasons, session, wire
from . import peer as peers
from . import sale as sales
from .errors import Error
from .sale import Sale

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .identity import Identity
    from .messages import Credential
    from .peer import Peer
    from .sale import Candidate

SEQUENCE_SIZE = 4

_RADIO = (ports.Connected, ports.Disconnected, ports.MtuAgreed, ports.Written)


class Receiver:
    """One receiver from boot to reset. Times in milliseconds, never wrapping."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.sale = Sale()
        self.counters: dict[int, int] = {}
        self._out: list[Any] = []
        self.air = air.Air(self.sale, self._out)
        self._next_certificate = b""
        self._out.append(ports.ShowCertificate(identity.certificate_data))
        self.air.advertise()

    def handle(self, event: Any, now: int) -> None:
        """Take one event of `ports`; raises nothing, whatever its bytes are."""
        if isinstance(event, _RADIO):
            self.air.handle(event, now)
        elif isinstance(event, ports.WireUp):
            self._synchronise()
        else:
            self._obey(event, now)
        self._hear(now)
        self._renew()

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
            if self.sale.state == sales.OPEN:
                self._count(reasons.OFFER_EXPIRED, "nobody came")
                self.sale.handle(sales.EXPIRED, now)
                self.air.withdraw(reasons.OFFER_EXPIRED, now)
            else:
                self.sale.handle(sales.GIVEN_UP, now)
                self.air.advertise()
        self._hear(now)
        self._renew()

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
        self._hear(now)

    def health(self, now: int, free: int) -> None:
        """Emit a health message; `free` is the heap left in bytes."""
        counters = cbor.encode(self.counters)
        health = wire.Health(now // 1000, free, len(self.air.links), counters)
        self._send(wire.HEALTH, health)

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
        self._tell_credential(peer.link, peer.credential_data)

    def _judge(self, candidate: Candidate, now: int) -> None:
        try:
            approved = self._check(candidate, now)
        except Error as error:
            self.sale.refuse_candidate(sales.FAILED, now)
            self.air.refuse(candidate.link, error.code, now, error.detail)
            return
        self.sale.handle(sales.PASSED, now)
        self.sale.approval_id = approved.id
        self.sale.waiting = []
        self.air.withdraw(reasons.BUSY, now, candidate.link)
        self._tell_approval(candidate)

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
        self._tell_credential(candidate.link, candidate.credential_data)
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
            self._tell_phone(news.link, wire.PHONE_SHOWN, reasons.OK)
        elif kind is air.Left:
            self._tell_phone(news.link, wire.PHONE_LEFT, reasons.BUYER_SAID_NO)
        elif kind is air.Refused:
            self._count(news.reason, news.detail)
            self._tell_phone(news.link, wire.PHONE_REFUSED, news.reason)
        else:
            self._tell_phone(news.link, wire.PHONE_GONE, reasons.OK)

    # What the bridge says.

    def _obey(self, event: Any, now: int) -> None:
        try:
            order = wire.decode(event.channel, event.payload)
            action = _ORDERS.get(event.channel)
            if action is None:
                raise Error(reasons.WRONG_TYPE, "channel %d" % event.channel)
            action(self, order, now)
        except Error as error:
            self._count(error.code, error.detail)

    def _open(self, order: Any, now: int) -> None:
        if self.identity.must_reserve():
            number = self.identity.reserved.to_bytes(SEQUENCE_SIZE, "big")
            self._out.append(ports.Keep("sequence", number))
        try:
            offered = self.identity.make_offer(order, now)
        except Error as error:
            self._count(error.code, error.detail)
            self._send(wire.OFFER, wire.Opened(order.reference, b"", error.code))
            return
        self.sale.open(offered, session.session_id(offered.data), now)
        self.air.till = order.till
        self.air.publish(now)
        self._send(wire.OFFER, wire.Opened(order.reference, offered.data, reasons.OK))

    def _cancel(self, order: Any, now: int) -> None:
        if self.sale.state != sales.IDLE and order.reference == self.sale.reference:
            self.sale.handle(sales.CANCELLED, now)
            self.air.withdraw(reasons.WITHDRAWN, now)

    def _result(self, order: Any, now: int) -> None:
        candidate = self._claimed(order.session)
        self.sale.handle(sales.RESULT, now)
        self.air.advertise()
        self.air.answer(candidate.link, order.receipt, now)

    def _verdict(self, order: Any, now: int) -> None:
        """The bridge refuses what was approved here: the slot is free for the next phone."""
        candidate = self._claimed(order.session)
        self.sale.refuse_candidate(sales.REJECTED, now)
        self.air.refuse(candidate.link, order.reason, now, "by the bridge")
        self._hear(now)
        self.air.publish(now)

    def _state(self, order: Any, now: int) -> None:
        self.identity.take_state(order.data, now)

    def _certificate(self, order: Any, now: int) -> None:
        self._next_certificate = order.data

    def _identify(self, order: Any, now: int) -> None:
        self._out.append(ports.Blink(order.seconds))

    def _claimed(self, wanted: bytes) -> Candidate:
        candidate = self.sale.candidate
        if candidate is None or wanted != self.sale.session:
            raise Error(reasons.WRONG_SESSION, "not this session")
        return candidate

    def _renew(self) -> None:
        """A new certificate goes live only with no offer open and no link up (design §3.4)."""
        if not self._next_certificate or self.sale.state != sales.IDLE or len(self.air.links):
            return
        data, self._next_certificate = self._next_certificate, b""
        try:
            self.identity.take_certificate(data)
        except Error as error:
            self._count(error.code, error.detail)
            return
        self._out.append(ports.Keep("certificate", data))
        self._out.append(ports.ShowCertificate(data))

    # What the bridge is told.

    def _synchronise(self) -> None:
        offered = self.sale.offered
        data = offered.data if offered else b""
        self._send(wire.SYNC, wire.Opened(self.sale.reference, data, reasons.OK))
        if self.sale.state == sales.CLAIMED and self.sale.candidate:
            self._tell_credential(self.sale.candidate.link, self.sale.candidate.credential_data)
            self._tell_approval(self.sale.candidate)

    def _tell_credential(self, link: int, data: bytes) -> None:
        offered = self.sale.offered
        if offered is None:
            return
        record = wire.CredentialRecord(link, offered.certificate_hash, offered.data, b"", data)
        self._send(wire.CREDENTIAL, record)

    def _tell_approval(self, candidate: Candidate) -> None:
        own, link = self.sale.session, candidate.link
        self._send(wire.APPROVAL, wire.ApprovalRecord(own, link, candidate.approval_data))
        self._send(wire.VERDICT, wire.Verdict(own, self.sale.approval_id, reasons.OK))

    def _tell_phone(self, link: int, event: int, reason: int) -> None:
        self._send(wire.PHONE, wire.Phone(self.sale.session, link, event, reason))

    def _send(self, channel: int, value: Any) -> None:
        self._out.append(ports.Send(channel, wire.encode(channel, value)))

    def _count(self, reason: int, detail: str) -> None:
        self.counters[reason] = self.counters.get(reason, 0) + 1
        self._out.append(ports.Log(reasons.name(reason) + ": " + detail))


_ORDERS: dict[int, Callable[[Receiver, Any, int], None]] = {
    wire.OPEN: Receiver._open,
    wire.CANCEL: Receiver._cancel,
    wire.RESULT: Receiver._result,
    wire.VERDICT: Receiver._verdict,
    wire.STATE: Receiver._state,
    wire.CERTIFICATE: Receiver._certificate,
    wire.IDENTIFY: Receiver._identify,
}
