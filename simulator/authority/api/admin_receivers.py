"""The administrator's routes for receivers: certificates and offline limits."""

from __future__ import annotations

from aiohttp import web

from simulator.authority.accounts import bindings, offline, receivers
from simulator.authority.accounts.limits import Limits
from simulator.authority.context import Office

from .admin import given, guarded_by
from .models import (
    CertificateView,
    NewReceiver,
    OfflineLimits,
    OfflineLimitsChange,
    Renewal,
    Renewed,
)
from .requests import RequestError, answer, body_of, path_id, route

RECEIVERS = "/v1/admin/receivers"
RECEIVER = "/v1/admin/receivers/{receiver_id}"
RENEWAL = "/v1/admin/clients/{fingerprint}/renewal"

_LIMITS = {
    "offline_floor": "floor",
    "offline_total": "total",
    "offline_count": "sales",
    "offline_hours": "hours",
}


class ReceiverApi:
    """Routes for receivers, all under the administrator's token."""

    def __init__(self, office: Office, token: str) -> None:
        self._office = office
        self._token = token

    def routes(self) -> list[web.RouteDef]:
        guard = guarded_by(self._token)
        return [
            web.post(RECEIVERS, guard(self.add)),
            web.get(route(RECEIVER), guard(self.limits)),
            web.put(route(RECEIVER), guard(self.change_limits)),
            web.post(route(RENEWAL), guard(self.renew)),
        ]

    async def add(self, request: web.Request) -> web.Response:
        """Issue a certificate; it replaces the one that a receiver has."""
        asked, office = await body_of(request, NewReceiver), self._office
        terms = receivers.Terms(asked.store, asked.store_name, asked.invoice_issuer, asked.currency)
        value = receivers.certificate_for(asked.key, asked.receiver_id, terms, office.now())
        client = asked.client_fingerprint.hex()
        data = receivers.enrol(office.store, office.keys, value, client)
        return answer(CertificateView(data.hex()), 201)

    async def limits(self, request: web.Request) -> web.Response:
        """Return what a receiver may accept offline."""
        return answer(OfflineLimits(*self._limits(path_id(request, "receiver_id"))))

    async def change_limits(self, request: web.Request) -> web.Response:
        """Set the limits for states that are signed from now on; all 0 turns offline sales off."""
        receiver_id, office = path_id(request, "receiver_id"), self._office
        before = self._limits(receiver_id)
        changed = given(await body_of(request, OfflineLimitsChange))
        limits = before._replace(**{_LIMITS[name]: value for name, value in changed.items()})
        offline.set_limits(office.store, receiver_id, limits, office.now())
        return answer(OfflineLimits(*limits))

    async def renew(self, request: web.Request) -> web.Response:
        """Replace a bridge's TLS certificate with a new one."""
        new = (await body_of(request, Renewal)).client_fingerprint
        office, old = self._office, request.match_info["fingerprint"]
        if bindings.renew(office.store, old, new.hex(), office.now()) is None:
            raise RequestError(404, "no receiver was ever bound to this client")
        return answer(Renewed(new))

    def _limits(self, receiver_id: bytes) -> Limits:
        store, now = self._office.store, self._office.now()
        if receivers.client_of(store, receiver_id) is None:
            raise RequestError(404, "no such receiver")
        return offline.limits_of(store, receiver_id, now)
