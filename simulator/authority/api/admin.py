"""The administrator's operations. A change applies from the next authorisation on."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TypeVar

from msgspec import UNSET, Struct, structs

from simulator.authority.accounts import bindings, offline, people, receivers
from simulator.authority.accounts.limits import Limits

from .models import (
    ActivationWord,
    Alarm,
    Alarms,
    BookedTransaction,
    BuyerChange,
    BuyerView,
    CertificateView,
    Credential,
    CredentialChange,
    CredentialId,
    LatestTransactions,
    Made,
    MadeBuyer,
    NewBuyer,
    NewOrganisation,
    NewReceiver,
    NewRecipient,
    Nothing,
    OfflineLimits,
    OfflineLimitsChange,
    RecipientChange,
    RecipientView,
    Renewal,
    Renewed,
)
from .operations import Api, Call
from .requests import RequestError

T = TypeVar("T")

LISTED_MOST = 200  # transactions or alarms in one answer

_BUYER = (
    "SELECT id, name, purchase_limit, offline_floor, blocked, "
    "(SELECT coalesce(max(tries), 0) FROM phones WHERE buyer = buyers.id) "
    "FROM buyers WHERE id = ?"
)
_RECIPIENT = "SELECT id, name, currency, credit_space, closed FROM recipients WHERE id = ?"
_TRANSACTIONS = (
    "SELECT approval_id, state, time, receiver, recipient, amount, currency, reason, "
    "transaction_id FROM transactions ORDER BY time DESC, approval_id LIMIT ?"
)
_ALARMS = (
    "SELECT a.id, a.kind, a.time, a.approval_id, t.state, t.receiver, t.amount FROM alarms a "
    "JOIN transactions t ON t.approval_id = a.approval_id ORDER BY a.id DESC LIMIT ?"
)


def _admit(call: Call) -> None:
    """Require the administrator's token."""
    if not secrets.compare_digest(call.token, call.office.admin_token):
        raise RequestError(403, "not the administrator's token")


api = Api("administrator", _admit, (401, 403))


@api.on("POST", "/v1/admin/organisations", status=201)
def add_organisation(call: Call, asked: NewOrganisation) -> Made:
    """Add an organisation that buys."""
    return Made(people.add_organisation(call.store, asked.name))


@api.on("POST", "/v1/admin/buyers", 404, status=201)
def add_buyer(call: Call, asked: NewBuyer) -> MadeBuyer:
    """Add a buyer; return the activation for their first phone."""
    _must_know(call, "organisations", asked.organisation)
    for one in asked.recipients:
        _must_know(call, "recipients", one)
    recipients, limit = sorted(set(asked.recipients)), asked.purchase_limit
    id_ = people.add_buyer(call.store, asked.organisation, asked.name, limit, recipients)
    return MadeBuyer(id_, people.add_activation(call.store, id_))


@api.on("GET", "/v1/admin/buyers/{id}", 404)
def buyer(call: Call) -> BuyerView:
    """Return a buyer."""
    return _found(call, BuyerView, _BUYER)


@api.on("PUT", "/v1/admin/buyers/{id}", 404)
def change_buyer(call: Call, asked: BuyerChange) -> BuyerView:
    """Change limit, block, or floor of the next credentials; `unlock` resets the wrong codes."""
    id_ = buyer(call).id
    values = _given(asked)
    values.pop("unlock")
    _change(call, "buyers", id_, values)
    if asked.unlock:
        call.store.run("UPDATE phones SET tries = 0 WHERE buyer = ?", id_)
    return buyer(call)


@api.on("POST", "/v1/admin/buyers/{id}/activations", 404, status=201)
def add_activation(call: Call, asked: Nothing) -> ActivationWord:
    """Create an activation for one more phone of a buyer."""
    return ActivationWord(people.add_activation(call.store, buyer(call).id))


@api.on("POST", "/v1/admin/recipients", 404, status=201)
def add_recipient(call: Call, asked: NewRecipient) -> Made:
    """Add an invoice recipient."""
    _must_know(call, "organisations", asked.organisation)
    organisation, name, space = asked.organisation, asked.name, asked.credit_space
    return Made(people.add_recipient(call.store, organisation, name, space))


@api.on("GET", "/v1/admin/recipients/{id}", 404)
def recipient(call: Call) -> RecipientView:
    """Return an invoice recipient."""
    return _found(call, RecipientView, _RECIPIENT)


@api.on("PUT", "/v1/admin/recipients/{id}", 404)
def change_recipient(call: Call, asked: RecipientChange) -> RecipientView:
    """Change what is left to spend, without the holds; open or close."""
    _change(call, "recipients", recipient(call).id, _given(asked))
    return recipient(call)


@api.on("PUT", "/v1/admin/credentials/{credential_id}", 404)
def change_credential(call: Call, asked: CredentialChange) -> Credential:
    """Revoke a credential, or undo that."""
    id_, when = call.id("credential_id"), call.office.now() if asked.revoked else None
    if not _change(call, "credentials", id_, {"revoked": when}):
        raise RequestError(404, "no such credential")
    return Credential(CredentialId(id_), asked.revoked)


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
    changed = structs.replace(limits(call), **_given(asked))
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


@api.on("GET", "/v1/admin/transactions")
def latest(call: Call) -> LatestTransactions:
    """List the latest transactions, newest first."""
    return LatestTransactions(call.store.every(BookedTransaction, _TRANSACTIONS, LISTED_MOST))


@api.on("GET", "/v1/admin/alarms")
def alarms(call: Call) -> Alarms:
    """List what a person must look at, latest first, with its current state."""
    return Alarms(call.store.every(Alarm, _ALARMS, LISTED_MOST))


def _given(change: Struct) -> dict[str, int]:
    """Convert a change's members to columns: the books store a flag as a number."""
    values = structs.asdict(change)
    return {name: int(value) for name, value in values.items() if value is not UNSET}


def _found(call: Call, type_: type[T], sql: str) -> T:
    found = call.store.find(type_, sql, call.number("id"))
    if found is None:
        raise RequestError(404, "no such id")
    return found


def _must_know(call: Call, table: str, id_: int) -> None:
    if not call.store.exists(f"SELECT 1 FROM {table} WHERE id = ?", id_):
        raise RequestError(404, f"no {id_} in {table}")


def _change(call: Call, table: str, id_: int | bytes, values: Mapping[str, int | None]) -> int:
    """Update a row; return how many rows matched."""
    if not values:
        return 0
    columns = ", ".join(f"{name} = ?" for name in values)
    return call.store.run(f"UPDATE {table} SET {columns} WHERE id = ?", *values.values(), id_)
