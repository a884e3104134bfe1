"""What phones ask of the authority: activation, credentials, the fate of an approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.encoding import schema
from receiver.errors import Error
from receiver.protocol import pins, signed
from simulator.authority.accounts import people
from simulator.crypto.p256 import PUBLIC_SIZE

from .bridges import APPROVAL_ID
from .requests import RequestError, bearer, json_body, number, octets, text

if TYPE_CHECKING:
    from simulator.authority.accounts.people import Phone
    from simulator.authority.context import Office


class PhoneApi:
    """The phone's token, got at activation, opens every other route."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/phones", self.activate),
            web.post(r"/v1/phones/{phone:[0-9]{1,9}}/credentials", self.credentials),
            web.get(f"/v1/approvals/{APPROVAL_ID}", self.approval),
        ]

    async def activate(self, request: web.Request) -> web.Response:
        """Use up an activation; the code is forgotten once K is made from it."""
        office = self._office
        body = await json_body(request, "activation", "key", "code_key", "code")
        activation = text(body["activation"], "activation")
        key = _phone_key(body["key"])
        code_key = octets(body["code_key"], "code_key", PUBLIC_SIZE)
        try:
            k = office.keys.code_key(code_key, text(body["code"], "code"))
        except ValueError as error:
            raise RequestError(422, str(error)) from None
        try:
            registered = people.register(office.store, activation, key, code_key, k)
        except people.KeyTakenError:
            raise RequestError(409, "the key is another phone's") from None
        if registered is None:
            raise RequestError(403, "no such activation")
        return web.json_response(self._welcome(*registered), status=201)

    def _welcome(self, phone: Phone, token: str) -> dict[str, object]:
        office = self._office
        recipients = people.recipients_of(office.store, phone.buyer)
        return {
            "phone_id": phone.id,
            "token": token,
            "buyer": people.buyer_name(office.store, phone.buyer),
            "authority_code_key": office.keys.code_public.hex(),
            "recipients": [recipient._asdict() for recipient in recipients],
            "pins": pins.encode(office.pins).hex(),
        }

    async def credentials(self, request: web.Request) -> web.Response:
        """A batch of credentials for one invoice recipient of the buyer's."""
        office = self._office
        phone = self._phone(request)
        if phone.id != int(request.match_info["phone"]):
            raise RequestError(403, "another phone's")
        body = await json_body(request, "recipient", "count")
        recipient = number(body["recipient"], "recipient")
        count = number(body["count"], "count", 1, people.CREDENTIALS_MOST)
        theirs = people.recipients_of(office.store, phone.buyer)
        if recipient not in [one.id for one in theirs]:
            raise RequestError(403, "not an open invoice recipient of this buyer")
        now = office.now()
        issued = people.issue_credentials(office.store, office.keys, phone, recipient, count, now)
        return web.json_response({"credentials": [data.hex() for data in issued]})

    async def approval(self, request: web.Request) -> web.Response:
        """What became of an approval: the phone's own, or one reversed before it was seen."""
        phone = self._phone(request)
        row = self._office.store.one(
            "SELECT state, receipt FROM transactions "
            "WHERE approval_id = ? AND (phone = ? OR phone IS NULL)",
            bytes.fromhex(request.match_info["approval_id"]),
            phone.id,
        )
        if row is None:
            raise RequestError(404, "no such approval")
        state, receipt = row
        return web.json_response({"state": state, "receipt": receipt.hex() if receipt else None})

    def _phone(self, request: web.Request) -> Phone:
        phone = people.phone_of(self._office.store, bearer(request))
        if phone is None:
            raise RequestError(401, "no such phone")
        return phone


def _phone_key(value: object) -> bytes:
    """A P-256 or an Ed25519 key; 422 for one under which no signature can hold."""
    key = octets(value, "key", schema.ED25519_SIZE, schema.P256_SIZE)
    try:
        finish(signed.prepare_job(host, key))
    except Error as error:
        raise RequestError(422, error.detail) from None
    return key
