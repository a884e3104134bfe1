"""What an administrator changes. A change holds from the next authorisation on."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from aiohttp import web

from simulator.authority.accounts import people
from simulator.authority.ledger.statements import plain

from .requests import RequestError, bearer, flag, json_body, number, octets, text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from simulator.authority.context import Office

    Handler = Callable[[web.Request], Awaitable[web.Response]]
    Read = Callable[[Any, str], int]

LISTED_MOST = 200  # transactions or alarms in one answer
SPACE_MOST = 10**15  # minor units; every JSON reader takes such a number as it is

CREDENTIAL_ID_SIZE = 8
_ID = r"{id:[0-9]{1,9}}"

_BUYER = (
    "SELECT id, name, purchase_limit, offline_floor, blocked, "
    "(SELECT max(tries) FROM phones WHERE buyer = buyers.id) FROM buyers WHERE id = ?"
)
_RECIPIENT = "SELECT id, name, currency, credit_space, closed FROM recipients WHERE id = ?"
_TRANSACTIONS = (
    "SELECT approval_id, state, time, receiver, recipient, amount, currency, reason, "
    "transaction_id FROM transactions ORDER BY time DESC, approval_id LIMIT ?"
)
_LISTED = (
    *("approval_id", "state", "time", "receiver_id", "recipient", "amount", "currency", "reason"),
    "transaction_id",
)
_ALARMS = (
    "SELECT a.id, a.kind, a.time, a.approval_id, t.state, t.receiver, t.amount FROM alarms a "
    "JOIN transactions t ON t.approval_id = a.approval_id ORDER BY a.id DESC LIMIT ?"
)
_ALARM = ("id", "kind", "time", "approval_id", "state", "receiver_id", "amount")


class AdminApi:
    """Buyers, invoice recipients, credentials and what was booked; all under one token."""

    def __init__(self, office: Office, token: str) -> None:
        self._office = office
        self._store = office.store
        self._token = token

    def routes(self) -> list[web.RouteDef]:
        prefix, guard = "/v1/admin", guarded_by(self._token)
        return [
            web.post(f"{prefix}/organisations", guard(self.add_organisation)),
            web.post(f"{prefix}/buyers", guard(self.add_buyer)),
            web.get(f"{prefix}/buyers/{_ID}", guard(self.buyer)),
            web.put(f"{prefix}/buyers/{_ID}", guard(self.change_buyer)),
            web.post(f"{prefix}/buyers/{_ID}/activations", guard(self.add_activation)),
            web.post(f"{prefix}/recipients", guard(self.add_recipient)),
            web.get(f"{prefix}/recipients/{_ID}", guard(self.recipient)),
            web.put(f"{prefix}/recipients/{_ID}", guard(self.change_recipient)),
            web.put(f"{prefix}/credentials/{{id}}", guard(self.change_credential)),
            web.get(f"{prefix}/transactions", guard(self.transactions)),
            web.get(f"{prefix}/alarms", guard(self.alarms)),
        ]

    async def add_organisation(self, request: web.Request) -> web.Response:
        body = await json_body(request, "name")
        name = text(body["name"], "name")
        id_ = people.add_organisation(self._store, name)
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

    async def add_activation(self, request: web.Request) -> web.Response:
        """A word for one more phone of a buyer's."""
        id_ = self._row(_BUYER, request)[0]
        await json_body(request)
        activation = people.add_activation(self._store, id_)
        return web.json_response({"activation": activation}, status=201)

    async def buyer(self, request: web.Request) -> web.Response:
        id_, name, limit, floor, blocked, tries = self._row(_BUYER, request)
        return web.json_response(
            {
                "id": id_,
                "name": name,
                "purchase_limit": limit,
                "offline_floor": floor,
                "blocked": bool(blocked),
                "wrong_codes": tries or 0,
            }
        )

    async def change_buyer(self, request: web.Request) -> web.Response:
        """`unlock` forgives the wrong codes of all the buyer's phones.

        `offline_floor` goes into the credentials that are issued from now on.
        """
        names: dict[str, Read] = {"purchase_limit": number, "offline_floor": number, "blocked": bit}
        id_ = self._row(_BUYER, request)[0]
        body = await json_body(request, *names, "unlock", partly=True)
        unlock = "unlock" in body and flag(body.pop("unlock"), "unlock")
        values = {name: names[name](value, name) for name, value in body.items()}
        self._change("buyers", id_, values)
        if unlock:
            self._store.run("UPDATE phones SET tries = 0 WHERE buyer = ?", id_)
        return await self.buyer(request)

    async def add_recipient(self, request: web.Request) -> web.Response:
        body = await json_body(request, "organisation", "name", "credit_space")
        organisation = self._known("organisations", body["organisation"])
        name = text(body["name"], "name")
        space = _space(body["credit_space"], "credit_space")
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
        names: dict[str, Read] = {"credit_space": _space, "closed": bit}
        id_ = self._row(_RECIPIENT, request)[0]
        body = await json_body(request, *names, partly=True)
        values = {name: names[name](value, name) for name, value in body.items()}
        self._change("recipients", id_, values)
        return await self.recipient(request)

    async def change_credential(self, request: web.Request) -> web.Response:
        id_ = octets(request.match_info["id"], "id", CREDENTIAL_ID_SIZE)
        body = await json_body(request, "revoked")
        revoked = flag(body["revoked"], "revoked")
        when = self._office.now() if revoked else None
        if not self._change("credentials", id_, {"revoked": when}):
            raise RequestError(404, "no such credential")
        return web.json_response({"id": id_.hex(), "revoked": revoked})

    async def transactions(self, request: web.Request) -> web.Response:
        """The latest, newest first."""
        rows = self._store.rows(_TRANSACTIONS, LISTED_MOST)
        return web.json_response({"transactions": [_named(_LISTED, row) for row in rows]})

    async def alarms(self, request: web.Request) -> web.Response:
        """What a person must look at, the latest first; and how each stands by now."""
        rows = self._store.rows(_ALARMS, LISTED_MOST)
        return web.json_response({"alarms": [_named(_ALARM, row) for row in rows]})

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

    def _change(self, table: str, id_: int | bytes, values: Mapping[str, int | None]) -> int:
        """How many rows there were to change."""
        if not values:
            return 0
        columns = ", ".join(f"{name} = ?" for name in values)
        return self._store.run(f"UPDATE {table} SET {columns} WHERE id = ?", *values.values(), id_)


def guarded_by(token: str) -> Callable[[Handler], Handler]:
    """For handlers that answer the administrator only."""

    def guard(handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.Response:
            if not secrets.compare_digest(bearer(request), token):
                raise RequestError(403, "not the administrator's token")
            return await handler(request)

        return guarded

    return guard


def bit(value: Any, name: str) -> int:
    """A flag as the books keep it."""
    return int(flag(value, name))


def _space(value: Any, name: str) -> int:
    return number(value, name, 0, SPACE_MOST)


def _named(names: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(names, map(plain, row), strict=True))
