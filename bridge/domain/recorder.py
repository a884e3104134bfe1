"""What desk and hearing write with: facts into sales, orders into one queue."""

from __future__ import annotations

from collections import deque
from copy import copy
from typing import TYPE_CHECKING, Any

from receiver.link import wire
from receiver.protocol import messages

from . import ports
from .sale import Fact
from .states import VOLATILE, Event, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from .ports import Output
    from .sale import Sale, Terms


class Pen:
    """The outputs of one desk, in order."""

    def __init__(self, watched: Callable[[], bool]) -> None:
        """`watched`: whether somebody is told of everything as it happens, the till perhaps."""
        self._watched = watched
        self.synced = False  # the receiver is there and has told its open session
        self._out: deque[Output] = deque()
        self._later: deque[Callable[[], None]] = deque()
        self._unaccepted = False  # a message from the receiver is at hand

    def poll(self) -> Output | None:
        """The next output; what was put off is done once there is none before it."""
        while not self._out and self._later:
            self._later.popleft()()
        return self._out.popleft() if self._out else None

    def then(self, act: Callable[[], None]) -> None:
        """Put off what nobody needs to wait for until all so far is done."""
        self._later.append(act)

    def put(self, output: Output) -> None:
        self._out.append(output)

    def begin(self) -> None:
        """A message from the receiver is being read, to be acknowledged once."""
        self._unaccepted = True

    def accept(self) -> None:
        """What it asks for is kept from here on; harmless the second time."""
        if self._unaccepted:
            self._unaccepted = False
            self._out.append(ports.Accept())

    def keep(self, sale: Sale, fact: Fact, source: str) -> None:
        """Apply `fact`, have it journalled, and show what changed; raises IllegalMoveError."""
        sale.take(fact)
        if fact.event not in VOLATILE:
            self._out.append(ports.Keep(sale, fact))
        self._out.append(ports.Tell(copy(sale), fact.event, source))
        if sale.state is State.APPROVED and not sale.is_refund and self._watched():
            self.keep(sale, Fact(Event.TOLD), ports.BRIDGE)

    def owe(self, sale: Sale, event: Event, reason: int) -> None:
        """The approval at hand is never asked about again: journal that it is to be reversed."""
        self.decide(sale, Fact(event, reason, reversal=sale.approval_id), ports.BRIDGE)

    def decide(self, sale: Sale, fact: Fact, source: str) -> None:
        """Keep what somebody decided, and have the outbox do what is owed from here on."""
        self.keep(sale, fact, source)
        if fact.reversal:
            self.put(ports.Owe(sale, fact.reversal))
        elif fact.event is Event.PAID:
            self.put(ports.Settle(sale))

    def refuse(self, reason: int, detail: str) -> None:
        self._out.append(ports.Refuse(reason, detail))

    def send(self, channel: int, value: Any) -> None:
        """A message to the receiver; while it is away nothing, as its next SYNC puts it right."""
        if self.synced:
            self._out.append(ports.Send(channel, wire.encode(channel, value)))

    def order(self, terms: Terms, left: int) -> None:
        """Have an offer made that lives no longer than the till waits (`left`, ms)."""
        seconds = -(-left // 1000)
        order = wire.Open(
            terms.reference,
            terms.kind,
            terms.amount,
            terms.currency,
            terms.till,
            max(1, min(messages.TTL_MOST_S, seconds)),
            terms.original,
        )
        self.send(wire.OPEN, order)

    def cancel(self, sale: Sale) -> None:
        """The receiver's session ends with the sale."""
        self.send(wire.CANCEL, wire.Cancel(sale.terms.reference, sale.reason))

    def verdict(self, session: bytes, approval_id: bytes, reason: int) -> None:
        self.send(wire.VERDICT, wire.Verdict(session, approval_id, reason))
