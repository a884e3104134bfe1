"""Start a line process, ask it for faults, and stop it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from simulator.processes.child_process import ChildProcess
from simulator.processes.scope import Scope

from .config import Config

Status = dict[str, Any]

PATIENCE = 20.0  # seconds for an answer, which comes in a fraction of one


class LineProcess(Scope):
    """`async with LineProcess(config) as line: await line.ask("cut", ms=500)`."""

    def __init__(self, config: Config) -> None:
        self.serial = config.serial
        self._config = config
        self._asking = asyncio.Lock()

    async def open(self) -> None:
        """Start the process and wait until it is ready; RuntimeError if it ends before that."""
        self._process = await ChildProcess.start_module(
            "simulator.hardware.serial_line", "--config", self._config.to_json()
        )
        self.stack.push_async_callback(self._process.stop)
        await self._process.ready()
        connected = await asyncio.open_unix_connection(self._config.control)
        self._reader, self._writer = connected
        self.stack.push_async_callback(self._hang_up)

    async def ask(self, do: str, **fields: object) -> Status:
        """Send a request; return the line's status after it; RuntimeError if it was refused.

        garbage (bytes, to: host or device), text (text), cut (ms), unplug, replug, reset, status.
        """
        async with self._asking, asyncio.timeout(PATIENCE):
            self._writer.write(json.dumps({"do": do, **fields}).encode() + b"\n")
            line = await self._reader.readline()
        if not line:
            raise RuntimeError("the line has ended")
        answer: Status = json.loads(line)
        if not answer.pop("ok"):
            raise RuntimeError(answer["error"])
        return answer

    def kill(self) -> None:
        """Kill the line's process, as in a crash of the simulator."""
        self._process.kill()

    async def stop(self) -> None:
        """Stop the line and its receiver."""
        await self.stack.aclose()

    async def _hang_up(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
