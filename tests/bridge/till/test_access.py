"""Who may speak to the till API, how often, and how many at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bridge.config.configuration import ConfigError, Listen, Tls
from bridge.till.server import access, listener, problems
from bridge.till.server.access import Guard, Speakers
from bridge.till.server.rate_limits import Rates
from simulator.crypto import pki

PATIENCE_S = 10.0
TOKEN = "0123456789abcdef0123456789abcdef"
EMPTY_POST = b"POST /v1/sales HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF_POST = EMPTY_POST[:-2] + b"Content-Length: 9\r\n\r\nabc"
BIG = 64 << 20
LOOPBACK = Listen("127.0.0.1", 0)


class Shop:
    """A small application behind the real guard and door."""

    def __init__(self, speakers: Speakers, rates: Rates) -> None:
        self.healthy = True
        self.guard = Guard(speakers, rates, lambda: self.healthy)
        self.release, self.over = asyncio.Event(), asyncio.Event()
        self.url = ""
        self.http: aiohttp.ClientSession
        self.app = web.Application(
            middlewares=[self.guard.middleware(lambda request: None)],
            client_max_size=4096,
        )
        for path in ("/v1/sales", "/v1/refunds", "/v1/sales/x/paid"):
            self.app.router.add_post(path, self.echo)
        self.app.router.add_get("/v1/sales", self.poll)
        self.app.router.add_get("/v1/events", self.poll)
        self.app.router.add_get("/big", self.big)

    async def echo(self, request: web.Request) -> web.Response:
        return web.json_response({"size": len(await request.read())})

    async def poll(self, request: web.Request) -> web.Response:
        await self.release.wait()
        return web.json_response({})

    async def big(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            await response.write(bytes(BIG))  # more than any socket takes
        finally:
            self.over.set()
        return response

    async def status(self, method: str, path: str, **request: Any) -> tuple[int, str]:
        """The status, and the kind of problem if it is one."""
        async with self.http.request(method, self.url + path, **request) as response:
            body = await response.json(content_type=None)
            return response.status, str(body.get("type", "")).removeprefix(problems.TYPE_PREFIX)

    @asynccontextmanager
    async def connect(
        self, request: bytes = b""
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A bare connection on which `request` was sent."""
        port = int(self.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        async with asyncio.timeout(PATIENCE_S):
            try:
                yield reader, writer
            finally:
                writer.transport.abort()


@asynccontextmanager
async def opened(
    speakers: Speakers = Speakers(),  # noqa: B008 - immutable
    listen: Listen = LOOPBACK,
    rates: Rates | None = None,
    connector: aiohttp.TCPConnector | None = None,
) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        shop = Shop(speakers, rates or Rates())
        shop.url = await listener.serve(stack, shop.app, listen, shop.guard)
        connector = connector or aiohttp.TCPConnector(limit=0)
        shop.http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield shop


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, (200, "")),
        ({"Host": "localhost:8470"}, (200, "")),
        ({"Host": "[::1]"}, (200, "")),
        ({"Host": "Tills.example:8470"}, (200, "")),
        ({"Host": "tills.example", "Origin": "https://tills.example"}, (200, "")),
        ({"Host": "tills.example.evil.example"}, (403, "foreign-host")),
        ({"Host": "192.0.2.1"}, (403, "foreign-host")),
        ({"Host": ""}, (403, "foreign-host")),
        ({"Host": "[::1"}, (403, "foreign-host")),
        ({"Origin": "https://evil.example"}, (403, "foreign-origin")),
        ({"Origin": "null"}, (403, "foreign-origin")),
        ({"Origin": ""}, (403, "foreign-origin")),
    ],
)
async def test_names_by_which_it_is_called(
    headers: dict[str, str], answer: tuple[int, str]
) -> None:
    async with opened(Speakers(hosts=("tills.example",))) as shop:
        assert await shop.status("POST", "/v1/sales", headers=headers) == answer


async def test_a_request_without_a_host() -> None:
    async with opened() as shop, shop.connect(b"GET /v1/sales HTTP/1.0\r\n\r\n") as (reader, _):
        assert b" 403 " in await reader.readline()


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}0", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer", 401),
        ("Bearer å", 401),
        (None, 401),
    ],
)
async def test_every_request_bears_the_token(header: str | None, status: int) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with opened(Speakers(token=TOKEN)) as shop:
        for path in ("/v1/sales", "/nowhere"):
            async with shop.http.post(shop.url + path, headers=headers) as response:
                assert response.status == (404 if path == "/nowhere" and status == 200 else status)
                assert response.headers.get("WWW-Authenticate") == (
                    "Bearer" if status == 401 else None
                )
        assert shop.guard.refused["unauthorized"] == (2 if status == 401 else 0)


async def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    async with opened(rates=Rates(per_s=0.1, burst=2)) as shop:
        assert [(await shop.status("POST", "/v1/sales"))[0] for _ in range(2)] == [200, 200]
        async with shop.http.post(shop.url + "/v1/sales") as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "10")
        assert shop.guard.refused["too-many-requests"] == 1


async def test_a_bridge_that_failed_serves_no_request() -> None:
    async with opened() as shop:
        shop.healthy = False
        assert await shop.status("POST", "/v1/sales") == (503, "stopping")


@pytest.mark.parametrize(
    ("path", "most", "kind"),
    [
        ("/v1/sales?wait=60", "POLLS_MOST", "too-many-polls"),
        ("/v1/events", "WATCHERS_MOST", "too-many-watchers"),
    ],
)
async def test_places_to_wait_are_bounded(
    path: str, most: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, most, 3)
    async with opened() as shop:
        asking = [asyncio.create_task(shop.status("GET", path)) for _ in range(4)]
        [done], waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        assert done.result() == (503, kind)
        shop.release.set()
        assert [await task for task in waiting] == [(200, "")] * 3
        assert await shop.status("GET", path) == (200, "")


async def test_a_poll_whose_client_has_gone_gives_its_place_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "POLLS_MOST", 1)
    monkeypatch.setattr(listener, "LOOK_S", 0.01)
    async with opened() as shop:
        async with shop.connect(b"GET /v1/sales?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            await until(lambda: len(shop.guard._polls) == 1)
        await until(lambda: not shop.guard._polls)
        shop.release.set()
        assert await shop.status("GET", "/v1/sales?wait=60") == (200, "")


async def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "CONNECTIONS_MOST", 1)
    async with opened() as shop, shop.connect(EMPTY_POST) as (reader, _):
        assert b" 200 " in await reader.readline()
        async with shop.connect() as (other, _):
            assert (await other.read()).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("start", [b"", b"GET /v1/sales HTTP/1.1\r\nHost: local"])
async def test_who_sends_no_whole_request_is_cut_off(
    start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "KEEP_ALIVE_S", 0.05)
    async with opened() as shop, shop.connect(start) as (reader, _):
        assert await reader.read() == b""


async def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "BODY_S", 0.05)
    monkeypatch.setattr(listener, "LINGER_S", 0.05)
    async with opened() as shop, shop.connect(HALF_POST) as (reader, _):
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_breaks_off(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as shop:
        async with shop.connect(HALF_POST):
            await until(lambda: len(shop.guard._rates._buckets) == 1)
        assert await shop.status("POST", "/v1/sales", data=b"abc") == (200, "")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "LOOK_S", 0.01)
    request = b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with opened() as shop, shop.connect(request) as (reader, _):
        await reader.readline()  # and then the client sleeps
        await shop.over.wait()
        assert len(await reader.read()) < BIG


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"x" * listener.LINE_MOST + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
        + b"x" * (listener.FIELD_MOST + 1)
        + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: x\r\n" * listener.FIELDS_MOST + b"\r\n",
    ],
)
async def test_headers_are_bounded(request_: bytes) -> None:
    async with opened() as shop, shop.connect(request_) as (reader, _):
        assert b" 400 " in await reader.readline()


async def test_over_tls(tmp_path: Path) -> None:
    ca = pki.DemoCa(tmp_path)
    identity = ca.server()
    listen = Listen("127.0.0.1", 0, Tls(identity.certificate, identity.key))
    connector = aiohttp.TCPConnector(ssl=pki.client_context(ca.certificate))
    async with opened(listen=listen, connector=connector) as shop:
        assert shop.url.startswith("https://127.0.0.1:")
        assert await shop.status("POST", "/v1/sales", data=b"abc") == (200, "")


async def test_a_tls_key_that_others_may_read(tmp_path: Path) -> None:
    identity = pki.DemoCa(tmp_path).server()
    identity.key.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        async with opened(listen=Listen("127.0.0.1", 0, Tls(*identity))):
            pass


async def until(done: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
