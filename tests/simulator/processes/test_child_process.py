"""What starts the processes of a world, and ends each of them whatever it does."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from simulator.processes.child_process import ChildProcess

PATIENCE = 20.0
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('ready', flush=True); signal.pause()"
)
SILENT = "import signal; signal.pause()"
# Starts the program that its arguments are, and tells its process id.
PARENT = """
import asyncio, sys
from simulator.processes.child_process import ChildProcess
async def main():
    child = await getattr(ChildProcess, sys.argv[1])(*sys.argv[2:])
    await child.ready()
    print(child.pid, flush=True)
    await child.wait()
asyncio.run(main())
"""


async def python(script: str, log: Path | None = None) -> ChildProcess:
    if log is None:
        return await ChildProcess.start(sys.executable, "-c", script)
    return await ChildProcess.start(sys.executable, "-c", script, log=log)


async def test_a_line_says_that_it_is_ready() -> None:
    process = await python("print('one'); print('two'); raise SystemExit(3)")
    assert await process.ready() == "one\n"
    assert await process.ended() == (3, "two\n", "")
    assert not process.is_running


async def test_a_process_that_ends_before_it_is_ready(tmp_path: Path) -> None:
    process = await python("raise SystemExit('no port is free')", tmp_path / "log")
    with pytest.raises(RuntimeError, match=r"did not start \(1\): no port is free"):
        await process.ready()


async def test_a_process_that_is_not_ready_in_time_is_killed() -> None:
    process = await python(SILENT)
    with pytest.raises(TimeoutError):
        await process.ready(within_s=0)
    assert await process.wait() == -SIGKILL


async def test_it_may_be_stopped_while_it_starts() -> None:
    process = await python(SILENT)
    starting = asyncio.create_task(process.ready())
    await asyncio.sleep(0)
    assert await process.stop() == -SIGTERM
    with pytest.raises(RuntimeError):
        await starting


async def test_what_ignores_the_signal_is_killed() -> None:
    process = await python(STUBBORN)
    await process.ready()
    assert await process.stop(within_s=0) == -SIGKILL
    assert await process.stop() == -SIGKILL


async def test_output_that_was_never_read_keeps_no_process() -> None:
    process = await python("print('x' * 1_000_000)")
    async with asyncio.timeout(PATIENCE):
        assert await process.stop() in (0, -SIGTERM)


async def test_a_log_is_of_its_owner_and_added_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for word in ("one", "two"):
        process = await python(f"import sys; print({word!r}, file=sys.stderr)", log)
        assert (await process.ended()).code == 0
    assert log.read_text() == "one\ntwo\n"
    assert log.stat().st_mode & 0o777 == 0o600


async def test_both_of_its_pipes_are_read() -> None:
    process = await ChildProcess.start("cat", "-", "/missing", stdin=PIPE, stderr=PIPE)
    process.stdin.write(b"said")
    process.stdin.close()
    code, out, err = await process.ended()
    assert (code, out) == (1, "said")
    assert "/missing" in err


async def test_a_pipe_that_was_not_asked_for() -> None:
    process = await python("")
    with pytest.raises(RuntimeError):
        _ = process.stdin
    assert await process.stop() in (0, -SIGTERM)


async def test_a_program_that_is_missing() -> None:
    with pytest.raises(FileNotFoundError):
        await ChildProcess.start("/missing")


async def test_a_module_sees_its_own_arguments() -> None:
    process = await ChildProcess.start_module("json.tool", "--compact", stdin=PIPE)
    process.stdin.write(b'{"a": 1}')
    process.stdin.close()
    assert await process.ended() == (0, '{"a":1}\n', "")


@pytest.mark.parametrize(
    "command",
    [
        ("start", sys.executable, "-c", STUBBORN),
        ("start_module", "http.server", "--bind", "127.0.0.1", "0"),
    ],
)
async def test_it_does_not_outlive_its_parent(command: tuple[str, ...]) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    parent = await ChildProcess.start(sys.executable, "-c", PARENT, *command, env=environment)
    child = os.pidfd_open(int(await parent.ready()))
    try:
        await parent.stop(SIGKILL)
        await asyncio.wait_for(_readable(child), PATIENCE)
    finally:
        os.close(child)


async def _readable(descriptor: int) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
