"""Compose phones on the radio, one sale and the bridge on the line into one machine.

`handle` takes events of `io`, `work` runs long work one piece at a time, and `poll` gives the
outputs in order. All decisions are made here, without I/O and without a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import messages, signed
from receiver.protocol.enrolment import STORED_NAME

from . import io, job_queue
from . import sale_session as sales
from .connections import Links
from .exchange_pipeline import Judge
from .radio import Air
from .sale_session import Sale
from .time import earlier
from .uplink import Report

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from receiver.protocol.messages import Certificate

    from .identity import Identity
    from .job_queue import Task
    from .sale_session import Candidate

SEQUENCE_SIZE = 4
NO_APPROVAL = bytes(signed.ID_SIZE)  # in a verdict on an approval that the bridge could not read


class Receiver:
    """One receiver from boot to reset. Times in milliseconds that never wrap."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.sale = Sale()
        self._out: list[io.Output] = []
        links = Links()
        self.report = Report(self.sale, links, self._out)
        self.air = Air(self.sale, links, self.report, self._out)
        self.judge = Judge(identity, self.sale, self.air, self.report)
        self.paid = False  # whether the last result says so: for the lamp alone
        self._next: tuple[Certificate, bytes] | None = None
        self._certifying: Task | None = None
        for error in (identity.problem, identity.fault):
            if error is not None:
                self.report.count(error.code, error.detail)
        self._out.append(io.ShowCertificate(identity.certificate_data))
        self.air.till = identity.till
        self.air.settle(0)

    def handle(self, event: io.Event, now: int) -> None:
        """Handle one event; raise nothing, whatever its bytes are."""
        if isinstance(event, io.WireUp):
            self._greet(event.hello)
        elif isinstance(event, io.WireMessage):
            self._obey(event, now)
        elif isinstance(event, io.Fault):
            self._fail(event, now)
        else:
            self.air.handle(event, now)
        self._settle(now)

    def poll(self) -> io.Output | None:
        """Return the next output, or None."""
        return self._out.pop(0) if self._out else None

    def deadline(self) -> int | None:
        return earlier(self.air.deadline(), self.sale.deadline())

    def expire(self, now: int) -> None:
        self.air.expire(now)
        due = self.sale.deadline()
        if due is not None and due <= now:
            self._lapse(now)
        self._settle(now)

    def busy(self) -> bool:
        """Return whether `work` has anything to do."""
        return self.judge.work.busy()

    def unseals(self) -> bool:
        """Return whether `work` comes before further events of the radio."""
        return self.judge.work.unseals()

    def work(self, now: int) -> None:
        """Run one slice of the most urgent piece of long work."""
        self.judge.work.step(now)
        self._settle(now)

    def settled(self) -> bool:
        """Return whether everything that the bridge asked for is done and stored."""
        return self._certifying is None

    def erase(self) -> None:
        """Erase every secret of every sale before a reset."""
        self.air.lose(0)
        self.sale.clear()
        self.judge.erase()

    def health(self, now: int, free: int, dropped: int = 0) -> None:
        """Send a health message: the heap left in bytes, and what the line could not take."""
        fault = self.identity.fault
        self.report.health(now, free, fault.code if fault else reasons.OK, dropped)

    def _lapse(self, now: int) -> None:
        """End the session at its deadline; phones that have sent a key get a little more time."""
        keyed = self.air.keyed()
        if self.sale.state == sales.OPEN and keyed:
            self.sale.handle(sales.ENDED, now)
            self.air.withdraw(reasons.OFFER_EXPIRED, now, keyed)
        elif self.sale.state in (sales.OPEN, sales.ENDING):
            self.report.count(reasons.OFFER_EXPIRED, "not approved in time")
            self.sale.handle(sales.EXPIRED, now)
            self.air.withdraw(reasons.OFFER_EXPIRED, now)
        elif self.sale.state == sales.REFUSING:
            self._give_up(now)
        else:
            self.sale.handle(sales.GIVEN_UP, now)

    def _fail(self, event: io.Fault, now: int) -> None:
        """Open no other offer; one that is on the air may still be paid."""
        self.report.count(event.reason, event.detail)
        if self.identity.fault is not None:
            return
        self.identity.fault = fault = Error(event.reason, event.detail)
        if self.sale.state == sales.SIGNING:
            self.report.no_offer(self.sale.reference, fault)
            self.sale.handle(sales.CANCELLED, now)
            self.air.withdraw(fault.code, now)

    def _give_up(self, now: int) -> None:
        """Give up on a silent bridge; forward no second candidate: it may still hold the first."""
        self.report.count(reasons.VERDICT_TIMEOUT, "no word on a refused approval")
        self.sale.handle(sales.GIVEN_UP, now)
        self.air.withdraw(reasons.VERDICT_TIMEOUT, now)
        self.report.session()

    def _settle(self, now: int) -> None:
        """After every event: start new work, report phones, and refresh the advertisement."""
        self.judge.pursue(now)
        self._renew()
        self.air.settle(now)

    # Messages from the bridge.

    def _greet(self, hello: bytes) -> None:
        """Answer a connected bridge: learn the till's number and report the open session."""
        try:
            bridge = schema.decode(wire.BRIDGE_HELLO, hello, wire.BridgeHello)
            if not bridge.least <= wire.PROTOCOL <= bridge.most:
                raise Error(reasons.WRONG_VERSION, "bridge speaks %d to %d" % bridge[:2])
            self.air.till = bridge.till or self.air.till
        except Error as error:
            self.report.count(error.code, error.detail)
        self.report.session()

    def _obey(self, event: io.WireMessage, now: int) -> None:
        try:
            order = wire.decode(event.channel, event.payload)
            action = _ORDERS.get(event.channel)
            if action is None:
                raise Error(reasons.WRONG_TYPE, "channel %d" % event.channel)
            action(self, order, now)
        except Error as error:
            self.report.count(error.code, error.detail)

    def _open(self, order: wire.Open, now: int) -> None:
        if self._next is not None:  # the bridge takes no more offers under the old one
            self.air.dismiss(reasons.CERTIFICATE_RENEWED, now)
            self._certify(*self._next)
        if self.identity.must_reserve():
            number = self.identity.reserved.to_bytes(SEQUENCE_SIZE, "big")
            self._out.append(io.Keep("sequence", number))
        try:
            self.identity.may_offer(order, now)
        except Error as error:
            self.report.no_offer(order.reference, error)
            return
        if self.sale.state != sales.IDLE:
            self.air.withdraw(reasons.OK, now)
        self.sale.order(order, now)
        self.air.till = order.till

    def _cancel(self, order: wire.Cancel, now: int) -> None:
        if self.sale.state != sales.IDLE and order.reference == self.sale.reference:
            self.sale.handle(sales.CANCELLED, now)
            self.air.withdraw(reasons.WITHDRAWN, now)

    def _result(self, order: wire.Result, now: int) -> None:
        candidate, before = self._claimed(order.session), self.sale.state
        self.sale.settle(now)
        self.paid = _is_paid(order.receipt)
        if before in (sales.CHECKING, sales.REFUSING):
            self.air.accept(candidate, now)
        self.air.answer(candidate, order.receipt, now)

    def _stand_in(self, order: wire.StandIn, now: int) -> None:
        """Sign for the candidate that the bridge accepts offline, or report why not."""
        candidate, sale = self._claimed(order.session), self.sale
        if order.approval_id != candidate.id:
            raise Error(reasons.WRONG_SESSION, "stand-in for another approval")
        try:
            if sale.state == sales.CLAIMED and sale.offered:
                offer, holder = sale.offered.offer, candidate.submission.credential
                self.identity.may_stand_in(offer, holder, order.time, now)
        except Error as error:
            self.report.count(error.code, error.detail)
            self.report.verdict(candidate, error.code)
            return
        sale.stand_in(order.time, now)
        if sale.state == sales.ACCEPTED:
            self.report.provisional()

    def _verdict(self, order: wire.Verdict, now: int) -> None:
        """Free the slot: the bridge refuses the candidate, or has heard of the refusal here."""
        candidate, before = self._claimed(order.session), self.sale.state
        if order.reason == reasons.OK:
            raise Error(reasons.MALFORMED, "verdict without a refusal")
        if order.approval_id not in (candidate.id, NO_APPROVAL):
            raise Error(reasons.WRONG_SESSION, "verdict on another approval")
        reason = order.reason if order.reason in reasons.NAMES else reasons.MALFORMED
        self.sale.release(now)
        if before != sales.REFUSING:
            self.air.refuse_candidate(
                candidate, reason, now, "by the bridge: " + reasons.name(order.reason)
            )
        if before in (sales.CLAIMED, sales.STANDING_IN) and self.sale.shown(now):
            self.air.publish(now)

    def _state(self, order: wire.Blob, now: int) -> None:
        self.judge.learn(order.data, now)

    def _certificate(self, order: wire.Blob, now: int) -> None:
        """Store the certificate before acknowledging it; `_renew` puts it to use later."""
        data = order.data
        if data == self.identity.certificate_data and self._next is None:
            return  # the bridge sends it again with each connection

        def done(value: Certificate, error: Error | None, now: int) -> None:
            self._certifying = None
            if error is not None:
                self.report.count(error.code, error.detail)
            else:
                self._next = (value, data)
                self._out.append(io.Keep(STORED_NAME, self.identity.renewed(data)))

        if self._certifying is not None:
            self._certifying.close()
        job = self.identity.certificate_job(data)
        self._certifying = self.judge.work.add(job_queue.SIGN, job, done)

    def _identify(self, order: wire.Identify, now: int) -> None:
        self._out.append(io.Blink(order.seconds))

    def _restart(self, order: wire.Restart, now: int) -> None:
        if self.sale.state not in (sales.IDLE, sales.SETTLED):  # a phone asks the authority then
            raise Error(reasons.BUSY, "no restart during a sale")
        self._out.append(io.Restart(order.slot, order.service))

    def _claimed(self, wanted: bytes) -> Candidate:
        candidate = self.sale.candidate
        if candidate is None or wanted != self.sale.session:
            raise Error(reasons.WRONG_SESSION, "not this session")
        return candidate

    def _renew(self) -> None:
        """Put a new certificate to use only with no offer open and no link up (design §3.4)."""
        if self._next and self.sale.state == sales.IDLE and not len(self.air.links):
            self._certify(*self._next)

    def _certify(self, certificate: Certificate, data: bytes) -> None:
        self._next = None
        self.identity.certificate, self.identity.certificate_data = certificate, data
        self._out.append(io.ShowCertificate(data))


def _is_paid(receipt: bytes) -> bool:
    """Return whether a receipt says so; the bridge has verified it, and the phone will."""
    try:
        outcome: int = signed.parse(messages.RECEIPT, receipt).value.outcome
    except Error:
        return False
    return outcome == messages.APPROVED


_ORDERS: dict[int, Callable[[Receiver, Any, int], None]] = {
    wire.OPEN: Receiver._open,
    wire.CANCEL: Receiver._cancel,
    wire.RESULT: Receiver._result,
    wire.STAND_IN: Receiver._stand_in,
    wire.VERDICT: Receiver._verdict,
    wire.STATE: Receiver._state,
    wire.CERTIFICATE: Receiver._certificate,
    wire.IDENTIFY: Receiver._identify,
    wire.RESTART: Receiver._restart,
}
