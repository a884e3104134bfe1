"""One receiver at its till: carries out its controller's effects in order."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, assert_never

from bridge.domain import effects, inputs, receiver_status
from bridge.domain.controller import Controller
from bridge.domain.effects import Check
from bridge.domain.events import (
    BRIDGE,
    PHONE,
    RECEIVER,
    PhoneMoved,
    ReceiverChanged,
    Refused,
)
from bridge.domain.receiver_status import ReceiverStatus
from bridge.domain.sale import Place
from bridge.domain.states import Event
from bridge.lines.receiver_link import ReceiverLink
from bridge.observability import timings
from bridge.observability.logs import Log
from receiver import reasons
from receiver.errors import Error
from receiver.host.name_map import NameMaps
from receiver.link import service_wire, wire

from .authorisation import Authorisation
from .provisioning import Provisioning
from .stand_in import StandInHere

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.authority.cached_limits import KeptLimits
    from bridge.domain.effects import Order, Persist
    from bridge.domain.inputs import Input
    from bridge.domain.receiver_status import ReceiverHealth
    from bridge.domain.sale import Fact, Sale, Terms
    from bridge.domain.verification import Evidence
    from bridge.lines.reconnect import Reconnect
    from bridge.lines.serial_port import Opener

    from .ports import ServiceMode, Surroundings

    Act = Callable[[], None]

_log = Log(__name__)

_ARRIVALS = {
    Event.OFFERED: timings.OFFER,
    Event.APPROVAL_RECEIVED: timings.APPROVAL_RECEIVED,
    Event.VERIFIED: timings.VERDICT_RECEIVED,
}


class ReceiverSetup(NamedTuple):
    """The setup of one receiver."""

    till: int
    url: str
    evidence: Evidence
    opener: Opener
    limits: KeptLimits | None = None  # the cached limits, for a restart
    names: NameMaps | None = None  # of built firmware, for the log


class ReceiverSession:
    """The session of one receiver, for the whole run of the bridge."""

    def __init__(
        self, setup: ReceiverSetup, bridge_id: bytes, reconnect: Reconnect, around: Surroundings
    ) -> None:
        evidence, receiver_id = setup.evidence, setup.evidence.holder.receiver_id
        self.till = setup.till
        self.place = Place(setup.till, receiver_id)
        self.refusals: Counter[int] = Counter()
        self._url = setup.url
        self._names = setup.names or NameMaps(None)
        self._evidence = evidence
        self._around = around
        self._books = around.books
        stand_in = StandInHere(evidence, around.books, around.offline, setup.limits)
        self._controller = Controller(stand_in, lambda: around.clock.wrong)
        self.link = ReceiverLink(
            till=setup.till,
            opener=setup.opener,
            bridge_id=bridge_id,
            receiver_id=receiver_id,
            reconnect=reconnect,
            listener=self,
            names=self._names,
        )
        self._authorisation = Authorisation(around, self.link, self._handle)
        self._provisioning = Provisioning(
            till=setup.till,
            evidence=evidence,
            link=self.link,
            stand_in=stand_in,
            around=around,
            refused=self.refused,
        )
        self._renewed: Evidence | None = None  # used once no sale is active
        self._health: ReceiverHealth | None = None
        self._last_hello: wire.ReceiverHello | None = None
        self._service: ServiceMode | None = None
        self._busy_at = -math.inf  # when a sale was last active (monotonic ms)
        self._accept: Act  # acknowledges the message that is being handled
        self._failed = False
        self._timer: asyncio.TimerHandle | None = None
        self._due: int | None = None  # the time of the timer
        around.books.commits.listen(self._go_on)

    # The till's side.

    @property
    def sale(self) -> Sale | None:
        """Return the active sale."""
        return self._controller.sale

    @property
    def store(self) -> int:
        """Return the store number in the receiver's certificate."""
        return self._evidence.holder.store

    def ring(self, terms: Terms) -> Sale:
        """Begin a sale; none may be active. In service mode it is declined at once."""
        self._handle(inputs.Ring(terms, reasons.IN_SERVICE if self._in_service() else reasons.OK))
        sale = self._books.find(terms.sale_id)
        if sale is None:
            raise RuntimeError("the journal accepts no sale")
        return sale

    def decide(self, fact: Fact) -> None:
        """Apply the till's decision about the active sale."""
        self._handle(inputs.Decide(fact))

    def notify_till(self, sale: Sale) -> None:
        """Note that the till is about to see this sale: only it decides an approval now."""
        if self._controller.sale is sale:
            self._handle(inputs.TillNotified())

    def serve(self, service: ServiceMode) -> None:
        """Let `service` order the receiver about while no sale is active."""
        self._service = service

    def quiet_s(self) -> float:
        """Return how long no sale has been active; 0 while one is."""
        return 0.0 if self.sale is not None else (self._now() - self._busy_at) / 1000

    def renew(self, fresh: Evidence) -> None:
        """Use another certificate of this receiver, and other keys, once no sale is active."""
        self._renewed = fresh
        self._take_renewed()

    def status(self) -> ReceiverStatus:
        """Return the status of this receiver."""
        up, line = self.link.hello is not None, self.link.quality()
        hello, health, service = self._last_hello, self._health, self._service
        return ReceiverStatus(
            self.till,
            self._url,
            up,
            hello,
            health,
            line,
            self.refusals,
            service.release() if service else None,
            service.progress() if service else None,
            service is not None and service.waits(),
            self._controller.phone,
        )

    # The receiver's side (`lines.listener.Listener`).

    def link_up(self, hello: wire.ReceiverHello) -> None:
        self._last_hello = hello
        self._books.commits.publish(ReceiverChanged(RECEIVER, time.time(), self.till, hello))
        if not receiver_status.is_in_service(hello):
            self._provisioning.begin(hello)
        if self._service:
            self._service.link_up(hello)

    def link_down(self) -> None:
        if self._service:
            self._service.link_down()
        self._books.commits.publish(ReceiverChanged(BRIDGE, time.time(), self.till, None))
        if not self._failed:
            self._handle(inputs.LinkDown())

    def message(self, channel: int, payload: bytes, accept: Act) -> None:
        if channel == wire.HEALTH:
            self._note_health(payload)
            accept()
        elif channel == wire.TRACEBACK:
            self._note_crash(payload)
            accept()
        elif channel in service_wire.LAYOUTS:
            self._note_service(channel, payload)
            accept()
        else:
            self._accept = accept
            self._handle(inputs.MessageReceived(channel, payload, int(time.time())))

    def delivered(self, channel: int) -> None:
        if self._service:
            self._service.delivered(channel)

    def refused(self, reason: int, detail: str) -> None:
        self.refusals[reason] += 1
        sale = self._controller.sale
        sale_id = sale.terms.sale_id if sale else None
        if self.link.may_log("refused"):
            name = reasons.name(reason)
            _log.warning("refused", till=self.till, sale=sale_id, reason=name, detail=detail)
        self._books.commits.publish(Refused(BRIDGE, time.time(), self.till, reason))

    def _note_health(self, payload: bytes) -> None:
        try:
            self._health = receiver_status.health(payload)
        except Error as error:
            self.refused(error.code, error.detail)

    def _note_service(self, channel: int, payload: bytes) -> None:
        """Pass a message of service mode on; one that no update asked for is refused."""
        try:
            if self._service is None:
                raise Error(reasons.WRONG_TYPE, f"channel {channel} from a receiver")
            self._service.message(channel, payload)
        except Error as error:
            self.refused(error.code, error.detail)

    def _in_service(self) -> bool:
        hello = self.link.hello
        is_there = hello is not None and hello.fault == reasons.IN_SERVICE
        return is_there or (self._service is not None and self._service.holds())

    def _note_crash(self, payload: bytes) -> None:
        """Log the last traceback of the receiver: one entry, in words where its build is known."""
        try:
            data = wire.decode(wire.TRACEBACK, payload).data
        except Error as error:
            self.refused(error.code, error.detail)
            return
        if self.link.may_log("receiver crashed"):
            hello = self.link.hello
            text = self._names.traceback(
                data.decode(errors="replace"), hello.firmware_hash if hello else b""
            )
            _log.warning("receiver crashed", till=self.till, text=text)

    # The controller.

    def _handle(self, event: Input) -> None:
        """Let the controller decide, and carry out its effects as soon as possible.

        A failure ends the bridge, and loses no money: no later effect is carried out.
        """
        arrived = time.monotonic()
        rung = isinstance(event, inputs.Ring) and not event.refusal
        if rung or self._controller.sale is not None:
            self._busy_at = self._now()
        if self._failed:
            raise RuntimeError("this receiver's session has failed")
        try:
            acts: list[Act] = []
            found = deque(self._controller.handle(event, self._now()))
            while found:
                effect = found.popleft()
                if isinstance(effect, Check):
                    answer = self._evidence.answer(effect)
                    found.extendleft(reversed(self._controller.handle(answer, self._now())))
                elif (act := self._carry_out(effect, arrived)) is not None:
                    acts.append(act)
            self._books.commits.commit(acts)
            self._set_timer()
            self._take_renewed()
        except Exception as error:
            self._failed = True
            self._around.fail(error)
            raise

    def _carry_out(self, effect: Order, arrived: float) -> Act | None:
        """Note a fact at once; return what to do once all facts are on the disk."""
        match effect:
            case effects.Persist():
                self._persist(effect, arrived)
            case effects.Publish(after, event, source):
                self._books.publish(after, event, source)
            case effects.BeginSale(sale, after, source):
                self._books.begin(sale, after, source)
            case effects.Acknowledge():
                return self._accept
            case effects.Send(channel, payload):
                return partial(self.link.send_after, self.link.hello, channel, payload)
            case effects.RequestAuthorisation():
                return partial(self._authorisation.request, effect)
            case effects.StopAuthorisation():
                return self._authorisation.stop
            case effects.QueueReversal(sale, approval_id):
                return partial(self._reverse, sale, approval_id)
            case effects.QueueConfirmation(sale):
                return partial(self._confirm, sale)
            case effects.ReportPhone(event, link, reason, furthest):
                at = time.time()
                moved = PhoneMoved(PHONE, at, self.till, link, event, reason, furthest)
                self._books.commits.publish(moved)
            case effects.Refuse(reason, detail):
                self.refused(reason, detail)
            case _:
                assert_never(effect)
        return None

    def _persist(self, effect: Persist, arrived: float) -> None:
        sale, fact = effect.sale, effect.fact
        self._books.persist(sale, effect.after, fact, effect.source)
        if fact.event in _ARRIVALS:
            self._books.stamps.mark(sale.terms.sale_id, _ARRIVALS[fact.event], arrived)
        if fact.event is Event.OFFERED:
            self._around.witnesses.offer(self.place.receiver_id, fact.offer)

    def _reverse(self, sale: Sale, approval_id: bytes) -> None:
        self._authorisation.stop()
        self._around.outbox.reverse(sale, approval_id, self._authorisation.task)

    def _confirm(self, sale: Sale) -> None:
        self._around.outbox.confirm(sale, self._authorisation.task)

    def _set_timer(self) -> None:
        due = self._controller.due
        if due is None or (self._due is not None and self._due <= due):
            return  # an earlier timer looks again
        self._due = due
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(due / 1000, self._expire)

    def _expire(self) -> None:
        self._due = None
        if not (self._failed or self._books.commits.reason):  # `_go_on` sets the timer anew
            self._handle(inputs.TimeElapsed())

    def _go_on(self) -> None:
        """Continue after a stall, once the waiting acts are done."""
        if not self._failed:
            self._handle(inputs.JournalWritten())

    def _take_renewed(self) -> None:
        """Use the renewed certificate, unless a sale is active: it ends with the old one."""
        fresh = self._renewed
        if fresh is None or self._controller.sale is not None:
            return
        self._renewed = None
        if self._evidence.renew(fresh) and self.link.hello is not None:
            self._provisioning.bring_certificate()

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)
