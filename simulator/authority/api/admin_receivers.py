"""Receivers as an administrator sees them: their certificates and what they may take offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from receiver.encoding.schema import ED25519_SIZE
from receiver.protocol import messages
from simulator.authority.accounts import bindings, offline, receivers
from simulator.authority.accounts.limits import Limits

from .admin import guarded_by
from .requests import RequestError, json_body, number, octets, text

if TYPE_CHECKING:
    from simulator.authority.context import Office

FINGERPRINT_SIZE = 32
_ID = "{receiver_id:[0-9a-f]{16}}"
_FINGERPRINT = f"{{fingerprint:[0-9a-f]{{{2 * FINGERPRINT_SIZE}}}}}"
_LIMITS = {
    "offline_floor": "floor",
    "offline_total": "total",
    "offline_count": "sales",
    "offline_hours": "hours",
}


class ReceiverApi:
    """All under the administrator's token."""

    def __init__(self, office: Office, token: str) -> None:
        self._office = office
        self._token = token

    def routes(self) -> list[web.RouteDef]:
        prefix, guard = "/v1/admin/receivers", guarded_by(self._token)
        return [
            web.post(prefix, guard(self.add)),
            web.get(f"{prefix}/{_ID}", guard(self.limits)),
            web.put(f"{prefix}/{_ID}", guard(self.change_limits)),
            web.post(f"/v1/admin/clients/{_FINGERPRINT}/renewal", guard(self.renew)),
        ]

    async def add(self, request: web.Request) -> web.Response:
        """Issue a certificate; for a receiver that has one, a new one in its place."""
        body = await json_body(
            request,
            "receiver_id",
            "key",
            "store",
            "store_name",
            "invoice_issuer",
            "currency",
            "client_fingerprint",
        )
        client = octets(body["client_fingerprint"], "client_fingerprint", FINGERPRINT_SIZE)
        office = self._office
        value = _certificate(body, office.now())
        data = receivers.enrol(office.store, office.keys, value, client.hex())
        return web.json_response({"certificate": data.hex()}, status=201)

    async def limits(self, request: web.Request) -> web.Response:
        """What a receiver may take without a network."""
        return _shown(self._limits(_receiver_id(request)))

    async def change_limits(self, request: web.Request) -> web.Response:
        """They go into the states that are signed from now on; all 0 is off."""
        receiver_id = _receiver_id(request)
        before = self._limits(receiver_id)
        body = await json_body(request, *_LIMITS, partly=True)
        changed = {_LIMITS[name]: number(value, name) for name, value in body.items()}
        limits = before._replace(**changed)
        office = self._office
        offline.set_limits(office.store, receiver_id, limits, office.now())
        return _shown(limits)

    async def renew(self, request: web.Request) -> web.Response:
        """Put a bridge's new TLS certificate in the place of the one it had."""
        body = await json_body(request, "client_fingerprint")
        new = octets(body["client_fingerprint"], "client_fingerprint", FINGERPRINT_SIZE).hex()
        office, old = self._office, request.match_info["fingerprint"]
        if bindings.renew(office.store, old, new, office.now()) is None:
            raise RequestError(404, "no receiver was ever bound to this client")
        return web.json_response({"client_fingerprint": new})

    def _limits(self, receiver_id: bytes) -> Limits:
        store, now = self._office.store, self._office.now()
        if receivers.client_of(store, receiver_id) is None:
            raise RequestError(404, "no such receiver")
        return offline.limits_of(store, receiver_id, now)


def _certificate(body: dict[str, Any], now: int) -> messages.Certificate:
    name = text(body["store_name"], "store_name")
    if len(name.encode()) > messages.STORE_NAME_MOST:
        raise RequestError(400, f"store_name is over {messages.STORE_NAME_MOST} bytes")
    return receivers.certificate_for(
        octets(body["key"], "key", ED25519_SIZE),
        octets(body["receiver_id"], "receiver_id", messages.RECEIVER_ID_SIZE),
        number(body["store"], "store"),
        name,
        number(body["invoice_issuer"], "invoice_issuer"),
        number(body["currency"], "currency", 1, messages.CURRENCY_MOST),
        now,
    )


def _receiver_id(request: web.Request) -> bytes:
    return bytes.fromhex(request.match_info["receiver_id"])


def _shown(limits: Limits) -> web.Response:
    return web.json_response({name: getattr(limits, field) for name, field in _LIMITS.items()})
