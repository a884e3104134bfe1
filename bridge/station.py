"""A station: one receiver's desk, line and timers; does what the desk decides, in order."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from receiver import reasons, wire
from receiver.errors import Error

from . import stamps
from .authority import RefusedError, UnansweredError
from .counters import Counters
from .logs import Log
from .money import ports
from .money.desk import Desk
from .money.states import ASKING, Event, State
from .receiver_link import ReceiverLink
from .retrying import at_leisure, while_waiting
from .standin import StandInHere
from .views import health_view, hello_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from .backoff import Reconnect
    from .kept_limits import KeptLimits
    from .money.evidence import Evidence
    from .money.ports import Input, Output
    from .money.sale import Fact, Sale, Terms
    from .serial_port import Opener
    from .surroundings import Surroundings

CLEARED_S = 2.0  # an approval waits that long at a time for the reversal of the one before it
STATE_LEAST_S = 1.0  # a receiver that says HELLO all the time is one request in that
STATE_AGAIN_S = 3600.0  # where purchases may be accepted offline, limits are asked for that often

_log = Log(__name__)

_PHONE_EVENTS = {
    wire.PHONE_SHOWN: "shown",
    wire.PHONE_LEFT: "left",
    wire.PHONE_REFUSED: "refused",
    wire.PHONE_GONE: "gone",
}


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
        self.evidence = evidence
        self.counters = Counters()
        self._stand_in = StandInHere(evidence, around.books, around.offline, kept)
        self.desk = Desk(evidence, self._stand_in)
        receiver_id = evidence.holder.receiver_id
        self.link = ReceiverLink(till, opener, bridge_id, receiver_id, reconnect, self)
        self._url = url
        self._around = around
        self._books = around.books
        self._health: dict[str, Any] | None = None
        self._last_hello: dict[str, Any] | None = None
        self._failed = False
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._bringing: asyncio.Task[None] | None = None
        self._brought_at = -STATE_LEAST_S  # when the state was last asked for (monotonic s)

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

    def view(self) -> dict[str, Any]:
        """What the till API says of this receiver."""
        return {
            "till": self.till,
            "url": self._url,
            "up": self.link.hello is not None,
            "hello": self._last_hello,
            "health": self._health,
            "line": self.link.quality(),
            "counters": self.counters.snapshot(),
        }

    # The receiver's side (`receiver_link.Listener`).

    def link_up(self, hello: wire.ReceiverHello) -> None:
        self._last_hello = hello_view(hello)
        self._publish("receiver", ports.RECEIVER, up=True, hello=self._last_hello)
        self._bring_certificate()
        self._stand_in.recall(hello.nonce)
        if self._bringing:
            self._bringing.cancel()
        self._bringing = self._around.spawn(self._bring_state(hello))

    def link_down(self) -> None:
        self._publish("receiver", ports.BRIDGE, up=False)
        if not self._failed:
            self._handle(ports.LinkDown())

    def message(self, channel: int, payload: bytes) -> None:
        if channel == wire.HEALTH:
            self._note_health(payload)
            self.link.accept()
        else:
            self._handle(ports.Received(channel, payload, int(time.time())))

    def refused(self, reason: int, detail: str) -> None:
        self.counters.count(reason)
        name, sale = reasons.name(reason), self.desk.sale
        sale_id = sale.terms.sale_id if sale else None
        _log.warning("refused", till=self.till, sale=sale_id, reason=name, detail=detail)
        self._publish("refusal", ports.BRIDGE, reason=reasons.name(reason))

    def _note_health(self, payload: bytes) -> None:
        try:
            self._health = health_view(wire.decode(wire.HEALTH, payload))
        except Error as error:
            self.refused(error.code, error.detail)

    def _bring_certificate(self) -> None:
        """Bring the certificate that its offers are held against, as it may be a new one."""
        blob = wire.Blob(self.evidence.certificate)
        self.link.send(wire.CERTIFICATE, wire.encode(wire.CERTIFICATE, blob))

    async def _bring_state(self, hello: wire.ReceiverHello) -> None:
        """Bring the authority's time and limits to a receiver that has come up, and new ones."""
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(self._brought_at + STATE_LEAST_S - clock())
        self._brought_at = clock()
        while self.link.hello is hello:
            await at_leisure()(self._bring_state_once, hello)
            if not self._around.offline:
                return
            await asyncio.sleep(STATE_AGAIN_S)

    async def _bring_state_once(self, hello: wire.ReceiverHello) -> bool:
        """Whether there is nothing more to bring."""
        try:
            data = await self._stand_in.ask(self._around.authority, hello.nonce)
        except UnansweredError as error:
            _log.info("no state", till=self.till, detail=str(error))
        except RefusedError as error:
            self.refused(error.reason, "state: " + error.detail)
        except Error as error:
            self.refused(error.code, "state: " + error.detail)
        else:
            if self.link.hello is hello:
                self.link.send(wire.STATE, wire.encode(wire.STATE, wire.Blob(data)))
            return True
        return self.link.hello is not hello

    # The desk.

    def _handle(self, event: Input) -> None:
        self._move(partial(self.desk.handle, event))

    def _expire(self) -> None:
        self._move(self.desk.expire)

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
        except Exception as error:
            self._failed = True
            self._around.fail(error)
            raise

    def _carry_out(self, arrived: float) -> None:
        while (output := self.desk.poll()) is not None:
            self._do(output, arrived)
        if self._timer:
            self._timer.cancel()
        due = self.desk.deadline()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due / 1000, self._expire)

    def _do(self, output: Output, arrived: float) -> None:
        match output:
            case ports.Begin(sale):
                self._books.begin(sale)
                self._books.tell(sale, "rung", ports.TILL)
            case ports.Keep(sale, fact):
                self._books.keep(sale, fact)
                self._stamp(sale.terms.sale_id, fact.event, arrived)
            case ports.Accept():
                self.link.accept()
            case ports.Send(channel, payload):
                self.link.send(channel, payload)
            case ports.Ask():
                self._asking = self._around.spawn(self._ask(output))
            case ports.Owe(sale, approval_id):
                self._hush()
                self._around.outbox.reverse(sale, approval_id, self._asking)
            case ports.Hush():
                self._hush()
            case ports.Settle(sale):
                self._around.outbox.settle(sale, self._asking)
            case ports.Tell(sale, event, source):
                self._tell(sale, event, source)
            case ports.Phone(event, link, reason):
                what = _PHONE_EVENTS[event]
                named = reasons.name(reason) if reason else None
                self._publish("phone", ports.PHONE, what=what, link=link, reason=named)
            case ports.Refuse(reason, detail):
                self.refused(reason, detail)

    def _hush(self) -> None:
        if self._asking:
            self._asking.cancel()

    def _tell(self, sale: Sale, event: Event, source: str) -> None:
        """Whoever watches may be the till: then it is about to be told of an approval."""
        if event is Event.OFFERED:
            self._books.stamps.mark(sale.terms.sale_id, stamps.OFFER)
        self._books.tell(sale, event, source)
        if sale.state is State.APPROVED and self._books.hub.is_watched:
            self.desk.handle(ports.Told(), self._now())

    def _stamp(self, sale_id: str, event: Event, arrived: float) -> None:
        mark = self._books.stamps.mark
        if event is Event.HANDED:
            mark(sale_id, stamps.APPROVAL_RECEIVED, arrived)
            mark(sale_id, stamps.APPROVAL_KEPT)
        elif event is Event.VERIFIED:
            mark(sale_id, stamps.VERDICT_RECEIVED, arrived)

    async def _ask(self, ask: ports.Ask) -> None:
        """Ask until an answer settles it; `Owe` cancels this, and then it is never asked again."""
        await while_waiting()(self._ask_once, ask)

    async def _ask_once(self, ask: ports.Ask) -> bool:
        """Whether that settled it."""
        self._handle(await self._answer(ask))
        return ask.sale.state not in ASKING or ask.sale.approval_id != ask.approval_id

    async def _answer(self, ask: ports.Ask) -> Input:
        mark, sale_id = self._books.stamps.mark, ask.sale.terms.sale_id
        if not await self._books.waiting.cleared(ask.sale, CLEARED_S):
            return ports.Unanswered(ask.approval_id)  # an earlier approval may still be held
        mark(sale_id, stamps.AUTHORISE_SENT)
        try:
            data = await self._around.authority.authorise(ask.record)
        except UnansweredError as error:
            _log.info("unanswered", sale=sale_id, till=self.till, detail=str(error))
            return ports.Unanswered(ask.approval_id)
        except RefusedError as error:
            _log.warning("record refused", sale=sale_id, till=self.till, detail=error.detail)
            if not error.said:  # who knows whose word that was, and what came of the record
                return ports.Unanswered(ask.approval_id)
            return ports.Rejected(ask.approval_id, error.reason)
        finally:
            mark(sale_id, stamps.AUTHORISE_ANSWERED)
        return ports.Answered(ask.approval_id, data)

    def _publish(self, event: str, source: str, **body: Any) -> None:
        self._books.hub.publish(event, source, self.till, **body)

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)
