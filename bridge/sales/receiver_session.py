"""A station: one receiver's desk, line and timers; does what the desk decides, in order."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from copy import copy
from functools import partial
from typing import TYPE_CHECKING

from bridge.authority.client import UnansweredError
from bridge.authority.retry import while_waiting
from bridge.domain import event_codec, ports, receiver_status
from bridge.domain.controller import Desk
from bridge.domain.events import PhoneMoved, ReceiverChanged, Refused
from bridge.domain.receiver_status import ReceiverHealth, ReceiverStatus
from bridge.domain.sale import Place
from bridge.domain.states import ASKING, Event
from bridge.lines.receiver_link import ReceiverLink
from bridge.observability import timings
from bridge.observability.logs import Log
from receiver import reasons
from receiver.errors import Error
from receiver.link import wire

from . import authorisation
from .provisioning import Provisioning
from .stand_in import StandInHere

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.authority.cached_limits import KeptLimits
    from bridge.backoff import Reconnect
    from bridge.domain.events import Event as Published
    from bridge.domain.ports import Input, Output
    from bridge.domain.sale import Fact, Sale, Terms
    from bridge.domain.verification import Evidence
    from bridge.lines.serial_port import Opener

    from .ports import Surroundings

_log = Log(__name__)

_ARRIVALS = {Event.HANDED: timings.APPROVAL_RECEIVED, Event.VERIFIED: timings.VERDICT_RECEIVED}


class Station:
    """One receiver at its till."""

    def __init__(
        self,
        till: int,
        url: str,
        evidence: Evidence,
        bridge_id: bytes,
        opener: Opener,
        reconnect: Reconnect,
        around: Surroundings,
        kept: KeptLimits | None,
    ) -> None:
        self.till = till
        self.place = Place(till, evidence.holder.receiver_id)
        self.evidence = evidence
        self.refusals: Counter[int] = Counter()
        stand_in = StandInHere(evidence, around.books, around.offline, kept)
        self.desk = Desk(
            *(evidence, stand_in, lambda: around.books.hub.is_watched, lambda: around.clock.wrong)
        )
        receiver_id = evidence.holder.receiver_id
        self.link = ReceiverLink(till, opener, bridge_id, receiver_id, reconnect, self)
        self._provisioning = Provisioning(
            *(till, evidence, self.link, stand_in, around, self.refused)
        )
        self._renewed: Evidence | None = None  # for the desk once it is free
        self._url = url
        self._around = around
        self._books = around.books
        self._books.stall.listen(self._go_on)
        self._health: ReceiverHealth | None = None
        self._last_hello: wire.ReceiverHello | None = None
        self._failed = False
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None

    # The till's side.

    def ring(self, terms: Terms) -> Sale:
        """Begin a sale; the desk must be free."""
        self._handle(ports.Ring(terms))
        sale = self._books.find(terms.sale_id)
        if sale is None:
            raise RuntimeError("the journal does not take a sale")
        return sale

    def decide(self, fact: Fact) -> None:
        """The till's decision about the sale at the desk."""
        self._handle(ports.Decide(fact))

    def tell(self) -> None:
        """The till is about to see the sale at the desk: an approval is its own from here on."""
        self._handle(ports.Told())

    def renew(self, fresh: Evidence) -> None:
        """Go by another certificate of this receiver, and other keys, once the desk is free."""
        self._renewed = fresh
        self._take_renewed()

    def status(self) -> ReceiverStatus:
        """How this receiver is."""
        up, line = self.link.hello is not None, self.link.quality()
        hello, heard = self._last_hello, self._health
        return ReceiverStatus(self.till, self._url, up, hello, heard, line, self.refusals)

    # The receiver's side (`line_listener.Listener`).

    def link_up(self, hello: wire.ReceiverHello) -> None:
        self._last_hello = hello
        self._publish(ReceiverChanged(ports.RECEIVER, time.time(), self.till, hello))
        self._provisioning.begin(hello)

    def link_down(self) -> None:
        self._publish(ReceiverChanged(ports.BRIDGE, time.time(), self.till, None))
        if not self._failed:
            self._handle(ports.LinkDown())

    def message(self, channel: int, payload: bytes) -> None:
        if channel == wire.HEALTH:
            self._note_health(payload)
            self.link.accept()
        else:
            self._handle(ports.Received(channel, payload, int(time.time())))

    def refused(self, reason: int, detail: str) -> None:
        self.refusals[reason] += 1
        name, sale = reasons.name(reason), self.desk.sale
        sale_id = sale.terms.sale_id if sale else None
        if self.link.may_log("refused"):
            _log.warning("refused", till=self.till, sale=sale_id, reason=name, detail=detail)
        self._publish(Refused(ports.BRIDGE, time.time(), self.till, reason))

    def _note_health(self, payload: bytes) -> None:
        try:
            self._health = receiver_status.health(payload)
        except Error as error:
            self.refused(error.code, error.detail)

    # The desk.

    def _handle(self, event: Input) -> None:
        self._move(partial(self.desk.handle, event))

    def _expire(self) -> None:
        if not self._books.stall.reason:  # else `_go_on` sets the timer anew
            self._move(self.desk.expire)

    def _go_on(self) -> None:
        """The journal is written again, and what was put off is done."""
        if not self._failed:
            self._handle(ports.Written())

    def _move(self, move: Callable[[int], None]) -> None:
        """Let the desk move and do what it says; a failure ends the bridge, not the money.

        What it said after that is never done: it was to follow what the journal did not take.
        """
        arrived = time.monotonic()
        if self._failed:
            raise RuntimeError("this station has failed")
        try:
            move(self._now())
            self._carry_out(arrived)
            self._take_renewed()
        except Exception as error:
            self._failed = True
            self._around.fail(error)
            raise

    def _carry_out(self, arrived: float) -> None:
        """Tell and ask nothing outside that is not on the disk.

        All that is kept before the next act outside is one commit. While there is none to be had,
        facts are kept in their order all the same, and what follows from them is put off.
        """
        acts: list[Output] = []
        while (output := self.desk.poll()) is not None:
            match output:
                case ports.Keep(sale, fact):
                    self._keep(sale, fact, arrived)
                case ports.Begin(sale):
                    self._books.begin(sale)
                    acts.append(ports.Begin(copy(sale)))
                case ports.Tell():
                    acts.append(output)
                case _:
                    self._settle([*acts, output])
                    acts.clear()
        self._settle(acts)
        if self._timer:
            self._timer.cancel()
        due = self.desk.deadline()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due / 1000, self._expire)

    def _take_renewed(self) -> None:
        """A sale ends with the certificate that its offers were made under."""
        fresh = self._renewed
        if fresh is None or self.desk.sale is not None:
            return
        self._renewed = None
        if self.evidence.renew(fresh) and self.link.hello is not None:
            self._provisioning.bring_certificate()

    def _keep(self, sale: Sale, fact: Fact, arrived: float) -> None:
        self._books.keep(sale, fact)
        if fact.event in _ARRIVALS:
            self._books.stamps.mark(sale.terms.sale_id, _ARRIVALS[fact.event], arrived)
        elif fact.event is Event.OFFERED:
            self._around.witnesses.offer(self.place.receiver_id, fact.offer)

    def _settle(self, acts: list[Output]) -> None:
        """Do these as soon as all that was kept before is on the disk: at once, as a rule."""
        do = self._do if self._books.settle() else self._put_off
        for act in acts:
            do(act)

    def _put_off(self, act: Output) -> None:
        match act:
            case ports.Begin() | ports.Tell():
                self._do(act)  # the books put it off themselves
                return
            case ports.Accept():
                late = self.link.acceptance()
            case ports.Send(channel, payload):
                late = self.link.sending(channel, payload)
            case _:
                late = partial(self._do, act)
        self._books.stall.put_off(late)

    def _do(self, output: Output) -> None:
        match output:
            case ports.Begin(sale):
                self._books.tell(sale, event_codec.RUNG, ports.TILL)
            case ports.Tell():
                self._books.tell(*output)
            case ports.Accept():
                self.link.accept()
            case ports.Send(channel, payload):
                self.link.send(channel, payload)
            case ports.Ask():
                self._asking = self._around.spawn(self.link.serve(self._ask, output))
            case ports.Owe(sale, approval_id):
                self._hush()
                self._around.outbox.reverse(sale, approval_id, self._asking)
            case ports.Hush():
                self._hush()
            case ports.Settle(sale):
                self._around.outbox.settle(sale, self._asking)
            case ports.Phone(event, link, reason):
                moved = PhoneMoved(ports.PHONE, time.time(), self.till, link, event, reason)
                self._publish(moved)
            case ports.Refuse(reason, detail):
                self.refused(reason, detail)

    def _hush(self) -> None:
        if self._asking:
            self._asking.cancel()

    async def _ask(self, ask: ports.Ask) -> None:
        """Ask until an answer settles it; `Owe` cancels this, and then it is never asked again."""
        await while_waiting()(self._ask_once, ask)

    async def _ask_once(self, ask: ports.Ask) -> bool:
        """Whether that settled it; raises UnansweredError where nothing came, and it did not."""
        try:
            self._handle(await authorisation.once(self._around, ask))
        except UnansweredError as error:
            sale_id = ask.sale.terms.sale_id
            _log.info("unanswered", sale=sale_id, till=self.till, detail=str(error))
            self._handle(ports.Unanswered(ask.approval_id))
            if not _is_settled(ask):
                raise
        return _is_settled(ask)

    def _publish(self, event: Published) -> None:
        self._books.hub.publish(event)

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)


def _is_settled(ask: ports.Ask) -> bool:
    return ask.sale.state not in ASKING or ask.sale.approval_id != ask.approval_id
