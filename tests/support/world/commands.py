"""The commands of `tillsign` as processes of their own, as a person or a script starts them."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from signal import SIGTERM, Signals
from tempfile import TemporaryDirectory

from simulator.processes import attach
from simulator.processes.child_process import ChildProcess, Ended

PATIENCE = 30.0  # seconds; a cold start on a busy machine takes two


class Running:
    """A command that has not ended yet."""

    def __init__(self, process: ChildProcess) -> None:
        self.pid = process.pid
        self._process = process

    async def line(self, containing: str = "") -> str:
        """The next line with this text that it prints; waits for it."""
        return await self._next(self._process.stdout, containing)

    async def said(self, containing: str) -> str:
        """The next line with this text that it logs; waits for it."""
        return await self._next(self._process.stderr, containing)

    async def _next(self, stream: asyncio.StreamReader, containing: str) -> str:
        async with asyncio.timeout(PATIENCE):
            while line := (await stream.readline()).decode():
                if containing in line:
                    return line
        raise EOFError((await self.ended()).err)

    async def ended(self) -> Ended:
        """Wait for its end; its output is what was not read before."""
        async with asyncio.timeout(PATIENCE):
            ended = await self._process.ended()
        print(ended.out, ended.err, sep="\n")  # shown by pytest where a test fails
        return ended

    async def stop(self, how: Signals = SIGTERM) -> Ended:
        """A signal, if it still runs."""
        self._process.send_signal(how)
        return await self.ended()


@asynccontextmanager
async def started(temporary: Path, *arguments: str) -> AsyncIterator[Running]:
    """A command from its start to its end; `temporary` is where it keeps its files, if any."""
    with _short(temporary) as place:
        process = await ChildProcess.start_module(
            "bridge.cli", *arguments, stderr=PIPE, env=_environment(place)
        )
        running = Running(process)
        try:
            yield running
        finally:
            await running.stop()


async def tillsign(temporary: Path, *arguments: str) -> Ended:
    """Run a command to its end."""
    async with started(temporary, *arguments) as running:
        return await running.ended()


class Family:
    """Every process that one has started, and theirs, as they are now."""

    def __init__(self, head: int) -> None:
        processes = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        parents = {child: _parent(child) for child in processes}
        found = {head}
        while more := {child for child in processes if parents[child] in found} - found:
            found |= more
        self._handles = [os.pidfd_open(process) for process in found - {head}]

    def __len__(self) -> int:
        return len(self._handles)

    async def ended(self) -> None:
        """Wait until none of them runs."""
        async with asyncio.timeout(PATIENCE):
            while self._handles:
                await _readable(self._handles[-1])
                os.close(self._handles.pop())


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


def _parent(process: int) -> int:
    """0 for a process that has just ended."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


@contextmanager
def _short(place: Path) -> Iterator[Path]:
    """The same folder under a short name: a socket in it has 108 bytes for its own."""
    with TemporaryDirectory() as directory:
        name = Path(directory) / "t"
        name.symlink_to(place)
        yield name


def _environment(temporary: Path) -> dict[str, str]:
    """Ours, but that no world of another user is found."""
    own = {name: value for name, value in os.environ.items() if name != attach.VARIABLE}
    return {**own, "TMPDIR": str(temporary)}


def in_order(ended: Ended, *texts: str) -> None:
    """It has printed these, one behind the other."""
    at = 0
    for text in texts:
        at = ended.out.index(text, at) + len(text)
