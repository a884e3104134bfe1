"""Starts a line process, asks it for faults, and stops it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from .config import Config

ROOT = Path(__file__).parents[3]
PATIENCE = 20.0  # seconds for a start, an answer or an end; each takes a fraction of one


class LineProcess:
    """`async with await LineProcess.start(config) as line: await line.ask("cut", ms=500)`."""

    def __init__(
        self,
        config: Config,
        process: asyncio.subprocess.Process,
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
        """The process, ready; RuntimeError if it ends before that."""
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulator.processes.child"),
            *("simulator.hardware.serial_line", "--config", config.to_json()),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await _ready(process, config)
        except BaseException:
            process.kill()
            await _end(process)
            raise
        return cls(config, process, reader, writer)

    async def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """One request, and the line's status after it; RuntimeError if it was refused.

        garbage (bytes, to: host or device), text (text), cut (ms), unplug, replug, reset, status.
        """
        async with self._asking, asyncio.timeout(PATIENCE):
            self._writer.write(json.dumps({"do": do, **fields}).encode() + b"\n")
            line = await self._reader.readline()
        if not line:
            raise RuntimeError("the line has ended")
        answer: dict[str, Any] = json.loads(line)
        if not answer.pop("ok"):
            raise RuntimeError(answer["error"])
        return answer

    def kill(self) -> None:
        """The line's process dies at once, as in a crash of the simulator."""
        self._process.kill()

    async def stop(self) -> None:
        """Ends the line and its receiver."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
        if self._process.returncode is None:
            self._process.terminate()
        async with asyncio.timeout(PATIENCE):
            await _end(self._process)

    async def __aenter__(self) -> LineProcess:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


async def _ready(
    process: asyncio.subprocess.Process, config: Config
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    assert process.stdout
    if not await process.stdout.readline():
        raise RuntimeError(f"the line ended with status {await process.wait()}")
    return await asyncio.open_unix_connection(config.control)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Reads to the end, or the pipe would outlive the process."""
    assert process.stdout
    await process.stdout.read()
    await process.wait()
