"""More processes at the same port, for books on a server: one process uses one core only."""

from __future__ import annotations

import asyncio

from simulator.processes.child_process import ChildProcess
from simulator.processes.scope import Scope


class Workers(Scope):
    """An async context manager; all workers serve once it is entered, and end with this process."""

    def __init__(self, count: int, arguments: list[str]) -> None:
        """Set up `count` processes of `simulator.authority` with these arguments."""
        self._count = count
        self._arguments = arguments
        self._processes: list[ChildProcess] = []

    async def open(self) -> None:
        self.stack.push_async_callback(self._stop)
        for _ in range(self._count):
            self._processes.append(
                await ChildProcess.start_module("simulator.authority", *self._arguments)
            )
        for process in self._processes:
            await process.ready()

    async def _stop(self) -> None:
        await asyncio.gather(*(process.stop() for process in self._processes))

    async def ended(self) -> None:
        """Wait until one of them ends by mistake; for ever if there are none."""
        waits = [asyncio.create_task(process.wait()) for process in self._processes]
        try:
            await asyncio.wait(
                waits or [asyncio.get_running_loop().create_future()],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for wait in waits:
                wait.cancel()
