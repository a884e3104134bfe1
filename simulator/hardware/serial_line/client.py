"""Start a line process, ask it for faults, and stop it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from signal import SIGKILL
from typing import Any

from simulator.processes.child_process import ChildProcess

from .config import Config

Status = dict[str, Any]

PATIENCE = 20.0  # seconds for an answer, which comes in a fraction of one


class LineProcess:
    """`async with await LineProcess.start(config) as line: await line.ask("cut", ms=500)`."""

    def __init__(
        self,
        config: Config,
        process: ChildProcess,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.serial = config.serial
        self._process = process
        self._reader = reader
        self._writer = writer
        self._asking = asyncio.Lock()

    @classmethod
    async def start(cls, config: Config) -> LineProcess:
        """Start the process and wait until it is ready; RuntimeError if it ends before that."""
        process = await ChildProcess.start_module(
            "simulator.hardware.serial_line", "--config", config.to_json()
        )
        await process.ready()
        try:
            reader, writer = await asyncio.open_unix_connection(config.control)
        except BaseException:
            await process.stop(SIGKILL)
            raise
        return cls(config, process, reader, writer)

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
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
        await self._process.stop()

    async def __aenter__(self) -> LineProcess:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
