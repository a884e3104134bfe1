"""More processes at the same port, for books on a server: one process computes on one core only."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process

READY_S = 20.0  # a cold start on a busy machine takes about one
STOP_S = 10.0


class Workers:
    """An async context manager; all of them serve when it is entered, and end with this process."""

    def __init__(self, count: int, arguments: list[str]) -> None:
        """`arguments` are those of `simulator.authority` for each."""
        self._count = count
        self._arguments = arguments
        self._processes: list[Process] = []

    async def __aenter__(self) -> Workers:
        try:
            for _ in range(self._count):
                self._processes.append(await self._start())
            for process in self._processes:
                await _ready(process)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.terminate()
        for process in self._processes:
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def ended(self) -> None:
        """Waits until one of them is gone, which none should be; for ever where there are none."""
        waits = [asyncio.create_task(process.wait()) for process in self._processes]
        try:
            await asyncio.wait(
                waits or [asyncio.get_running_loop().create_future()],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for wait in waits:
                wait.cancel()

    async def _start(self) -> Process:
        command = [sys.executable, "-m", "simulator.processes.child", "simulator.authority"]
        return await asyncio.create_subprocess_exec(*command, *self._arguments, stdout=PIPE)


async def _ready(process: Process) -> None:
    """The first line of its output; raises RuntimeError where it ends without one."""
    if process.stdout is None:
        raise RuntimeError("no pipe")
    if not await asyncio.wait_for(process.stdout.readline(), READY_S):
        raise RuntimeError("a worker did not start")
