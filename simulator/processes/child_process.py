"""A child process, which never outlives this one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import IO, NamedTuple, Self, TypedDict, TypeVar, Unpack

from .die_with_parent import die_with_parent

READY_S = 20.0  # a cold start on a busy machine takes about one
STOP_S = 20.0  # a bridge gives its open sales ten

_PRIVATE = 0o600

T = TypeVar("T")


class Options(TypedDict, total=False):
    """How to start a process; `stdout` is a pipe by default, the rest is inherited."""

    stdin: int | IO[bytes]
    stdout: int | IO[bytes]
    stderr: int | IO[bytes]
    log: Path  # instead of `stderr`: the file to which its standard error is appended
    cwd: str | Path | None
    env: Mapping[str, str]


class Ended(NamedTuple):
    """A process's exit status and its unread output."""

    code: int
    out: str
    err: str


class ChildProcess:
    """A running process: `start` a program, or `start_module` for a module in this Python."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, log: Path | None) -> None:
        self._process = process
        self._name = name
        self._log = log
        self._reading = asyncio.Lock()  # guards its output: it may be stopped while a reader waits

    @classmethod
    async def start(cls, *command: str, **options: Unpack[Options]) -> Self:
        """Start a program; OSError if it does not exist."""
        return await cls._start(command, die_with_parent, **options)

    @classmethod
    async def start_module(cls, module: str, *arguments: str, **options: Unpack[Options]) -> Self:
        """Start `python -m`, with no code between fork and exec, which threads forbid."""
        runner = (sys.executable, "-m", "simulator.processes.die_with_parent")
        return await cls._start((*runner, module, *arguments), None, module, **options)

    @classmethod
    async def _start(
        cls,
        command: tuple[str, ...],
        before: Callable[[], None] | None,
        name: str = "",
        **options: Unpack[Options],
    ) -> Self:
        log = options.get("log")
        with ExitStack() as stack:
            stderr = options.get("stderr")
            if log is not None:
                log.touch(_PRIVATE)
                stderr = stack.enter_context(log.open("ab"))
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=options.get("stdin"),
                stdout=options.get("stdout", PIPE),
                stderr=stderr,
                cwd=options.get("cwd"),
                env=options.get("env"),
                preexec_fn=before,
            )
        return cls(process, name or command[0], log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    # Its pipes

    @property
    def stdin(self) -> asyncio.StreamWriter:
        return _pipe(self._process.stdin)

    @property
    def stdout(self) -> asyncio.StreamReader:
        return _pipe(self._process.stdout)

    @property
    def stderr(self) -> asyncio.StreamReader:
        return _pipe(self._process.stderr)

    async def ready(self, within_s: float = READY_S) -> str:
        """Return its first line; without one, kill it and raise RuntimeError with the cause."""
        try:
            async with asyncio.timeout(within_s), self._reading:
                line = await self.stdout.readline()
        except BaseException:
            await self.stop(SIGKILL)
            raise
        if not line:
            code = await self.stop(SIGKILL)
            raise RuntimeError(f"{self._name} did not start ({code}): {self._last_words()}")
        return line.decode()

    def _last_words(self) -> str:
        return self._log.read_text().strip() if self._log else ""

    # Its end

    def send_signal(self, number: Signals) -> None:
        """Send a signal; a process that has ended ignores it.

        Not by `Process.send_signal`: that reaps a child that has just ended, and asyncio then
        reports its exit status as 255.
        """
        if self.is_running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(SIGKILL)

    async def wait(self) -> int:
        """Wait for its end; return the exit status."""
        return await self._process.wait()

    async def ended(self) -> Ended:
        """Wait for its end; read what is left in its pipes."""
        async with self._reading:
            out, err = await self._process.communicate()
        return Ended(await self.wait(), (out or b"").decode(), (err or b"").decode())

    async def stop(self, how: Signals = SIGTERM, within_s: float = STOP_S) -> int:
        """End it with a signal, after a timeout with SIGKILL; return the exit status."""
        self.send_signal(how)
        try:
            async with asyncio.timeout(within_s):
                return (await self.ended()).code
        except TimeoutError:
            self.kill()
            return (await self.ended()).code


class ServerProcess:
    """A server in its own process, which may be stopped, killed and started again."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: ChildProcess | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the process does not run")
        return self._process.pid

    async def run(self, module: str, *arguments: str) -> dict[str, str]:
        """Start it and wait until it serves; return its readiness line.

        A RuntimeError quotes its last output.
        """
        self._process = await ChildProcess.start_module(module, *arguments, log=self.log)
        return dict(json.loads(await self._process.ready()))

    async def stop(self, how: Signals = SIGTERM) -> None:
        """End the process and wait for it."""
        process, self._process = self._process, None
        if process is not None:
            await process.stop(how)


def _pipe(stream: T | None) -> T:
    """Require a stream that was asked for at the start."""
    if stream is None:
        raise RuntimeError("this stream is not a pipe")
    return stream
