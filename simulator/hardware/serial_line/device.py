"""The receiver's process: always one, on the same terminal; its end is a reset."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

from simulator.processes.child_process import ChildProcess

from .config import Config
from .terminal import Terminal

STEADY = 1.0  # seconds: a process that lived so long did not fail at its start
PAUSE = 0.05  # seconds before the next start after such a failure, doubling
PAUSE_MOST = 2.0


class Device:
    """A starter of the receiver; it starts it again after each end."""

    def __init__(self, config: Config, terminal: Terminal, on_boot: Callable[[], None]) -> None:
        self.boots = 0
        self._config = config
        self._terminal = terminal
        self._on_boot = on_boot
        self._process: ChildProcess | None = None
        self._booted = asyncio.Condition()
        self._hurry = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Return the receiver's process id; None between two starts."""
        return self._process.pid if self._process else None

    async def run(self) -> None:
        """Run until cancelled, then end the receiver; OSError if it cannot be started."""
        loop, pause = asyncio.get_running_loop(), 0.0
        while True:
            started = loop.time()
            await self._start()
            try:
                await self._wait()
            finally:
                self._process = None
            pause = 0.0 if loop.time() - started > STEADY else min(PAUSE_MOST, pause * 2 or PAUSE)
            await self._rest(pause)

    async def reset(self) -> None:
        """Kill the receiver, and wait until the next one was started."""
        before = self.boots
        self.kill()
        async with self._booted:
            await self._booted.wait_for(lambda: self.boots > before)

    def kill(self) -> None:
        """Kill the receiver as the reset line does; start the next one without delay."""
        self._hurry.set()
        if self._process:
            self._process.kill()

    async def _start(self) -> None:
        self._hurry.clear()
        self._terminal.flush()
        self._on_boot()
        self._process = await ChildProcess.start(
            *self._config.argv,
            stdin=self._terminal.slave,
            stdout=self._terminal.slave,
            log=Path(self._config.log),
            cwd=self._config.cwd,
            env={**os.environ, **self._config.env},
        )
        async with self._booted:
            self.boots += 1
            self._booted.notify_all()

    async def _wait(self) -> None:
        assert self._process
        try:
            await self._process.wait()
        except asyncio.CancelledError:
            await self._process.stop(SIGKILL)
            raise

    async def _rest(self, pause: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._hurry.wait()
