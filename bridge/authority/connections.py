"""HTTPS with the authority: whole answers over kept-alive connections, and one way to fail."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Self

import aiohttp
from aiohttp.resolver import ThreadedResolver

from bridge import foreign_code
from bridge.observability.logs import Log

from .clock_skew import http_date
from .no_answer import OF_TIME, UnansweredError, cause_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.abc import ResolveResult
    from aiohttp.connector import AddrInfoType

    from bridge.config.configuration import AuthorityConfig

KEEP_ALIVE_S = 60.0  # below the usual limit of servers (75 s), so that an idle connection is alive
# For TCP and TLS; the second repeat of a lost SYN goes out after 3 s. With 10 s for an answer and
# a till's patience of 25 s, two tries can follow a kept-alive connection that turns out dead.
CONNECT_S = 4.0
UNHEARD_MS = 5_000  # the longest that data may stay unacknowledged by the other end's TCP
# TCP's probes of an idle connection: a dead one is gone in 25 s, before a sale needs it.
PROBE_AFTER_S, PROBE_EVERY_S, PROBES = 15, 5, 2
TIME_AGAIN_S = 10.0  # how often to ask for the time where TLS fails for its dates
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which `ssl` does not name


_log = Log(__name__)


class HttpRequest(NamedTuple):
    """A request whose answer has at most `most` bytes."""

    method: str
    path: str
    most: int
    headers: Mapping[str, str]
    body: bytes | None = None
    query: Mapping[str, str] | None = None


class HttpAnswer(NamedTuple):
    """A whole answer; `retry_after_s` from its header."""

    status: int
    kind: str
    retry_after_s: float | None
    body: bytes


class Contexts(NamedTuple):
    """TLS as this bridge, and the same without a check of dates (`Connections._ask_the_time`)."""

    strict: ssl.SSLContext
    timeless: ssl.SSLContext


def contexts(config: AuthorityConfig) -> Contexts:
    """Read the PEM files; raises OSError (ssl.SSLError is one) where they cannot be used."""
    strict, timeless = _context(config), _context(config)
    timeless.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    return Contexts(strict, timeless)


class Connections:
    """Connections to one server; an async context manager. `heard` gets each answer's date."""

    def __init__(
        self, config: AuthorityConfig, tls: Contexts, heard: Callable[[str], None]
    ) -> None:
        self._url = config.url
        self._tls = tls
        self._heard = heard
        self._timeout = aiohttp.ClientTimeout(
            total=config.timeout_s, sock_connect=min(CONNECT_S, config.timeout_s)
        )
        self._time_again = 0.0  # monotonic s
        self._under_way: Counter[aiohttp.ClientSession] = Counter()  # requests in each pool
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._resolver = _Resolver()
        self._pool = self._new_pool()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()
        await asyncio.gather(*self._closing)
        await self._resolver.close()

    def renew(self, tls: Contexts) -> None:
        """Use new connections from now on; requests under way continue."""
        self._tls = tls
        self._drop(self._pool)

    async def ask(self, asked: HttpRequest) -> HttpAnswer:
        """Send a request; return its whole answer; raises UnansweredError.

        The one edge: whatever the libraries raise, there was no answer.
        """
        pool = self._pool
        self._under_way[pool] += 1
        try:
            async with pool.request(
                asked.method,
                self._url + asked.path,
                allow_redirects=False,
                headers=asked.headers,
                data=asked.body,
                params=asked.query,
            ) as response:
                self._heard(response.headers.get("Date", ""))
                return await _whole(response, asked.most)
        except UnansweredError as error:
            raise UnansweredError(f"{asked.path}: {error}") from error
        except Exception as error:
            self._drop(pool)  # if one of them is dead, the others may be as well
            cause = cause_of(error)
            if cause in OF_TIME:
                await self._ask_the_time()
            text = f"{asked.path}: {type(error).__name__}: {cause}"
            raise UnansweredError(text, cause=cause) from error
        finally:
            self._under_way[pool] -= 1
            if pool is not self._pool:
                self._end_if_idle(pool)

    async def _ask_the_time(self) -> None:
        """Ask for the authority's date where its certificate does not fit this clock.

        CA and name are checked, and only the date of the answer is used.
        """
        now = asyncio.get_running_loop().time()
        if now < self._time_again:
            return
        self._time_again = now + TIME_AGAIN_S
        pool = self._new_pool(self._tls.timeless)
        try:
            async with pool.head(self._url + "/", allow_redirects=False) as response:
                self._heard(response.headers.get("Date", ""))
        except Exception as error:
            _log.info("no date of the authority", detail=cause_of(error))
        finally:
            with foreign_code.survived(foreign_code.AUTHORITY):
                await pool.close()

    # Pools: one is used; dropped ones end with their last request.

    def _new_pool(self, tls: ssl.SSLContext | None = None) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=tls or self._tls.strict,
                keepalive_timeout=KEEP_ALIVE_S,
                resolver=self._resolver,
                socket_factory=_socket,
            ),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,  # answers here are never compressed
        )

    def _drop(self, pool: aiohttp.ClientSession) -> None:
        """Use it no longer; close idle connections at once where nothing is under way."""
        if pool is self._pool:
            self._pool = self._new_pool()
            self._end_if_idle(pool)

    def _end_if_idle(self, pool: aiohttp.ClientSession) -> None:
        if not self._under_way[pool]:
            del self._under_way[pool]
            task = asyncio.create_task(pool.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class _Resolver(ThreadedResolver):
    """One look-up at a time for all pools: one that hangs takes one thread, not one each try."""

    def __init__(self) -> None:
        super().__init__()
        self._looking: dict[tuple[str, int, int], asyncio.Task[list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        key = (host, port, family)
        if key not in self._looking:
            task = asyncio.create_task(super().resolve(host, port, family))
            task.add_done_callback(lambda done: self._looked(key, done))
            self._looking[key] = task
        return await asyncio.shield(self._looking[key])

    async def close(self) -> None:
        for task in self._looking.values():
            task.cancel()

    def _looked(self, key: tuple[str, int, int], task: asyncio.Task[list[ResolveResult]]) -> None:
        del self._looking[key]
        if not task.cancelled():
            task.exception()  # perhaps no caller waits for it any longer


async def _whole(response: aiohttp.ClientResponse, most: int) -> HttpAnswer:
    """Read the answer with its body; raises UnansweredError for one longer than allowed."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnansweredError("a compressed answer")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > most:
            raise UnansweredError(f"an answer over {most} bytes")
    return HttpAnswer(response.status, response.content_type, _retry_after(response), bytes(body))


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Read RFC 9110 §10.2.3: seconds, or a date, compared with the date of the answer."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    until, now = http_date(value), http_date(response.headers.get("Date", ""))
    return None if until is None or now is None else max(0.0, until - now)


def _socket(address: AddrInfoType) -> socket.socket:
    """Make a socket on which the system notices that the other end is gone."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", PROBE_AFTER_S),
        ("TCP_KEEPINTVL", PROBE_EVERY_S),
        ("TCP_KEEPCNT", PROBES),
        ("TCP_USER_TIMEOUT", UNHEARD_MS),
    ):
        if hasattr(socket, name):  # some systems lack some of them
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


def _context(config: AuthorityConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=config.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(config.certificate, config.key, password="")  # never ask on a terminal
    return context
