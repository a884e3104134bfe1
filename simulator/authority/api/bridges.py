"""What bridges ask of the authority: authorisations, their ends, refunds, states, statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from aiohttp import web

from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.link.wire import NONCE_SIZE
from receiver.protocol import messages, signed
from simulator.authority.accounts import bindings, offline, receivers
from simulator.authority.ledger import journal_positions, ledger, refunds, statements
from simulator.authority.ledger.record_verification import verify
from simulator.authority.storage.schema import DECLINED, POSTED
from simulator.authority.storage.store import atomic

from .requests import (
    CBOR,
    RequestError,
    client_fingerprint,
    cose,
    json_body,
    number,
    octets,
    octets_body,
    position,
    query,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.authority.accounts.bindings import Caller
    from simulator.authority.context import Office
    from simulator.authority.ledger.journal_positions import Position
    from simulator.authority.ledger.transactions import Booked
    from simulator.authority.storage.store import Store

T = TypeVar("T")
P = ParamSpec("P")

APPROVAL_ID = "{approval_id:[0-9a-f]{32}}"

_REFUND_ID = "{refund_id:[0-9a-f]{32}}"
_RECEIVER_ID = "{receiver_id:[0-9a-f]{16}}"
_TIME_SIZE = 4  # of a cursor, before the approval id
CURSOR_SIZE = _TIME_SIZE + signed.ID_SIZE


class BridgeApi:
    """Every route wants a client certificate that speaks for the receiver.

    One that spoke for it once may end what it began: the routes that begin something refuse it.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/authorisations", self.authorise),
            web.post(f"/v1/confirmations/{APPROVAL_ID}", self.confirm),
            web.post(f"/v1/reversals/{APPROVAL_ID}", self.reverse),
            web.post(f"/v1/refunds/{_REFUND_ID}", self.refund),
            web.get(f"/v1/transactions/{APPROVAL_ID}", self.transaction),
            web.get(f"/v1/receivers/{_RECEIVER_ID}/transactions", self.transactions),
            web.post("/v1/states", self.state),
            web.get("/v1/revocations", self.revocations),
        ]

    async def authorise(self, request: web.Request) -> web.Response:
        """A record in, a signed receipt out: approved and declined alike are 200."""
        client = client_fingerprint(request)
        data = await octets_body(request, CBOR)
        record: messages.Record = schema.decode(messages.RECORD, data, messages.Record)
        return cose(self._authorise(client, record, position(request)))

    async def confirm(self, request: web.Request) -> web.Response:
        """Post, however late; what was voided or declined stays so, and says so."""
        approval_id = request.match_info["approval_id"]
        receiver_id, _ = await self._receiver(request)
        booked = self._for(
            request, receiver_id, ledger.confirm, bytes.fromhex(approval_id), self._office.now()
        )
        return web.json_response(
            {"approval_id": approval_id, "state": booked.state, "late": bool(booked.late)}
        )

    async def reverse(self, request: web.Request) -> web.Response:
        """Give back, or make sure that nothing will be taken."""
        approval_id = request.match_info["approval_id"]
        receiver_id, _ = await self._receiver(request)
        state = self._for(
            request, receiver_id, ledger.reverse, bytes.fromhex(approval_id), self._office.now()
        )
        return web.json_response({"approval_id": approval_id, "state": state})

    async def refund(self, request: web.Request) -> web.Response:
        """Give back without a phone: posted at once, or declined."""
        receiver_id, body = await self._receiver(request, "transaction_id", "amount", "currency")
        refund_id = request.match_info["refund_id"]
        order = refunds.Order(
            bytes.fromhex(refund_id),
            receiver_id,
            octets(body["transaction_id"], "transaction_id", signed.ID_SIZE),
            number(body["amount"], "amount", 1),
            number(body["currency"], "currency", 1, messages.CURRENCY_MOST),
        )
        booked = self._for(request, receiver_id, refunds.refund, order, self._office.now())
        return web.json_response({"refund_id": refund_id, **_refunded(booked)})

    async def transaction(self, request: web.Request) -> web.Response:
        """What became of an approval or a refund."""
        values = query(request, "receiver_id")
        receiver_id = octets(values["receiver_id"], "receiver_id", messages.RECEIVER_ID_SIZE)
        approval_id = bytes.fromhex(request.match_info["approval_id"])
        found = self._for(request, receiver_id, self._read, statements.one, approval_id)
        return web.json_response(found)

    async def transactions(self, request: web.Request) -> web.Response:
        """All of a time, page by page, for a bridge that lost its journal."""
        values = query(request, "from", "to", after="")
        receiver_id = bytes.fromhex(request.match_info["receiver_id"])
        start, end = (_epoch(values[name], name) for name in ("from", "to"))
        after = _cursor(values["after"])
        listed, following = self._for(
            request, receiver_id, self._read, statements.page, start, end, after
        )
        return web.json_response(
            {"transactions": listed, "next": str(following) if following else None}
        )

    async def state(self, request: web.Request) -> web.Response:
        """Time and limits for a receiver, under its nonce."""
        receiver_id, body = await self._receiver(request, "nonce")
        nonce = octets(body["nonce"], "nonce", NONCE_SIZE)
        return cose(self._for(request, receiver_id, self._state, nonce))

    async def revocations(self, request: web.Request) -> web.Response:
        """The list whose hash stands in the states of this moment."""
        values = query(request, "receiver_id")
        receiver_id = octets(values["receiver_id"], "receiver_id", messages.RECEIVER_ID_SIZE)
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
        """What changes nothing, after the caller's position."""
        journal_positions.note(store, caller.client, caller.position, self._office.now())
        return work(store, caller, *args, **kwargs)

    async def _receiver(self, request: web.Request, *names: str) -> tuple[bytes, dict[str, Any]]:
        """The receiver that the body names, and the body."""
        client_fingerprint(request)  # a caller without one need not be read
        body = await json_body(request, "receiver_id", *names)
        return octets(body["receiver_id"], "receiver_id", messages.RECEIVER_ID_SIZE), body

    def _for(
        self,
        request: web.Request,
        receiver_id: bytes,
        work: Callable[Concatenate[Store, Caller, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """`work` on the books for a receiver that the caller speaks for, or once did."""
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
    return office.keys.state(version, caller.receiver, nonce, now, limits, digest)


def _listed_revocations(store: Store, _: Caller, now: int) -> bytes:
    return offline.revocations(store, now)


def _must_speak(caller: Caller) -> None:
    """A receiver that is another client's by now gets no more terms from this one."""
    if caller.until is not None:
        raise _foreign()


def _foreign() -> RequestError:
    return RequestError(403, "the client certificate does not speak for this receiver")


def _refunded(booked: Booked) -> dict[str, Any]:
    """A refund that was reversed before it came is declined, for that reason."""
    posted = booked.state == POSTED
    return {
        "state": POSTED if posted else DECLINED,
        "reason": None if posted else reasons.name(booked.reason or reasons.REVERSED),
        "transaction_id": statements.plain(booked.transaction_id),
    }


def _epoch(value: str, name: str) -> int:
    return number(int(value) if value.isascii() and value.isdigit() else None, name)


def _cursor(value: str) -> statements.Cursor:
    if not value:
        return statements.BEGINNING
    data = octets(value, "after", CURSOR_SIZE)
    return statements.Cursor(int.from_bytes(data[:_TIME_SIZE], "big"), data[_TIME_SIZE:])
