"""The phones' operations: activation, credentials, the state of an approval."""

from __future__ import annotations

from bridge.domain.held import HoldState
from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.errors import Error
from receiver.protocol import pins, signed
from simulator.authority.accounts import people
from simulator.authority.ledger import statements

from .models import (
    Activation,
    Approval,
    Credentials,
    CredentialsRequest,
    P256Key,
    RecipientName,
    Welcome,
)
from .operations import Api, Call
from .requests import RequestError

new = Api()
api = Api("phone", lambda call: call.phone, (401,))  # the token from the activation


@new.on("POST", "/v1/phones", 403, 409, 422, status=201)
def activate(call: Call, asked: Activation) -> Welcome:
    """Activate a buyer's phone: use up an activation, and derive K from the code."""
    office = call.office
    _must_verify(asked.key)
    try:
        k = office.keys.code_key(asked.code_key, asked.code)
        registered = people.register(call.store, asked.activation, asked.key, asked.code_key, k)
    except ValueError as error:
        raise RequestError(422, str(error)) from None
    except people.KeyTakenError:
        raise RequestError(409, "the key is another phone's") from None
    if registered is None:
        raise RequestError(403, "no such activation")
    phone, token = registered
    return Welcome(
        phone.id,
        token,
        people.buyer_name(call.store, phone.buyer),
        P256Key(office.keys.code_public),
        [RecipientName(*one) for one in people.recipients_of(call.store, phone.buyer)],
        pins.encode(office.pins).hex(),
    )


@api.on("POST", "/v1/phones/{phone}/credentials", 403, 404)
def credentials(call: Call, asked: CredentialsRequest) -> Credentials:
    """Issue a batch of credentials for one invoice recipient of the buyer."""
    phone, office = call.phone, call.office
    if phone.id != call.number("phone"):
        raise RequestError(403, "another phone's")
    theirs = people.recipients_of(call.store, phone.buyer)
    if asked.recipient not in [one.id for one in theirs]:
        raise RequestError(403, "not an open invoice recipient of this buyer")
    issued = people.issue_credentials(
        call.store, office.keys, phone, asked.recipient, asked.count, now=office.now()
    )
    return Credentials([data.hex() for data in issued])


@api.on("GET", "/v1/approvals/{approval_id}", 404)
def approval(call: Call) -> Approval:
    """Return the state of the phone's own approval, or of one reversed before it came."""
    found = statements.approval_of(call.store, call.phone.id, call.id("approval_id"))
    if found is None:
        raise RequestError(404, "no such approval")
    state, receipt = found
    return Approval(HoldState(state), receipt.hex() if receipt else None)


def _must_verify(key: bytes) -> None:
    """Refuse (422) a key that cannot verify any signature."""
    try:
        finish(signed.prepare_job(host, key))
    except Error as error:
        raise RequestError(422, error.detail) from None
