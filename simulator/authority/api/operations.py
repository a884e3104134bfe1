"""Operations: one function for each method of a route, whose signature is the contract.

`asked` is decoded from the body, or from the query of a GET, and the answer is encoded by its type.
Route, checks and description (`openapi`) follow from them; the docstring is the summary.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from inspect import isawaitable
from typing import ClassVar, NamedTuple, TypeVar, get_type_hints

from aiohttp import web
from msgspec import Struct

from bridge import contracts
from bridge.authority.messages import CBOR, COSE, JSON, POSITION_HEADER
from simulator.authority.accounts import people, tickets
from simulator.authority.accounts.bindings import Position
from simulator.authority.accounts.people import Phone
from simulator.authority.accounts.tickets import Ticket
from simulator.authority.context import Office
from simulator.crypto import pki

from .requests import (
    BODY_MOST,
    RequestError,
    body_of,
    octets_body,
    position_in,
    query_of,
    route,
)

W = TypeVar("W", bound=Callable[..., object])


class Binary(bytes):
    """A body that is not JSON."""

    MEDIA: ClassVar[str]
    MOST: ClassVar[int] = BODY_MOST


class Cbor(Binary):
    MEDIA = CBOR


class Cose(Binary):
    MEDIA = COSE


class Call:
    """One request and the office that works on it."""

    def __init__(self, office: Office, request: web.Request) -> None:
        self.office = office
        self.store = office.store
        self.request = request

    @cached_property
    def client_certificate(self) -> bytes | None:
        """Return the TLS client certificate of the connection (DER), if it has one."""
        tls = self.request.get_extra_info("ssl_object")
        found: bytes | None = tls.getpeercert(binary_form=True) if tls else None
        return found

    @cached_property
    def fingerprint(self) -> str:
        """Return the fingerprint of the TLS client certificate that the caller must have."""
        if self.client_certificate is None:
            raise RequestError(403, "a client certificate is required")
        return pki.fingerprint(self.client_certificate)

    @cached_property
    def token(self) -> str:
        """Return the bearer token that the caller must have."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token.isascii():
            raise RequestError(401, "a bearer token is required")
        return token

    @cached_property
    def phone(self) -> Phone:
        """Return the phone that the token belongs to."""
        phone = people.phone_of(self.store, self.token)
        if phone is None:
            raise RequestError(401, "no such phone")
        return phone

    @cached_property
    def ticket(self) -> Ticket:
        """Return the ticket whose word the caller must have; raises EnrolmentError."""
        return tickets.held(self.store, self.token)

    @property
    def position(self) -> Position | None:
        """Return the journal position that the caller reports; None if it reports none."""
        given = self.request.headers.getall(POSITION_HEADER, [])
        if not given:
            return None
        return position_in(given[0] if len(given) == 1 else "")

    def id(self, name: str) -> bytes:
        """Decode an id in the path; the router lets only hex digits through."""
        return bytes.fromhex(self.request.match_info[name])

    def number(self, name: str) -> int:
        """Decode a number in the path; the router lets only digits through."""
        return int(self.request.match_info[name])


class Operation(NamedTuple):
    """One method of one route. `statuses` are those of its own that refuse a request."""

    api: Api
    method: str
    template: str
    work: Callable[..., object]
    statuses: tuple[int, ...]
    status: int
    asked: type[Struct] | type[Binary] | None
    answered: type

    def route(self, office: Office) -> web.RouteDef:
        return web.route(self.method, route(self.template), partial(self.serve, office))

    async def serve(self, office: Office, request: web.Request) -> web.Response:
        """Admit the caller, and only then read what it asks."""
        call = Call(office, request)
        self.api.admit(call)
        asked = [] if self.asked is None else [await self._read(request, self.asked)]
        answer = self.work(call, *asked)
        if isawaitable(answer):  # of a long poll
            answer = await answer
        if isinstance(answer, Binary):
            return web.Response(body=bytes(answer), content_type=answer.MEDIA)
        body = contracts.encode(answer)
        return web.Response(body=body, status=self.status, content_type=JSON)

    async def _read(self, request: web.Request, type_: type[Struct] | type[Binary]) -> object:
        if issubclass(type_, Binary):
            return type_(await octets_body(request, type_.MEDIA, type_.MOST))
        return query_of(request, type_) if self.method == "GET" else await body_of(request, type_)


class Api:
    """The operations of one kind of caller, which `admit` checks; by default of all callers.

    `statuses` refuse any of its requests; `headers` are described parameters of each.
    """

    def __init__(
        self,
        security: str | None = None,
        admit: Callable[[Call], object] = lambda _: None,
        statuses: tuple[int, ...] = (),
        headers: tuple[dict[str, object], ...] = (),
    ) -> None:
        self.security = security
        self.admit = admit
        self.statuses = statuses
        self.headers = headers
        self.operations: list[Operation] = []

    def on(self, method: str, template: str, *statuses: int, status: int = 200) -> Callable[[W], W]:
        """Add the decorated function as an operation."""

        def add(work: W) -> W:
            types = get_type_hints(work)
            asked, answered = types.get("asked"), types["return"]
            own = (*self.statuses, *statuses)
            self.operations.append(
                Operation(self, method, template, work, own, status, asked, answered)
            )
            return work

        return add
