"""The disk and network work of a sale alone: the lower bound of a bridge's work."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import aiohttp
from aiohttp import web

from simulator.crypto import pki
from simulator.tools.load.http import Client

COMMITS = 5  # on disk: the sale, the approval with its request, the verdict, till notified, paid
ANSWERS = 3  # to the till: rung up, approved, paid
POSTS = 2  # to the authority: authorise, confirm

_HOST = "127.0.0.1"
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


async def _serve(stack: AsyncExitStack, context: ssl.SSLContext | None) -> int:
    """Start a server that reads requests and answers a constant; return its port."""
    app = web.Application()
    app.router.add_post(_PATH, _answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, _HOST, 0, ssl_context=context).start()
    port: int = runner.addresses[0][1]
    return port


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response(body=_ANSWER)
