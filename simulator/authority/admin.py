"""What an administrator changes. A change holds from the next authorisation on."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from aiohttp import web

from receiver import messages

from . import people, receivers
from .requests import RequestError, bearer, flag, json_body, number, octets, text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .office import Office

    Handler = Callable[[web.Request], Awaitable[web.Response]]

LISTED_MOST = 200  # transactions in one answer

_KEY_SIZE = 32
_CREDENTIAL_ID_SIZE = 8
_FINGERPRINT_SIZE = 32
_ID = r"{id:\d{1,9}}"

_BUYER = (
    "SELECT id, name, purchase_limit, blocked, "
    "(SELECT max(tries) FROM phones WHERE buyer = buyers.id) FROM buyers WHERE id = ?"
)
_RECIPIENT = "SELECT id, name, currency, credit_space, closed FROM recipients WHERE id = ?"
_TRANSACTIONS = (
    "SELECT approval_id, state, time, receiver, recipient, amount, currency, reason, "
    "transaction_id FROM transactions ORDER BY time DESC, approval_id LIMIT ?"
)


class AdminApi:
    """Every route wants the administrator's token."""

    def __init__(self, office: Office, token: str) -> None:
        self._office = office
        self._store = office.store
        self._token = token

    def routes(self) -> list[web.RouteDef]:
        prefix = "/v1/admin"
        return [
            web.post(f"{prefix}/organisations", self._guard(self.add_organisation)),
            web.post(f"{prefix}/buyers", self._guard(self.add_buyer)),
            web.get(f"{prefix}/buyers/{_ID}", self._guard(self.buyer)),
            web.put(f"{prefix}/buyers/{_ID}", self._guard(self.change_buyer)),
            web.post(f"{prefix}/recipients", self._guard(self.add_recipient)),
            web.get(f"{prefix}/recipients/{_ID}", self._guard(self.recipient)),
            web.put(f"{prefix}/recipients/{_ID}", self._guard(self.change_recipient)),
            web.put(f"{prefix}/credentials/{{id}}", self._guard(self.change_credential)),
            web.post(f"{prefix}/receivers", self._guard(self.add_receiver)),
            web.get(f"{prefix}/transactions", self._guard(self.transactions)),
        ]

    async def add_organisation(self, request: web.Request) -> web.Response:
        body = await json_body(request, "name")
        id_ = people.add_organisation(self._store, text(body["name"], "name"))
        return web.json_response({"id": id_}, status=201)

    async def add_buyer(self, request: web.Request) -> web.Response:
        """A buyer, and the word that activates their first phone."""
        body = await json_body(request, "organisation", "name", "purchase_limit", "recipients")
        organisation = self._known("organisations", body["organisation"])
        if not isinstance(body["recipients"], list):
            raise RequestError(400, "recipients is no list")
        recipients = {self._known("recipients", one) for one in body["recipients"]}
        name = text(body["name"], "name")
        limit = number(body["purchase_limit"], "purchase_limit")
        id_ = people.add_buyer(self._store, organisation, name, limit, sorted(recipients))
        activation = people.add_activation(self._store, id_)
        return web.json_response({"id": id_, "activation": activation}, status=201)

    async def buyer(self, request: web.Request) -> web.Response:
        row = self._row(_BUYER, request)
        id_, name, limit, blocked, tries = row
        return web.json_response(
            {
                "id": id_,
                "name": name,
                "purchase_limit": limit,
                "blocked": bool(blocked),
                "wrong_codes": tries or 0,
            }
        )

    async def change_buyer(self, request: web.Request) -> web.Response:
        """`unlock` forgives the wrong codes of all the buyer's phones."""
        id_ = self._row(_BUYER, request)[0]
        body = await json_body(request, "purchase_limit", "blocked", "unlock", partly=True)
        with self._store.transaction():
            if "purchase_limit" in body:
                limit = number(body["purchase_limit"], "purchase_limit")
                self._set("buyers", "purchase_limit", limit, id_)
            if "blocked" in body:
                self._set("buyers", "blocked", int(flag(body["blocked"], "blocked")), id_)
            if "unlock" in body and flag(body["unlock"], "unlock"):
                self._store.run("UPDATE phones SET tries = 0 WHERE buyer = ?", id_)
        return await self.buyer(request)

    async def add_recipient(self, request: web.Request) -> web.Response:
        body = await json_body(request, "organisation", "name", "credit_space")
        organisation = self._known("organisations", body["organisation"])
        name = text(body["name"], "name")
        space = number(body["credit_space"], "credit_space")
        id_ = people.add_recipient(self._store, organisation, name, space)
        return web.json_response({"id": id_}, status=201)

    async def recipient(self, request: web.Request) -> web.Response:
        id_, name, currency, space, closed = self._row(_RECIPIENT, request)
        return web.json_response(
            {
                "id": id_,
                "name": name,
                "currency": currency,
                "credit_space": space,
                "closed": bool(closed),
            }
        )

    async def change_recipient(self, request: web.Request) -> web.Response:
        """`credit_space` is what is left to spend; what is held is no part of it."""
        id_ = self._row(_RECIPIENT, request)[0]
        body = await json_body(request, "credit_space", "closed", partly=True)
        with self._store.transaction():
            if "credit_space" in body:
                space = number(body["credit_space"], "credit_space")
                self._set("recipients", "credit_space", space, id_)
            if "closed" in body:
                self._set("recipients", "closed", int(flag(body["closed"], "closed")), id_)
        return await self.recipient(request)

    async def change_credential(self, request: web.Request) -> web.Response:
        id_ = octets(request.match_info["id"], "id", _CREDENTIAL_ID_SIZE)
        body = await json_body(request, "revoked")
        revoked = flag(body["revoked"], "revoked")
        when = self._office.now() if revoked else None
        if not self._set("credentials", "revoked", when, id_):
            raise RequestError(404, "no such credential")
        return web.json_response({"id": id_.hex(), "revoked": revoked})

    async def add_receiver(self, request: web.Request) -> web.Response:
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
        name = text(body["store_name"], "store_name")
        if len(name.encode()) > messages.STORE_NAME_MOST:
            raise RequestError(400, f"store_name is over {messages.STORE_NAME_MOST} bytes")
        value = receivers.certificate_for(
            octets(body["key"], "key", _KEY_SIZE),
            octets(body["receiver_id"], "receiver_id", messages.RECEIVER_ID_SIZE),
            number(body["store"], "store"),
            name,
            number(body["invoice_issuer"], "invoice_issuer"),
            number(body["currency"], "currency", 1, messages.CURRENCY_MOST),
            self._office.now(),
        )
        client = octets(body["client_fingerprint"], "client_fingerprint", _FINGERPRINT_SIZE)
        data = receivers.enrol(self._store, self._office.keys, value, client.hex())
        return web.json_response({"certificate": data.hex()}, status=201)

    async def transactions(self, request: web.Request) -> web.Response:
        """The latest, newest first."""
        names = (
            "approval_id",
            "state",
            "time",
            "receiver_id",
            "recipient",
            "amount",
            "currency",
            "reason",
            "transaction_id",
        )
        rows = self._store.rows(_TRANSACTIONS, LISTED_MOST)
        listed = [dict(zip(names, map(_plain, row), strict=True)) for row in rows]
        return web.json_response({"transactions": listed})

    def _guard(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.Response:
            if not secrets.compare_digest(bearer(request), self._token):
                raise RequestError(403, "not the administrator's token")
            return await handler(request)

        return guarded

    def _row(self, sql: str, request: web.Request) -> tuple[Any, ...]:
        row = self._store.one(sql, int(request.match_info["id"]))
        if row is None:
            raise RequestError(404, "no such id")
        return row

    def _known(self, table: str, value: Any) -> int:
        id_ = number(value, table)
        if self._store.one(f"SELECT 1 FROM {table} WHERE id = ?", id_) is None:
            raise RequestError(404, f"no {id_} in {table}")
        return id_

    def _set(self, table: str, column: str, value: int | None, id_: int | bytes) -> int:
        return self._store.run(f"UPDATE {table} SET {column} = ? WHERE id = ?", value, id_)


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
