"""What bridges ask of the authority: authorisations, reversals, states."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from aiohttp import web

from receiver import layout, messages, reasons
from receiver.errors import Error

from . import ledger, receivers
from .requests import CBOR, RequestError, client_fingerprint, cose, json_body, octets, octets_body
from .verify import verify

if TYPE_CHECKING:
    from .office import Office

APPROVAL_ID = "{approval_id:[0-9a-f]{32}}"

_NONCE_SIZE = 16


class BridgeApi:
    """Every route wants the client certificate that is bound to the receiver."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/authorisations", self.authorise),
            web.post(f"/v1/reversals/{APPROVAL_ID}", self.reverse),
            web.post("/v1/states", self.state),
        ]

    async def authorise(self, request: web.Request) -> web.Response:
        """A record in, a signed receipt out: approved and declined alike are 200."""
        office = self._office
        client = client_fingerprint(request)
        data = await octets_body(request, CBOR)
        record: messages.Record = layout.decode(messages.RECORD, data, messages.Record)
        issued = receivers.issued(office.store, record.certificate_hash)
        if issued is None:
            raise Error(reasons.RECEIVER_UNKNOWN, "a certificate that was never issued")
        _must_be_bound(client, issued.client)
        evidence = verify(issued, record, office.pins)
        return cose(ledger.authorise(office.store, office.keys, evidence, office.now()))

    async def reverse(self, request: web.Request) -> web.Response:
        """Give back, or make sure that nothing will be taken."""
        office = self._office
        receiver_id, _ = await self._receiver(request, "receiver_id")
        approval_id = request.match_info["approval_id"]
        state = ledger.reverse(office.store, receiver_id, bytes.fromhex(approval_id), office.now())
        return web.json_response({"approval_id": approval_id, "state": state})

    async def state(self, request: web.Request) -> web.Response:
        """Time and limits for a receiver, under its nonce."""
        office = self._office
        receiver_id, body = await self._receiver(request, "receiver_id", "nonce")
        nonce = octets(body["nonce"], "nonce", _NONCE_SIZE)
        version = receivers.next_state_version(office.store)
        return cose(office.keys.state(version, receiver_id, nonce, office.now()))

    async def _receiver(self, request: web.Request, *names: str) -> tuple[bytes, dict[str, object]]:
        """The receiver that the body names and the client may speak for; and the body."""
        client = client_fingerprint(request)
        body = await json_body(request, *names)
        receiver_id = octets(body["receiver_id"], "receiver_id", messages.RECEIVER_ID_SIZE)
        _must_be_bound(client, receivers.client_of(self._office.store, receiver_id))
        return receiver_id, body


def _must_be_bound(client: str, bound: str | None) -> None:
    if bound is None or not secrets.compare_digest(client, bound):
        raise RequestError(403, "the client certificate does not speak for this receiver")
