"""What bridges ask of the authority: authorisations, their ends, refunds, states, statements."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from aiohttp import web

from receiver import layout, messages, reasons, signed
from receiver.errors import Error
from receiver.wire import NONCE_SIZE

from . import ledger, offline, receivers, refunds, statements
from .requests import (
    CBOR,
    RequestError,
    client_fingerprint,
    cose,
    json_body,
    number,
    octets,
    octets_body,
    query,
)
from .schema import DECLINED, POSTED
from .verify import verify

if TYPE_CHECKING:
    from .booking import Booked
    from .office import Office

APPROVAL_ID = "{approval_id:[0-9a-f]{32}}"

_REFUND_ID = "{refund_id:[0-9a-f]{32}}"
_RECEIVER_ID = "{receiver_id:[0-9a-f]{16}}"
_TIME_SIZE = 4  # of a cursor, before the approval id
CURSOR_SIZE = _TIME_SIZE + signed.ID_SIZE


class BridgeApi:
    """Every route wants the client certificate that is bound to the receiver."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._ask = office.store.ask

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
        record: messages.Record = layout.decode(messages.RECORD, data, messages.Record)
        return cose(await self._ask(self._authorise, client, record))

    async def confirm(self, request: web.Request) -> web.Response:
        """Post, however late; what was voided or declined stays so, and says so."""
        receiver_id, _ = await self._receiver(request)
        approval_id = request.match_info["approval_id"]
        now = self._office.now()
        booked = await self._ask(
            ledger.confirm, self._office.store, receiver_id, bytes.fromhex(approval_id), now
        )
        return web.json_response(
            {"approval_id": approval_id, "state": booked.state, "late": bool(booked.late)}
        )

    async def reverse(self, request: web.Request) -> web.Response:
        """Give back, or make sure that nothing will be taken."""
        receiver_id, _ = await self._receiver(request)
        approval_id = request.match_info["approval_id"]
        now = self._office.now()
        state = await self._ask(
            ledger.reverse, self._office.store, receiver_id, bytes.fromhex(approval_id), now
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
        office = self._office
        booked = await self._ask(refunds.refund, office.store, order, office.now())
        return web.json_response({"refund_id": refund_id, **_refunded(booked)})

    async def transaction(self, request: web.Request) -> web.Response:
        """What became of an approval or a refund."""
        values = query(request, "receiver_id")
        receiver_id = octets(values["receiver_id"], "receiver_id", messages.RECEIVER_ID_SIZE)
        await self._must_speak_for(client_fingerprint(request), receiver_id)
        approval_id = bytes.fromhex(request.match_info["approval_id"])
        return web.json_response(
            await self._ask(statements.one, self._office.store, receiver_id, approval_id)
        )

    async def transactions(self, request: web.Request) -> web.Response:
        """All of a time, page by page, for a bridge that lost its journal."""
        values = query(request, "from", "to", after="")
        receiver_id = bytes.fromhex(request.match_info["receiver_id"])
        await self._must_speak_for(client_fingerprint(request), receiver_id)
        start, end = (_epoch(values[name], name) for name in ("from", "to"))
        listed, following = await self._ask(
            statements.page, self._office.store, receiver_id, start, end, _cursor(values["after"])
        )
        return web.json_response(
            {"transactions": listed, "next": str(following) if following else None}
        )

    async def state(self, request: web.Request) -> web.Response:
        """Time and limits for a receiver, under its nonce."""
        receiver_id, body = await self._receiver(request, "nonce")
        nonce = octets(body["nonce"], "nonce", NONCE_SIZE)
        return cose(await self._ask(self._state, receiver_id, nonce))

    async def revocations(self, request: web.Request) -> web.Response:
        """The list whose hash stands in the states of this moment."""
        office = self._office
        values = query(request, "receiver_id")
        receiver_id = octets(values["receiver_id"], "receiver_id", messages.RECEIVER_ID_SIZE)
        await self._must_speak_for(client_fingerprint(request), receiver_id)
        listed = await self._ask(offline.revocations, office.store, office.now())
        return web.Response(body=listed, content_type=CBOR)

    # In a thread of the store's, where there are some.

    def _authorise(self, client: str, record: messages.Record) -> bytes:
        office = self._office
        issued = receivers.issued(office.store, record.certificate_hash)
        if issued is None:
            raise Error(reasons.RECEIVER_UNKNOWN, "a certificate that was never issued")
        _must_be_bound(client, issued.client)
        evidence = verify(issued, record, office.pins)
        return ledger.authorise(office.store, office.keys, evidence, office.now())

    def _state(self, receiver_id: bytes, nonce: bytes) -> bytes:
        office, now = self._office, self._office.now()
        limits, listed = offline.terms(office.store, receiver_id, now)
        version = receivers.next_state_version(office.store)
        return office.keys.state(version, receiver_id, nonce, now, limits, signed.digest(listed))

    async def _receiver(self, request: web.Request, *names: str) -> tuple[bytes, dict[str, Any]]:
        """The receiver that the body names and the client may speak for; and the body."""
        client = client_fingerprint(request)
        body = await json_body(request, "receiver_id", *names)
        receiver_id = octets(body["receiver_id"], "receiver_id", messages.RECEIVER_ID_SIZE)
        await self._must_speak_for(client, receiver_id)
        return receiver_id, body

    async def _must_speak_for(self, client: str, receiver_id: bytes) -> None:
        bound = await self._ask(receivers.client_of, self._office.store, receiver_id)
        _must_be_bound(client, bound)


def _must_be_bound(client: str, bound: str | None) -> None:
    if bound is None or not secrets.compare_digest(client, bound):
        raise RequestError(403, "the client certificate does not speak for this receiver")


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
