"""The authority's real books behind the bridge's own protocol, over a network with faults.

No HTTP: what the authority's API does with a request is done here, with the same functions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeVar

from bridge import contracts
from bridge.authority.client import Refunded, RefusedError, UnansweredError
from bridge.authority.messages import PositionClaim, StandingAnswer, Transaction, TransactionPage
from bridge.domain.held import AuthorityTransaction
from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.protocol import identifiers, messages, signed
from simulator.authority.accounts import bindings, offline, receivers
from simulator.authority.api.requests import position_in
from simulator.authority.ledger import journal_positions, ledger, refunds, statements
from simulator.authority.ledger.record_verification import verify
from simulator.authority.storage.schema import POSTED
from tests.crash.template import CLIENT

if TYPE_CHECKING:
    from msgspec import Struct

    from simulator.authority.accounts.bindings import Caller
    from simulator.authority.keys import Keys
    from simulator.authority.storage.store import Store
    from tests.crash.life import Life
    from tests.crash.machine import Machine

TRIP_S = 0.02  # one way
TIMEOUT_S = 4.0  # the bridge's, for one request
LATE_S = 60.0  # longer than any till waits

_T = TypeVar("_T")


class Fault(Enum):
    """What becomes of one request."""

    LOST = "never arrives"
    MUTE = "is done; the answer is lost"
    BROKEN = "is answered with 500, and nothing is done"
    REFUSED = "is refused by the door, which names no reason"
    LATE = "arrives when nobody waits any more"
    TWICE = "arrives again long after it was answered"
    SLOW = "is answered just in time"


class Office:
    """Books, keys, and what was asked in which order."""

    def __init__(self, store: Store, keys: Keys, clock: Callable[[], float]) -> None:
        self.store = store
        self.keys = keys
        self.away = False
        self.faults: dict[str, list[Fault]] = {}  # by what is asked, for the next requests
        self.sent: list[tuple[str, bytes]] = []  # what left the bridge: kind and approval id
        self.seen: dict[bytes, list[str]] = {}  # each state of each approval, in order
        self.under_way = 0
        self._pins = keys.pins()
        self._clock = clock

    def next_fault(self, kind: str) -> Fault | None:
        if self.away:
            return Fault.LOST
        planned = self.faults.get(kind)
        return planned.pop(0) if planned else None

    def now(self) -> int:
        return int(self._clock())

    # As `simulator.authority.api.bridges` does it.

    def caller(self, receiver_id: bytes) -> Caller:
        """The bridge as it speaks for a receiver."""
        caller = bindings.caller(self.store, CLIENT, receiver_id)
        if caller is None:
            raise Error(reasons.RECEIVER_UNTRUSTED, "not this bridge's receiver")
        return caller

    def transaction(self, receiver_id: bytes, approval_id: bytes) -> AuthorityTransaction:
        found = statements.one(self.store, self.caller(receiver_id), approval_id)
        return _sent(found, Transaction).holding(receiver_id)

    def transactions(
        self, receiver_id: bytes, start_s: int, end_s: int
    ) -> list[AuthorityTransaction]:
        """Fewer here than fill a page."""
        caller = self.caller(receiver_id)
        page = _sent(statements.page(self.store, caller, start_s, end_s, None), TransactionPage)
        return [one.holding(receiver_id) for one in page.transactions]

    def receivers(self) -> list[bytes]:
        """All that are or ever were bound to the bridge; fewer here than fill a page."""
        page = bindings.listed(self.store, CLIENT, b"")
        return [one.receiver_id for one in page.receivers]

    def claim(self, claim: PositionClaim) -> StandingAnswer:
        """As over HTTP."""
        asked = _sent(claim, PositionClaim)
        said = journal_positions.claim(
            self.store, CLIENT, asked, self.now(), journal_positions.LEASE_S
        )
        return _sent(said, StandingAnswer)

    def hear(self, header: str) -> None:
        """The position that a call bears."""
        journal_positions.note(self.store, CLIENT, position_in(header), self.now())

    def authorise(self, data: bytes) -> bytes:
        record: messages.Record = schema.decode(messages.RECORD, data, messages.Record)
        issued, caller = receivers.presented(self.store, record.certificate_hash, CLIENT)
        if issued is None or caller is None:
            raise Error(reasons.RECEIVER_UNKNOWN, "a certificate that was never issued")
        evidence = verify(issued, record, self._pins)
        return ledger.authorise(self.store, self.keys, caller, evidence, self.now())

    def confirm(self, receiver_id: bytes, approval_id: bytes) -> str:
        return ledger.confirm(self.store, self.caller(receiver_id), approval_id, self.now()).state

    def reverse(self, receiver_id: bytes, approval_id: bytes) -> str:
        return ledger.reverse(self.store, self.caller(receiver_id), approval_id, self.now())

    def refund(self, order: refunds.Order) -> Refunded:
        booked = refunds.refund(self.store, self.caller(order.receiver), order, self.now())
        if booked.state == POSTED:
            return Refunded(booked.transaction_id or b"", reasons.OK)
        return Refunded(b"", booked.reason or reasons.REVERSED)

    def state(self, receiver_id: bytes, nonce: bytes) -> bytes:
        limits, listed = offline.terms(self.store, receiver_id, self.now())
        version = receivers.next_state_version(self.store)
        return self.keys.state(
            version,
            receiver_id,
            nonce,
            self.now(),
            limits=limits,
            revocations=signed.digest(listed),
        )

    def revocations(self) -> bytes:
        return offline.revocations(self.store, self.now())

    def note_states(self) -> None:
        """What every approval has come to."""
        for name, state in self.store.rows("SELECT approval_id, state FROM transactions"):
            states = self.seen.setdefault(bytes(name), [])
            if not states or states[-1] != state:
                states.append(state)


class Line:
    """One life's way to the authority (`bridge.sales.ports.Authority`)."""

    def __init__(self, machine: Machine, life: Life) -> None:
        self._machine = machine
        self._life = life
        self._office = machine.office

    def retry_now(self) -> None:
        """It is never spared here."""

    async def authorise(self, record: bytes) -> bytes:
        return await self._ask("authorise", _name(record), partial(self._office.authorise, record))

    async def reverse(self, approval_id: bytes, receiver_id: bytes) -> str:
        work = partial(self._office.reverse, receiver_id, approval_id)
        return await self._ask("reverse", approval_id, work)

    async def confirm(self, approval_id: bytes, receiver_id: bytes) -> str:
        work = partial(self._office.confirm, receiver_id, approval_id)
        return await self._ask("confirm", approval_id, work)

    async def refund(
        self,
        refund_id: bytes,
        receiver_id: bytes,
        transaction_id: bytes,
        amount: int,
        currency: int,
    ) -> Refunded:
        order = refunds.Order(refund_id, receiver_id, transaction_id, amount, currency)
        return await self._ask("refund", refund_id, partial(self._office.refund, order))

    async def state(self, receiver_id: bytes, nonce: bytes) -> bytes:
        return await self._ask("state", b"", partial(self._office.state, receiver_id, nonce))

    async def revocations(self, receiver_id: bytes) -> bytes:
        return await self._ask("revocations", b"", self._office.revocations)

    async def announce(self, claim: PositionClaim) -> StandingAnswer:
        work = partial(self._office.claim, claim)
        return await self._ask("announce", b"", work)

    async def receivers(self) -> list[bytes]:
        return await self._ask("receivers", b"", self._office.receivers)

    async def transaction(
        self, approval_id: bytes, receiver_id: bytes
    ) -> AuthorityTransaction | None:
        work = partial(self._office.transaction, receiver_id, approval_id)
        try:
            return await self._ask("transaction", approval_id, work)
        except RefusedError as error:
            if error.reason != reasons.APPROVAL_UNKNOWN:
                raise
            return None

    async def transactions(
        self, receiver_id: bytes, start_s: int, end_s: int
    ) -> list[AuthorityTransaction]:
        work = partial(self._office.transactions, receiver_id, start_s, end_s)
        return await self._ask("transactions", b"", work)

    async def _ask(self, kind: str, name: bytes, work: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        if self._life.dead:
            raise UnansweredError("this life is over")
        if kind != "announce":
            work = await self._heard(work)
        self._office.sent.append((kind, name))
        answer: asyncio.Future[_T] = loop.create_future()
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

    async def _heard(self, work: Callable[[], _T]) -> Callable[[], _T]:
        """The same with the journal's position, as `bridge.authority.client` does it."""
        if self._life.service is None:
            raise RuntimeError("the bridge has not begun")
        standing = self._life.service.standing
        header = await standing.header()

        def heard() -> _T:
            self._office.hear(header)
            return work()

        return heard

    def _arrive(
        self, fault: Fault | None, work: Callable[[], _T], answer: asyncio.Future[_T]
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
        try:
            result: _T | Exception = work()
        except Error as error:
            result = RefusedError(error.code, error.detail, said=True)
            if error.code == reasons.JOURNAL_BEHIND:
                result = UnansweredError(error.detail)
        self._office.note_states()
        if fault is Fault.TWICE:
            self._office.under_way += 1
            again = (Fault.MUTE, work, answer)
            loop = asyncio.get_running_loop()
            loop.call_later(LATE_S, self._arrive, *again, context=self._machine.context)
        if fault not in (Fault.MUTE, Fault.LATE):
            self._reply(fault, answer, result)

    def _reply(
        self, fault: Fault | None, answer: asyncio.Future[_T], result: _T | Exception
    ) -> None:
        delay = TIMEOUT_S - 2 * TRIP_S if fault is Fault.SLOW else TRIP_S
        loop = asyncio.get_running_loop()
        loop.call_later(delay, self._settle, answer, result, context=self._machine.context)

    def _settle(self, answer: asyncio.Future[_T], result: _T | Exception) -> None:
        """At the bridge, if it is there still and waits."""
        if answer.done() or self._life.dead:
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)


def _sent(said: Struct, type_: type[_T]) -> _T:
    """Through the very JSON that goes over HTTP."""
    return contracts.decode(contracts.encode(said), type_)


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
