"""The disk and network work of a sale alone: the lower bound of a bridge's work."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import NamedTuple

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.crypto import pki
from simulator.tools.load.http import Client

COMMITS = 5  # on disk: the sale, the approval with its request, the verdict, till notified, paid
ANSWERS = 3  # to the till: rung up, approved, paid
POSTS = 2  # to the authority: authorise, confirm

_HOST = "127.0.0.1"
_PAUSE_S = 0.02  # as between two sales: an idle processor's caches are cold, a third of its speed
_ROUNDS = 300
_ENTRY = bytes(500)  # an approval in the journal
_ANSWER = json.dumps({"text": "." * 400}).encode()  # a sale as the till sees it
_RECORD = bytes(600)
_PATH = "/v1/sales"


class Bare(NamedTuple):
    """The cost of one sale: milliseconds by the clock, and of the processor."""

    wall: float
    cpu: float


def measure() -> Bare:
    with TemporaryDirectory() as directory:
        return asyncio.run(_measure(Path(directory)))


def answered() -> float:
    """Return the processor milliseconds of an approval's HTTP alone: its faster quarter takes less.

    These are one request over TLS and the answer to a till that waits. Authority and till are in
    another thread, whose time does not count.
    """
    with TemporaryDirectory() as directory:
        return asyncio.run(_answered(pki.DemoCa(Path(directory))))


async def _answered(ca: pki.DemoCa) -> float:
    till_waits: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    async def answer(request: web.Request) -> web.Response:
        till_waits.put_nowait(decided := asyncio.get_running_loop().create_future())
        await decided
        return await _answer(request)

    times = []
    context = pki.client_context(ca.certificate, ca.client("bridge"))
    authority: Future[int] = Future()
    async with AsyncExitStack() as stack:
        port = await _serve(stack, None, answer)
        others = asyncio.to_thread(asyncio.run, _authority_and_till(ca, authority, port))
        running = asyncio.create_task(others)
        url = f"https://{_HOST}:{await asyncio.to_thread(authority.result)}{_PATH}"
        session = await stack.enter_async_context(aiohttp.ClientSession())
        decided = await till_waits.get()
        for _ in range(_ROUNDS):
            await asyncio.sleep(_PAUSE_S)
            start = time.thread_time()
            await _post(session, url, context)
            decided.set_result(None)
            decided = await till_waits.get()  # it has the answer and asks again
            times.append(time.thread_time() - start)
        decided.set_result(None)
        await running
    quarter, _, _ = quantiles(times, n=4)
    return quarter * 1000


async def _authority_and_till(ca: pki.DemoCa, authority: Future[int], bridge: int) -> None:
    async with AsyncExitStack() as stack:
        context = pki.server_context(ca.certificate, ca.server())
        authority.set_result(await _serve(stack, context))
        till = Client(f"http://{_HOST}:{bridge}")
        stack.callback(till.close)
        for _ in range(_ROUNDS + 1):
            await till.ask("POST", _PATH)


async def _measure(directory: Path) -> Bare:
    ca = pki.DemoCa(directory)
    async with AsyncExitStack() as stack:
        plain = await _serve(stack, None)
        tls = await _serve(stack, pki.server_context(ca.certificate, ca.server()))
        context = pki.client_context(ca.certificate, ca.client("bridge"))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        commit = stack.enter_context(journal(directory))
        till = Client(f"http://{_HOST}:{plain}")
        stack.callback(till.close)
        url = f"https://{_HOST}:{tls}{_PATH}"
        await _sale(commit, till, session, url, context)  # connects
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(_ROUNDS):
            await _sale(commit, till, session, url, context)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Bare(wall / _ROUNDS * 1000, cpu / _ROUNDS * 1000)


async def _sale(
    commit: Callable[[], object],
    till: Client,
    session: aiohttp.ClientSession,
    url: str,
    context: ssl.SSLContext,
) -> None:
    for _ in range(COMMITS):
        commit()
    for _ in range(ANSWERS):
        await till.ask("POST", _PATH, _ANSWER)
    for _ in range(POSTS):
        await _post(session, url, context)


async def _post(session: aiohttp.ClientSession, url: str, context: ssl.SSLContext) -> None:
    async with session.post(url, data=_RECORD, ssl=context) as response:
        await response.read()


@contextmanager
def journal(directory: Path) -> Iterator[Callable[[], object]]:
    """Open a journal by SQLite alone, in the bridge's mode; yield what commits one entry."""
    with closing(sqlite3.connect(directory / "bare.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE entries (data BLOB)")
        yield partial(db.execute, "INSERT INTO entries VALUES (?)", (_ENTRY,))


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response(body=_ANSWER)


async def _serve(
    stack: AsyncExitStack, context: ssl.SSLContext | None, answer: Handler = _answer
) -> int:
    """Start a server that reads requests and answers a constant; return its port."""
    app = web.Application()
    app.router.add_post(_PATH, answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, _HOST, 0, ssl_context=context).start()
    port: int = runner.addresses[0][1]
    return port
