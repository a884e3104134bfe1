"""Access control of the till API: which clients, how often, and how many at once.

Loopback is open to every page in a browser on this machine, hence Host and Origin; another address
requires a token as well (`bridge.config.configuration`).
"""

from __future__ import annotations

import asyncio
import hmac
import math
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from bridge.config.configuration import is_loopback

from . import problems
from .problems import ProblemError
from .rate_limits import Rates

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler, Middleware

BODY_S = 5.0  # a body of 4 kB takes milliseconds; a slower client only occupies a place
POLLS_MOST = 512  # two for each of 200 tills, and room for polls of tills that are gone
WATCHERS_MOST = 32  # status pages and integrators; each costs a copy of every event
RETRY_S = 1  # when to try again if all places are taken

EVENTS = "/v1/events"
KINDS = (
    *("bad-http", "broken-body", "foreign-host", "foreign-origin", "request-timeout", "stopping"),
    *("too-many-polls", "too-many-requests", "too-many-watchers", "unauthorized"),
)


class Speakers(NamedTuple):
    """The accepted callers: host names beside loopback's, and a token unless it is empty."""

    hosts: tuple[str, ...] = ()
    token: str = ""


class Guard:
    """Access control of one listener; `refused` counts by kind."""

    def __init__(
        self,
        speakers: Speakers,
        rates: Rates,
        healthy: Callable[[], bool] = lambda: True,
    ) -> None:
        self.refused = dict.fromkeys(KINDS, 0)
        self._speakers = speakers
        self._rates = rates
        self._healthy = healthy
        self._watchers = _Seats("too-many-watchers", "watch already", WATCHERS_MOST)
        self._polls = _Seats("too-many-polls", "wait already", POLLS_MOST)

    def renew(self, speakers: Speakers) -> None:
        """Accept other callers from now on; requests under way continue."""
        self._speakers = speakers

    def middleware(self, check: Callable[[web.Request], None]) -> Middleware:
        """Return the middleware that admits requests, and answers every error with a problem.

        `check` raises ProblemError to refuse a request.
        """

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                self._limit(request)
                self._admit(request)
                await _read_whole(request)
                check(request)
                return await self._handled(request, handler)
            except _RefusalError as refusal:  # counted, not logged: there may be thousands
                self.refused[refusal.kind] += 1
                return refusal.response()
            except Exception as error:
                return problems.response(request, error)

        return guard

    def drop_left_polls(self) -> None:
        """End the polls whose client has gone; nothing else notices that before they time out."""
        for request in self._polls:
            if request.transport is None:
                request.task.cancel()

    def _limit(self, request: web.Request) -> None:
        """Raise _RefusalError for a client that asks too often."""
        wait_s = self._rates.take(request.remote or "", asyncio.get_running_loop().time())
        if wait_s:
            raise _RefusalError(429, "too-many-requests", "this client asks too often", wait_s)

    def _admit(self, request: web.Request) -> None:
        """Raise _RefusalError for a caller that is not accepted."""
        if not self._named(request.headers.get("Host", "")):  # another name may lead here
            raise _RefusalError(403, "foreign-host", "the Host header must name this bridge")
        origin = request.headers.get("Origin")
        if origin is not None and not self._named(origin.partition("://")[2]):
            raise _RefusalError(403, "foreign-origin", "pages from elsewhere are not served")
        if self._speakers.token and not _bears(request, self._speakers.token):
            raise _RefusalError(
                401, "unauthorized", "send Authorization: Bearer and the bridge's token"
            )
        if not self._healthy():
            raise _RefusalError(503, "stopping", "the bridge failed and stops")

    def _named(self, netloc: str) -> bool:
        """Whether `host[:port]` is an accepted name of this bridge."""
        try:
            host = urlsplit("//" + netloc).hostname or ""
        except ValueError:
            return False
        return is_loopback(host) or host in self._speakers.hosts

    async def _handled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Hold one of the places for polls and watchers meanwhile; other requests need none."""
        if request.path == EVENTS:
            places = self._watchers
        elif "wait" in request.query:
            places = self._polls
        else:
            return await handler(request)
        places.take(request)
        try:
            return await handler(request)
        finally:
            places.remove(request)


class _Seats(list[web.Request]):
    """Places for requests that wait; without a free one a request is refused."""

    def __init__(self, kind: str, why: str, most: int) -> None:
        super().__init__()
        self._kind = kind
        self._detail = f"{most} {why}"
        self._most = most

    def take(self, request: web.Request) -> None:
        if len(self) >= self._most:
            raise _RefusalError(503, self._kind, self._detail, RETRY_S)
        self.append(request)


class _RefusalError(ProblemError):
    """A problem of a kind in KINDS, with its headers."""

    def __init__(self, status: int, kind: str, detail: str, retry_s: float = 0) -> None:
        super().__init__(status, kind, detail)
        self.headers: dict[str, str] = {}
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"
        if retry_s:
            self.headers["Retry-After"] = str(math.ceil(retry_s))


async def _read_whole(request: web.Request) -> None:
    """Read the body before the handler needs it; the server bounds its size."""
    if not request.body_exists:
        return
    try:
        async with asyncio.timeout(BODY_S):
            await request.read()
    except TimeoutError:
        raise _RefusalError(408, "request-timeout", "the body did not come") from None
    except (ConnectionError, web.PayloadAccessError, web.RequestPayloadError):
        raise _RefusalError(400, "broken-body", "the body broke off") from None


def _bears(request: web.Request, token: str) -> bool:
    """Whether the request has the token, compared in constant time."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    data = given.strip().encode(errors="surrogateescape")
    return hmac.compare_digest(data, token.encode()) and scheme.lower() == "bearer"
