"""A station: one receiver's desk, line and timers; does what the desk decides, in order."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from receiver import reasons, wire
from receiver.errors import Error

from . import edges, stamps
from .authority import RefusedError, UnansweredError
from .counters import Counters
from .logs import Log
from .money import facts, ports
from .money.desk import Desk
from .money.states import ASKING, Event
from .receiver_link import ReceiverLink
from .retrying import at_leisure, while_waiting
from .standin import StandInHere
from .views import health_view, hello_view, phone_view

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

_ARRIVALS = {Event.HANDED: stamps.APPROVAL_RECEIVED, Event.VERIFIED: stamps.VERDICT_RECEIVED}
_STEPS = {Event.OFFERED: stamps.OFFER, Event.HANDED: stamps.APPROVAL_KEPT}


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
        self.desk = Desk(evidence, self._stand_in, lambda: around.books.hub.is_watched)
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
        self._bringing = self._around.spawn(self.link.serve(self._bring_state, hello))

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
        if self.link.may_log("refused"):
            _log.warning("refused", till=self.till, sale=sale_id, reason=name, detail=detail)
        self._publish("refusal", ports.BRIDGE, reason=name)

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
            if self.link.may_log("no state"):
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
        """Nobody outside is told or asked anything that is not on the disk.

        All that is kept before the next act outside is one commit.
        """
        untold: list[ports.Tell] = []
        while (output := self.desk.poll()) is not None:
            match output:
                case ports.Keep(sale, fact):
                    self._books.keep(sale, fact)
                    if fact.event in _ARRIVALS:
                        self._mark(sale, _ARRIVALS[fact.event], arrived)
                case ports.Tell():
                    untold.append(output)
                case _:
                    self._settle(untold)
                    self._do(output)
        self._settle(untold)
        if self._timer:
            self._timer.cancel()
        due = self.desk.deadline()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due / 1000, self._expire)

    def _settle(self, untold: list[ports.Tell]) -> None:
        self._books.settle()
        for told in untold:
            self._tell(*told)
        untold.clear()

    def _do(self, output: Output) -> None:
        match output:
            case ports.Begin(sale):
                self._books.begin(sale)
                self._books.tell(sale, facts.RUNG, ports.TILL)
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
                self._publish("phone", ports.PHONE, link=link, **phone_view(event, reason))
            case ports.Refuse(reason, detail):
                self.refused(reason, detail)

    def _hush(self) -> None:
        if self._asking:
            self._asking.cancel()

    def _tell(self, sale: Sale, event: Event, source: str) -> None:
        if event in _STEPS:
            self._mark(sale, _STEPS[event])
        self._books.tell(sale, event, source)

    def _mark(self, sale: Sale, step: str, at: float | None = None) -> None:
        self._books.stamps.mark(sale.terms.sale_id, step, at)

    async def _ask(self, ask: ports.Ask) -> None:
        """Ask until an answer settles it; `Owe` cancels this, and then it is never asked again."""
        await while_waiting()(self._ask_once, ask)

    async def _ask_once(self, ask: ports.Ask) -> bool:
        """Whether that settled it."""
        self._handle(await self._answer(ask))
        return ask.sale.state not in ASKING or ask.sale.approval_id != ask.approval_id

    async def _answer(self, ask: ports.Ask) -> Input:
        sale_id = ask.sale.terms.sale_id
        if not await self._books.waiting.cleared(ask.sale, CLEARED_S):
            return ports.Unanswered(ask.approval_id)  # an earlier approval may still be held
        self._mark(ask.sale, stamps.AUTHORISE_SENT)
        try:
            with edges.crossing(edges.AUTHORITY, UnansweredError, RefusedError):
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
            self._mark(ask.sale, stamps.AUTHORISE_ANSWERED)
        return ports.Answered(ask.approval_id, data)

    def _publish(self, event: str, source: str, **body: Any) -> None:
        self._books.hub.publish(event, source, self.till, **body)

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)
