"""A bridge as a process: what signals do to it, and what its service manager hears."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.config import configuration
from bridge.daemon import process, systemd

PATIENCE_S = 10.0


class Service:
    """Drains for as long as it is told to."""

    def __init__(self) -> None:
        self.well = True
        self.asked = 0
        self.drained: float | None = None
        self.may_end = asyncio.Event()

    @property
    def healthy(self) -> bool:
        self.asked += 1
        return self.well

    async def drain(self, seconds: float) -> None:
        self.drained = seconds
        await self.may_end.wait()


class Daemon:
    """In the place of the real one."""

    def __init__(self, settings: configuration.Config) -> None:
        self.service = Service()
        self.till_url = "http://127.0.0.1:1"
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended = False
        self.renewed = asyncio.Event()

    def renew(self) -> None:
        self.renewed.set()

    async def __aenter__(self) -> Daemon:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.ended = True

    async def wait(self) -> None:
        await asyncio.shield(self.failure)


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door

    async def hears(self) -> str:
        data = await asyncio.wait_for(
            asyncio.get_running_loop().sock_recv(self._door, 100), PATIENCE_S
        )
        return data.decode()

    def forget(self) -> int:
        """How many messages waited that nobody shall hear."""
        for count in itertools.count():
            try:
                self._door.recv(100)
            except BlockingIOError:
                return count
        raise AssertionError


@asynccontextmanager
async def running(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[tuple[asyncio.Task[None], Daemon, Manager]]:
    made: list[Daemon] = []

    def daemon(settings: configuration.Config) -> Daemon:
        made.append(Daemon(settings))
        return made[0]

    monkeypatch.setattr(process, "Daemon", daemon)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    settings: Any = type("Settings", (), {"drain_s": 7.0})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        door.setblocking(False)
        task = asyncio.create_task(process.run(settings, lambda url: None))
        try:
            there = Manager(door)
            assert await there.hears() == "READY=1"
            yield task, made[0], there
        finally:
            task.cancel()
            for number in (*process.STOPPERS, signal.SIGHUP):
                asyncio.get_running_loop().remove_signal_handler(number)


@pytest.mark.parametrize("number", process.STOPPERS)
async def test_the_first_signal_lets_open_sales_end(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path) as (task, daemon, there):
        os.kill(os.getpid(), number)
        assert await there.hears() == "STOPPING=1"
        await until(lambda: daemon.service.drained == 7.0)
        assert not daemon.ended
        daemon.service.may_end.set()
        await asyncio.wait_for(task, PATIENCE_S)
        assert daemon.ended


async def test_the_second_signal_waits_for_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path) as (task, daemon, there):
        os.kill(os.getpid(), signal.SIGTERM)
        assert await there.hears() == "STOPPING=1"
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(task, PATIENCE_S)
        assert daemon.ended


async def test_a_hangup_has_files_read_anew_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path) as (task, daemon, _):
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait_for(daemon.renewed.wait(), PATIENCE_S)
        assert not task.done()
        assert daemon.service.drained is None


@pytest.mark.parametrize("stopping", [False, True])
async def test_a_failure_ends_it(
    stopping: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with running(monkeypatch, tmp_path) as (task, daemon, _):
        if stopping:
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: daemon.service.drained is not None)
        daemon.failure.set_exception(ExceptionGroup("the journal", [OSError("full")]))
        with pytest.raises(ExceptionGroup):
            await asyncio.wait_for(task, PATIENCE_S)
        assert daemon.ended


async def test_signs_of_life_end_with_health(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "2000")
    async with running(monkeypatch, tmp_path) as (_, daemon, there):
        assert [await there.hears() for _ in range(3)] == ["WATCHDOG=1"] * 3
        daemon.service.well = False
        asked = daemon.service.asked
        there.forget()
        await until(lambda: daemon.service.asked > asked + 3)
        assert there.forget() == 0


def test_the_manager_may_be_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for address in ("", str(tmp_path / "nobody"), "@nobody-listens-here"):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        systemd.tell(systemd.READY)


def test_a_name_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", f"@tillsign-test-{os.getpid()}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(f"\0tillsign-test-{os.getpid()}")
        systemd.tell(systemd.READY)
        assert door.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    ("allowed", "process", "every"),
    [
        ("30000000", "", 15.0),
        pytest.param("30000000", str(os.getpid()), 15.0, id="for this process"),
        ("30000000", "1", None),
        ("", "", None),
        ("soon", "", None),
    ],
)
def test_how_often_a_sign_of_life_is_asked_for(
    allowed: str, process: str, every: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", allowed)
    monkeypatch.setenv("WATCHDOG_PID", process)
    assert systemd.alive_every_s() == every


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), RuntimeError("strange")])
def test_a_manager_that_cannot_be_told_is_no_failure(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: object) -> None:
        raise error

    monkeypatch.setenv("NOTIFY_SOCKET", "/run/nowhere")
    monkeypatch.setattr(socket, "socket", made)
    systemd.tell(systemd.READY)


@pytest.mark.parametrize("allowed", ["0", "²", "", "-1"])
def test_a_watchdog_time_that_is_none(allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", allowed)
    assert systemd.alive_every_s() is None
