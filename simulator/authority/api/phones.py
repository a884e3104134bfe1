"""The phones' routes: activation, credentials, the state of an approval."""

from __future__ import annotations

from aiohttp import web

from bridge.domain.held import HoldState
from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.errors import Error
from receiver.protocol import pins, signed
from simulator.authority.accounts import people
from simulator.authority.accounts.people import Phone
from simulator.authority.context import Office

from .models import (
    Activation,
    Approval,
    Credentials,
    CredentialsRequest,
    Name,
    P256Key,
    RecipientName,
    Welcome,
)
from .requests import RequestError, answer, bearer, body_of, path_id, route

PHONES = "/v1/phones"
CREDENTIALS = "/v1/phones/{phone}/credentials"
APPROVAL = "/v1/approvals/{approval_id}"


class PhoneApi:
    """The phones' routes; the token from the activation opens all but that one."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(PHONES, self.activate),
            web.post(route(CREDENTIALS), self.credentials),
            web.get(route(APPROVAL), self.approval),
        ]

    async def activate(self, request: web.Request) -> web.Response:
        """Use up an activation; derive K from the code, then drop the code."""
        office = self._office
        asked = await body_of(request, Activation)
        _must_verify(asked.key)
        try:
            k = office.keys.code_key(asked.code_key, asked.code)
        except ValueError as error:
            raise RequestError(422, str(error)) from None
        try:
            registered = people.register(
                office.store, asked.activation, asked.key, asked.code_key, k
            )
        except people.KeyTakenError:
            raise RequestError(409, "the key is another phone's") from None
        if registered is None:
            raise RequestError(403, "no such activation")
        return answer(self._welcome(*registered), status=201)

    def _welcome(self, phone: Phone, token: str) -> Welcome:
        office = self._office
        recipients = people.recipients_of(office.store, phone.buyer)
        return Welcome(
            phone.id,
            token,
            Name(people.buyer_name(office.store, phone.buyer)),
            P256Key(office.keys.code_public),
            [RecipientName(one.id, Name(one.name)) for one in recipients],
            pins.encode(office.pins).hex(),
        )

    async def credentials(self, request: web.Request) -> web.Response:
        """Issue a batch of credentials for one invoice recipient of the buyer."""
        office = self._office
        phone = self._phone(request)
        if phone.id != int(request.match_info["phone"]):
            raise RequestError(403, "another phone's")
        asked = await body_of(request, CredentialsRequest)
        theirs = people.recipients_of(office.store, phone.buyer)
        if asked.recipient not in [one.id for one in theirs]:
            raise RequestError(403, "not an open invoice recipient of this buyer")
        now = office.now()
        issued = people.issue_credentials(
            office.store, office.keys, phone, asked.recipient, asked.count, now=now
        )
        return answer(Credentials([data.hex() for data in issued]))

    async def approval(self, request: web.Request) -> web.Response:
        """Return the state of the phone's own approval, or of one reversed before it came."""
        phone = self._phone(request)
        row = self._office.store.one(
            "SELECT state, receipt FROM transactions "
            "WHERE approval_id = ? AND (phone = ? OR phone IS NULL)",
            path_id(request, "approval_id"),
            phone.id,
        )
        if row is None:
            raise RequestError(404, "no such approval")
        state, receipt = row
        return answer(Approval(HoldState(state), receipt.hex() if receipt else None))

    def _phone(self, request: web.Request) -> Phone:
        phone = people.phone_of(self._office.store, bearer(request))
        if phone is None:
            raise RequestError(401, "no such phone")
        return phone


def _must_verify(key: bytes) -> None:
    """Refuse (422) a key that cannot verify any signature."""
    try:
        finish(signed.prepare_job(host, key))
    except Error as error:
        raise RequestError(422, error.detail) from None
