"""The administrator's operations for receivers: certificates and offline limits."""

from __future__ import annotations

from msgspec import structs

from simulator.authority.accounts import bindings, offline, receivers
from simulator.authority.accounts.limits import Limits

from .admin import admit, given
from .models import (
    CertificateView,
    NewReceiver,
    OfflineLimits,
    OfflineLimitsChange,
    Renewal,
    Renewed,
)
from .operations import Api, Call
from .requests import RequestError

api = Api("administrator", admit, (401, 403))


@api.on("POST", "/v1/admin/receivers", 409, status=201)
def add_receiver(call: Call, asked: NewReceiver) -> CertificateView:
    """Issue a certificate; it replaces the one that a receiver has."""
    office, client = call.office, asked.client_fingerprint.hex()
    terms = receivers.Terms(asked.store, asked.store_name, asked.invoice_issuer, asked.currency)
    value = receivers.certificate_for(asked.key, asked.receiver_id, terms, office.now())
    return CertificateView(receivers.enrol(call.store, office.keys, value, client).hex())


@api.on("GET", "/v1/admin/receivers/{receiver_id}", 404)
def limits(call: Call) -> OfflineLimits:
    """Return what a receiver may accept offline."""
    receiver_id = call.id("receiver_id")
    if bindings.client_of(call.store, receiver_id) is None:
        raise RequestError(404, "no such receiver")
    return OfflineLimits(*offline.limits_of(call.store, receiver_id, call.office.now()))


@api.on("PUT", "/v1/admin/receivers/{receiver_id}", 404)
def change_limits(call: Call, asked: OfflineLimitsChange) -> OfflineLimits:
    """Set the limits for states that are signed from now on; all 0 turns offline sales off."""
    changed = structs.replace(limits(call), **given(asked))
    value = Limits(*structs.astuple(changed))
    offline.set_limits(call.store, call.id("receiver_id"), value, call.office.now())
    return changed


@api.on("POST", "/v1/admin/clients/{fingerprint}/renewal", 404, 409)
def renew_client(call: Call, asked: Renewal) -> Renewed:
    """Replace a bridge's TLS certificate; its bindings and bookings stay."""
    old, new = call.request.match_info["fingerprint"], asked.client_fingerprint
    if bindings.renew(call.store, old, new.hex(), call.office.now()) is None:
        raise RequestError(404, "no receiver was ever bound to this client")
    return Renewed(new)
