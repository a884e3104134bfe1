"""The bridges' routes: authorisations, confirmations, reversals, refunds, states, statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from aiohttp import web

from bridge.authority.messages import (
    AUTHORISATIONS,
    CBOR,
    CONFIRMATION,
    REFUND,
    REVERSAL,
    REVOCATIONS,
    STATES,
    TRANSACTION,
    TRANSACTIONS,
    Confirmed,
    OfReceiver,
    ReceiverQuery,
    RefundAnswer,
    RefundOutcome,
    RefundRequest,
    Reversed,
    Settled,
    StateRequest,
    TransactionId,
    TransactionsQuery,
)
from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.protocol import messages, signed
from simulator.authority.accounts import bindings, offline, receivers
from simulator.authority.accounts.bindings import Caller
from simulator.authority.context import Office
from simulator.authority.ledger import journal_positions, ledger, refunds, statements
from simulator.authority.ledger.journal_positions import Position
from simulator.authority.ledger.record_verification import verify
from simulator.authority.ledger.transactions import Booked
from simulator.authority.storage.schema import POSTED
from simulator.authority.storage.store import Store, atomic

from .requests import (
    RequestError,
    answer,
    body_of,
    client_fingerprint,
    cose,
    octets_body,
    path_id,
    position,
    query_of,
    route,
)

T = TypeVar("T")
P = ParamSpec("P")

Asked = TypeVar("Asked", OfReceiver, RefundRequest, StateRequest)


class BridgeApi:
    """Every route requires a client certificate that speaks for the receiver.

    A former client may finish what it began; the routes that begin a transaction refuse it.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(AUTHORISATIONS, self.authorise),
            web.post(route(CONFIRMATION), self.confirm),
            web.post(route(REVERSAL), self.reverse),
            web.post(route(REFUND), self.refund),
            web.get(route(TRANSACTION), self.transaction),
            web.get(route(TRANSACTIONS), self.transactions),
            web.post(STATES, self.state),
            web.get(REVOCATIONS, self.revocations),
        ]

    async def authorise(self, request: web.Request) -> web.Response:
        """Answer a record with a signed receipt; approved and declined are both 200."""
        client = client_fingerprint(request)
        data = await octets_body(request, CBOR)
        record: messages.Record = schema.decode(messages.RECORD, data, messages.Record)
        return cose(self._authorise(client, record, position(request)))

    async def confirm(self, request: web.Request) -> web.Response:
        """Post a hold, however late; what was voided or declined stays so, as the answer shows."""
        name, asked = path_id(request, "approval_id"), await _asked(request, OfReceiver)
        booked = self._for(request, asked.receiver_id, ledger.confirm, name, self._office.now())
        return answer(Confirmed(TransactionId(name), Settled(booked.state), bool(booked.late)))

    async def reverse(self, request: web.Request) -> web.Response:
        """Void a hold, or make sure that none will be made."""
        name, asked = path_id(request, "approval_id"), await _asked(request, OfReceiver)
        state = self._for(request, asked.receiver_id, ledger.reverse, name, self._office.now())
        return answer(Reversed(TransactionId(name), Settled(state)))

    async def refund(self, request: web.Request) -> web.Response:
        """Refund without a phone: posted at once, or declined."""
        name, asked = path_id(request, "refund_id"), await _asked(request, RefundRequest)
        order = refunds.Order(
            name, asked.receiver_id, asked.transaction_id, asked.amount, asked.currency
        )
        now = self._office.now()
        booked = self._for(request, asked.receiver_id, refunds.refund, order, now)
        return answer(_refunded(name, booked))

    async def transaction(self, request: web.Request) -> web.Response:
        """Return the state of an approval or a refund."""
        receiver_id = query_of(request, ReceiverQuery).receiver_id
        name = path_id(request, "approval_id")
        return answer(self._for(request, receiver_id, self._read, statements.one, name))

    async def transactions(self, request: web.Request) -> web.Response:
        """List all transactions of a period, page by page, for a bridge that lost its journal."""
        asked = query_of(request, TransactionsQuery)
        page = self._for(
            request,
            path_id(request, "receiver_id"),
            self._read,
            statements.page,
            asked.start,
            asked.end,
            asked.after,
        )
        return answer(page)

    async def state(self, request: web.Request) -> web.Response:
        """Sign time and limits for a receiver, under its nonce."""
        asked = await _asked(request, StateRequest)
        return cose(self._for(request, asked.receiver_id, self._state, asked.nonce))

    async def revocations(self, request: web.Request) -> web.Response:
        """Return the revocation list whose hash is in the states signed now."""
        receiver_id = query_of(request, ReceiverQuery).receiver_id
        listed = self._for(request, receiver_id, self._revocations)
        return web.Response(body=listed, content_type=CBOR)

    # The books.

    def _authorise(self, client: str, record: messages.Record, at: Position | None = None) -> bytes:
        office = self._office
        issued, caller = receivers.presented(office.store, record.certificate_hash, client)
        if issued is None:
            raise Error(reasons.RECEIVER_UNKNOWN, "a certificate that was never issued")
        if caller is None:
            raise _foreign()
        evidence = verify(issued, record, office.pins)
        now, caller = office.now(), caller._replace(position=at)
        return ledger.authorise(office.store, office.keys, caller, evidence, now)

    def _state(self, store: Store, caller: Caller, nonce: bytes) -> bytes:
        _must_speak(caller)
        return _signed_state(store, caller, nonce, self._office)

    def _revocations(self, store: Store, caller: Caller) -> bytes:
        _must_speak(caller)
        return self._read(store, caller, _listed_revocations, self._office.now())

    def _read(
        self,
        store: Store,
        caller: Caller,
        work: Callable[Concatenate[Store, Caller, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `work`, which changes nothing, after noting the caller's position."""
        journal_positions.note(store, caller.client, caller.position, self._office.now())
        return work(store, caller, *args, **kwargs)

    def _for(
        self,
        request: web.Request,
        receiver_id: bytes,
        work: Callable[Concatenate[Store, Caller, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `work` on the books for a receiver of the caller, now or earlier."""
        fingerprint, store = client_fingerprint(request), self._office.store
        caller = bindings.caller(store, fingerprint, receiver_id)
        if caller is None:
            raise _foreign()
        return work(store, caller._replace(position=position(request)), *args, **kwargs)


@atomic
def _signed_state(store: Store, caller: Caller, nonce: bytes, office: Office) -> bytes:
    now = office.now()
    journal_positions.hear(store, caller.client, caller.position, now)
    limits, listed = offline.terms(store, caller.receiver, now)
    version = receivers.next_state_version(store)
    digest = signed.digest(listed)
    return office.keys.state(
        version, caller.receiver, nonce, now, limits=limits, revocations=digest
    )


def _listed_revocations(store: Store, _: Caller, now: int) -> bytes:
    return offline.revocations(store, now)


def _must_speak(caller: Caller) -> None:
    """Refuse a client whose receiver has moved to another one: it gets no more terms."""
    if caller.until is not None:
        raise _foreign()


def _foreign() -> RequestError:
    return RequestError(403, "the client certificate does not speak for this receiver")


async def _asked(request: web.Request, type_: type[Asked]) -> Asked:
    client_fingerprint(request)  # refuse a caller without one before reading its body
    return await body_of(request, type_)


def _refunded(name: bytes, booked: Booked) -> RefundAnswer:
    """Decline a refund that was reversed before it came, with that reason."""
    if booked.state == POSTED and booked.transaction_id:
        posted = TransactionId(booked.transaction_id)
        return RefundAnswer(TransactionId(name), RefundOutcome.POSTED, None, posted)
    reason = reasons.name(booked.reason or reasons.REVERSED)
    return RefundAnswer(TransactionId(name), RefundOutcome.DECLINED, reason, None)
