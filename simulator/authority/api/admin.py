"""The administrator's routes. A change applies from the next authorisation on."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from aiohttp import web
from msgspec import UNSET, Struct

from bridge import contracts
from bridge.contracts import MismatchError
from simulator.authority.accounts import people
from simulator.authority.context import Office

from .models import (
    ActivationWord,
    Alarm,
    Alarms,
    BookedTransaction,
    BuyerChange,
    BuyerView,
    Credential,
    CredentialChange,
    CredentialId,
    LatestTransactions,
    Made,
    MadeBuyer,
    NewBuyer,
    NewOrganisation,
    NewRecipient,
    Nothing,
    RecipientChange,
    RecipientView,
)
from .requests import RequestError, answer, bearer, body_of, route

Handler = Callable[[web.Request], Awaitable[web.Response]]

T = TypeVar("T", bound=Struct)

LISTED_MOST = 200  # transactions or alarms in one answer

ORGANISATIONS = "/v1/admin/organisations"
BUYERS = "/v1/admin/buyers"
BUYER = "/v1/admin/buyers/{id}"
ACTIVATIONS = "/v1/admin/buyers/{id}/activations"
RECIPIENTS = "/v1/admin/recipients"
RECIPIENT = "/v1/admin/recipients/{id}"
CREDENTIAL = "/v1/admin/credentials/{credential_id}"
LATEST = "/v1/admin/transactions"
ALARMS = "/v1/admin/alarms"

_BUYER = (
    "SELECT id, name, purchase_limit, offline_floor, blocked, "
    "(SELECT max(tries) FROM phones WHERE buyer = buyers.id) FROM buyers WHERE id = ?"
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


class AdminApi:
    """Routes for buyers, invoice recipients, credentials and bookings, all under one token."""

    def __init__(self, office: Office, token: str) -> None:
        self._office = office
        self._store = office.store
        self._token = token

    def routes(self) -> list[web.RouteDef]:
        guard = guarded_by(self._token)
        return [
            web.post(ORGANISATIONS, guard(self.add_organisation)),
            web.post(BUYERS, guard(self.add_buyer)),
            web.get(route(BUYER), guard(self.buyer)),
            web.put(route(BUYER), guard(self.change_buyer)),
            web.post(route(ACTIVATIONS), guard(self.add_activation)),
            web.post(RECIPIENTS, guard(self.add_recipient)),
            web.get(route(RECIPIENT), guard(self.recipient)),
            web.put(route(RECIPIENT), guard(self.change_recipient)),
            web.put(CREDENTIAL, guard(self.change_credential)),
            web.get(LATEST, guard(self.transactions)),
            web.get(ALARMS, guard(self.alarms)),
        ]

    async def add_organisation(self, request: web.Request) -> web.Response:
        asked = await body_of(request, NewOrganisation)
        return answer(Made(people.add_organisation(self._store, asked.name)), 201)

    async def add_buyer(self, request: web.Request) -> web.Response:
        """Add a buyer; return the activation for their first phone."""
        asked = await body_of(request, NewBuyer)
        self._must_know("organisations", asked.organisation)
        for one in asked.recipients:
            self._must_know("recipients", one)
        recipients, limit = sorted(set(asked.recipients)), asked.purchase_limit
        id_ = people.add_buyer(self._store, asked.organisation, asked.name, limit, recipients)
        return answer(MadeBuyer(id_, people.add_activation(self._store, id_)), 201)

    async def add_activation(self, request: web.Request) -> web.Response:
        """Create an activation for one more phone of a buyer."""
        id_ = self._row(_BUYER, request)[0]
        await body_of(request, Nothing)
        return answer(ActivationWord(people.add_activation(self._store, id_)), 201)

    async def buyer(self, request: web.Request) -> web.Response:
        id_, name, limit, floor, blocked, tries = self._row(_BUYER, request)
        return answer(BuyerView(id_, name, limit, floor, bool(blocked), tries or 0))

    async def change_buyer(self, request: web.Request) -> web.Response:
        """Change a buyer; `unlock` resets the wrong codes of all their phones.

        `offline_floor` applies to credentials that are issued from now on.
        """
        id_ = self._row(_BUYER, request)[0]
        asked = await body_of(request, BuyerChange)
        changed = given(asked)
        changed.pop("unlock")
        self._change("buyers", id_, changed)
        if asked.unlock:
            self._store.run("UPDATE phones SET tries = 0 WHERE buyer = ?", id_)
        return await self.buyer(request)

    async def add_recipient(self, request: web.Request) -> web.Response:
        asked = await body_of(request, NewRecipient)
        self._must_know("organisations", asked.organisation)
        id_ = people.add_recipient(self._store, asked.organisation, asked.name, asked.credit_space)
        return answer(Made(id_), 201)

    async def recipient(self, request: web.Request) -> web.Response:
        id_, name, currency, space, closed = self._row(_RECIPIENT, request)
        return answer(RecipientView(id_, name, currency, space, bool(closed)))

    async def change_recipient(self, request: web.Request) -> web.Response:
        """Change a recipient; `credit_space` is what is left to spend, without the holds."""
        id_ = self._row(_RECIPIENT, request)[0]
        self._change("recipients", id_, given(await body_of(request, RecipientChange)))
        return await self.recipient(request)

    async def change_credential(self, request: web.Request) -> web.Response:
        try:
            id_ = contracts.convert(request.match_info["credential_id"], CredentialId)
        except MismatchError as error:
            raise RequestError(400, f"id: {error}") from None
        asked = await body_of(request, CredentialChange)
        when = self._office.now() if asked.revoked else None
        if not self._change("credentials", id_, {"revoked": when}):
            raise RequestError(404, "no such credential")
        return answer(Credential(id_, asked.revoked))

    async def transactions(self, request: web.Request) -> web.Response:
        """List the latest transactions, newest first."""
        rows = self._store.rows(_TRANSACTIONS, LISTED_MOST)
        return answer(LatestTransactions([_of_row(BookedTransaction, row) for row in rows]))

    async def alarms(self, request: web.Request) -> web.Response:
        """List what a person must look at, latest first, with its current state."""
        rows = self._store.rows(_ALARMS, LISTED_MOST)
        return answer(Alarms([_of_row(Alarm, row) for row in rows]))

    def _row(self, sql: str, request: web.Request) -> tuple[Any, ...]:
        row = self._store.one(sql, int(request.match_info["id"]))
        if row is None:
            raise RequestError(404, "no such id")
        return row

    def _must_know(self, table: str, id_: int) -> None:
        if self._store.one(f"SELECT 1 FROM {table} WHERE id = ?", id_) is None:
            raise RequestError(404, f"no {id_} in {table}")

    def _change(self, table: str, id_: int | bytes, values: Mapping[str, int | None]) -> int:
        """Update a row; return how many rows matched."""
        if not values:
            return 0
        columns = ", ".join(f"{name} = ?" for name in values)
        return self._store.run(f"UPDATE {table} SET {columns} WHERE id = ?", *values.values(), id_)


def guarded_by(token: str) -> Callable[[Handler], Handler]:
    """Make a decorator that lets only the administrator call a handler."""

    def guard(handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.Response:
            if not secrets.compare_digest(bearer(request), token):
                raise RequestError(403, "not the administrator's token")
            return await handler(request)

        return guarded

    return guard


def given(change: Struct) -> dict[str, int]:
    """Convert a change's members to columns: the books store a flag as a number."""
    values = {name: getattr(change, name) for name in change.__struct_fields__}
    return {name: int(value) for name, value in values.items() if value is not UNSET}


def _of_row(type_: type[T], row: tuple[Any, ...]) -> T:
    """Build a struct from a row whose columns stand in the order of its members."""
    return contracts.convert(dict(zip(type_.__struct_fields__, row, strict=True)), type_)
