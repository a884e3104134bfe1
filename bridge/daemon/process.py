"""A bridge as a process from start to end: signals, and notices to the service manager."""

from __future__ import annotations

import asyncio
import gc
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from bridge.observability.logs import Log

from . import systemd
from .daemon import Daemon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from bridge.config.configuration import Config
    from bridge.sales.sale_service import Service

STOPPERS = (signal.SIGTERM, signal.SIGINT)

_log = Log(__name__)


class Stop:
    """A stop by signal: orderly first, immediate on the second one."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()

    def hear(self) -> None:
        (self.at_once if self.asked.is_set() else self.asked).set()


async def run(config: Config, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` gets the till API's address.

    SIGHUP reloads certificates, keys, pins and token.

    Raises ConfigError, JournalError or OSError where it cannot start, an exception group where it
    fails later.
    """
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in STOPPERS:
        loop.add_signal_handler(number, stop.hear)
    daemon = Daemon(config)
    loop.add_signal_handler(signal.SIGHUP, daemon.renew)
    async with AsyncExitStack() as stack:
        if await _started(stack, daemon, stop):
            await _serve(daemon, config, stop, ready)
    _log.info("stopped")


async def _started(stack: AsyncExitStack, daemon: Daemon, stop: Stop) -> bool:
    """Start; return whether it serves: it may wait for its journal until it is stopped."""
    starting = asyncio.ensure_future(stack.enter_async_context(daemon))
    asked = asyncio.ensure_future(stop.asked.wait())
    await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
    for task in (starting, asked):
        task.cancel()
    await asyncio.wait((starting, asked))
    if starting.cancelled():
        return False
    await starting
    return True


async def _serve(daemon: Daemon, config: Config, stop: Stop, ready: Callable[[str], None]) -> None:
    async with _signs_of_life(daemon.service):
        gc.freeze()  # do not scan again what lives until the end: 50 to 90 ms, measured
        _log.info("serving", url=daemon.till_url)
        ready(daemon.till_url)
        systemd.tell(systemd.READY)
        await _first(stop.asked.wait(), daemon.wait())
        systemd.tell(systemd.STOPPING)
        _log.info("stopping")
        await _first(daemon.service.drain(config.drain_s), stop.at_once.wait(), daemon.wait())


async def _first(*waits: Coroutine[None, None, object]) -> None:
    """Wait until one of them ends; raise its error."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def _signs_of_life(service: Service) -> AsyncIterator[None]:
    """Notify the manager regularly that the event loop runs and nothing has failed."""
    every = systemd.alive_every_s()

    async def tell() -> None:
        while every is not None:
            if service.healthy:
                systemd.tell(systemd.ALIVE)
            await asyncio.sleep(every)

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
