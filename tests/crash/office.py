"""The authority's real books behind the bridge's own protocol, over a network with faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from bridge.authority.client import RefusedError, UnansweredError
from receiver import reasons
from receiver.encoding import schema
from receiver.protocol import identifiers, messages, signed
from simulator.virtual.authority import VirtualAuthority
from simulator.virtual.bridge_client import BridgeClient, done
from tests.crash.template import CLIENT

if TYPE_CHECKING:
    from simulator.authority.keys import Keys
    from simulator.authority.storage.store import Store
    from tests.crash.life import Life
    from tests.crash.machine import Machine

TRIP_S = 0.02  # one way
TIMEOUT_S = 4.0  # the bridge's, for one request
LATE_S = 60.0  # longer than any till waits

T = TypeVar("T")


class Fault(Enum):
    """What becomes of one request."""

    LOST = "never arrives"
    MUTE = "is done; the answer is lost"
    BROKEN = "is answered with 500, and nothing is done"
    REFUSED = "is refused by the door, which names no reason"
    LATE = "arrives when nobody waits any more"
    TWICE = "arrives again long after it was answered"
    SLOW = "is answered just in time"


class Office(VirtualAuthority):
    """Books and keys, and what was asked in which order."""

    def __init__(self, store: Store, keys: Keys, clock: Callable[[], float]) -> None:
        super().__init__(store, keys, CLIENT, clock)
        self.away = False
        self.faults: dict[str, list[Fault]] = {}  # by what is asked, for the next requests
        self.sent: list[tuple[str, bytes]] = []  # what left the bridge: kind and approval id
        self.seen: dict[bytes, list[str]] = {}  # each state of each approval, in order
        self.under_way = 0

    def next_fault(self, kind: str) -> Fault | None:
        if self.away:
            return Fault.LOST
        planned = self.faults.get(kind)
        return planned.pop(0) if planned else None

    def note_states(self) -> None:
        """What every approval has come to."""
        for name, state in self.store.rows("SELECT approval_id, state FROM transactions"):
            states = self.seen.setdefault(bytes(name), [])
            if not states or states[-1] != state:
                states.append(state)


class Line(BridgeClient):
    """One life's way to the authority."""

    def __init__(self, machine: Machine, life: Life) -> None:
        super().__init__(machine.office, self._position, TRIP_S)
        self._machine = machine
        self._life = life
        self._office = machine.office

    async def _ask(self, kind: str, what: bytes, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        if self._life.dead:
            raise UnansweredError("this life is over")
        if kind != "announce":
            work = await self._heard(work)
        self._office.sent.append((kind, _name(what) if kind == "authorise" else what))
        answer: asyncio.Future[T] = loop.create_future()
        fault = self._office.next_fault(kind)
        if fault is not Fault.LOST:
            delay = LATE_S if fault is Fault.LATE else TRIP_S
            self._office.under_way += 1
            loop.call_later(delay, self._arrive, fault, work, answer, context=self._machine.context)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await answer
        except TimeoutError:
            raise UnansweredError(f"{kind}: nothing in {TIMEOUT_S:g} s") from None

    async def _position(self) -> str:
        if self._life.service is None:
            raise RuntimeError("the bridge has not begun")
        return await self._life.service.standing.header()

    def _arrive(
        self, fault: Fault | None, work: Callable[[], T], answer: asyncio.Future[T]
    ) -> None:
        """At the authority, whatever became of who asked."""
        self._office.under_way -= 1
        if fault is Fault.BROKEN:
            self._reply(fault, answer, UnansweredError("500"))
            return
        if fault is Fault.REFUSED:
            refused = RefusedError(reasons.RECEIVER_UNTRUSTED, "403", said=False)
            self._reply(fault, answer, refused)
            return
        result = done(work)
        self._office.note_states()
        if fault is Fault.TWICE:
            self._office.under_way += 1
            again = (Fault.MUTE, work, answer)
            loop = asyncio.get_running_loop()
            loop.call_later(LATE_S, self._arrive, *again, context=self._machine.context)
        if fault not in (Fault.MUTE, Fault.LATE):
            self._reply(fault, answer, result)

    def _reply(self, fault: Fault | None, answer: asyncio.Future[T], result: T | Exception) -> None:
        delay = TIMEOUT_S - 2 * TRIP_S if fault is Fault.SLOW else TRIP_S
        loop = asyncio.get_running_loop()
        loop.call_later(delay, self._settle, answer, result, context=self._machine.context)

    def _settle(self, answer: asyncio.Future[T], result: T | Exception) -> None:
        """At the bridge, if it is there still and waits."""
        if answer.done() or self._life.dead:
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)


@lru_cache(maxsize=64)  # the same record is sent again and again
def _name(data: bytes) -> bytes:
    """The approval id in a record, as the books will have it."""
    record: messages.Record = schema.decode(messages.RECORD, data, messages.Record)
    holder: messages.Credential = signed.parse(messages.CREDENTIAL, record.credential).value
    parsed = signed.parse(messages.APPROVAL, record.approval, signed.algorithm(holder.key))
    context = identifiers.approval_context(
        record.certificate_hash, record.offer, record.enc, record.credential
    )
    return identifiers.approval_id(signed.structure(messages.APPROVAL, parsed, context))
