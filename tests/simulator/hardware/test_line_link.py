"""The link over the line process: a real MicroPython at the far end, and every fault in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import serial

from receiver.link import link, link_states
from receiver.link.link import Delivered, Down, Link, Lost, Message, Up
from simulator.hardware.serial_line.client import LineProcess
from simulator.hardware.serial_line.config import Config
from simulator.world.receiver_command import ROOT
from tests.simulator.hardware.test_line import DEVICES, PATIENCE, config, open_port

pytestmark = pytest.mark.processes

__all__ = ["config"]  # the fixture


class Host:
    """The host's end of the link on a serial port: accepts all, and keeps what it hears."""

    def __init__(self) -> None:
        self.link = Link(b"host", b"test", host=True)
        self.echoes: list[bytes] = []
        self.delivered: list[int] = []
        self.lost: list[int] = []
        self.ups: list[Up] = []
        self.downs: list[int] = []
        self._port: serial.Serial | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._moved = asyncio.Event()

    @asynccontextmanager
    async def on(self, path: str) -> AsyncIterator[None]:
        """Pumps over this port."""
        loop = asyncio.get_running_loop()
        with open_port(path) as self._port:
            descriptor = self._port.fileno()
            loop.add_reader(descriptor, self._read)
            self._turn()
            try:
                yield
            finally:
                self._stop_timer()
                loop.remove_reader(descriptor)
                self._port = None

    def send(self, payload: bytes) -> int:
        token = self.link.send(3, payload)
        assert token
        self._turn()
        return token

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():
                self._moved.clear()
                await self._moved.wait()

    async def echo(self, payload: bytes) -> None:
        """There and back."""
        expected = len(self.echoes) + 1
        token = self.send(payload)
        await self.until(lambda: len(self.echoes) == expected and token in self.delivered)
        assert self.echoes[-1] == payload

    def _read(self) -> None:
        assert self._port
        try:
            data = self._port.read(self._port.in_waiting)
        except (OSError, serial.SerialException):  # unplugged
            asyncio.get_running_loop().remove_reader(self._port.fileno())
            self._port = None
            data = b""
        self.link.receive(data, now_ms())
        self._turn()

    def _turn(self) -> None:
        """Events, writes, and the time of the next turn."""
        while (event := self.link.poll()) is not None:
            self._on(event)
        data = self.link.transmit(now_ms())
        if self._port:
            self._port.write(data)
        self._moved.set()
        self._stop_timer()
        due = self.link.deadline()
        if due is not None:
            wait = max(0, due - now_ms()) / 1000
            self._timer = asyncio.get_running_loop().call_later(wait, self._expire)

    def _expire(self) -> None:
        self.link.expire(now_ms())
        self._turn()

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _on(self, event: link.Event) -> None:
        if isinstance(event, Message):
            self.echoes.append(event.payload)
            self.link.accept(event.token)
        elif isinstance(event, Delivered):
            self.delivered.append(event.token)
        elif isinstance(event, Lost):
            self.lost += [message.token for message in event.messages]
        elif isinstance(event, Up):
            self.ups.append(event)
        elif isinstance(event, Down):
            self.downs.append(event.reason)


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@pytest.fixture
def link_config(config: Config) -> Config:
    """A line with an echo of messages."""
    argv = [config.argv[0], str(DEVICES / "echo_link.py")]
    path = f"{ROOT}:{ROOT}/firmware/device/lib:.frozen"
    return replace(config, argv=argv, env={"MICROPYPATH": path})


@pytest.fixture
async def line(link_config: Config) -> AsyncIterator[LineProcess]:
    async with LineProcess(link_config) as running:
        yield running


@pytest.fixture
async def host(line: LineProcess) -> AsyncIterator[Host]:
    """Up, with the first boot behind it."""
    end = Host()
    async with end.on(line.serial):
        await end.until(lambda: end.ups)
        yield end


@pytest.mark.parametrize("size", [0, 40, 181, 182, 2048])
async def test_messages_come_back(host: Host, size: int) -> None:
    """Each frame is said once, unless a busy machine let the answer to one be late."""
    begun = now_ms()
    await host.echo(bytes(n & 0xFF for n in range(size)))
    waited = now_ms() - begun
    assert host.link.counters["retransmits"] == 0 or waited >= link_states.RETRY_MS


async def test_a_board_that_resets_on_open(link_config: Config) -> None:
    end = Host()
    board = replace(link_config, reset_on_open=True)
    async with LineProcess(board) as line, end.on(line.serial):
        await end.until(lambda: end.ups)
        await end.echo(b"message")


async def test_garbage_and_text_disturb_nothing(host: Host, line: LineProcess) -> None:
    for n in range(5):
        await line.ask("garbage", bytes=40, to="host")
        await line.ask("garbage", bytes=40, to="device")
        await line.ask("text", text="Traceback (most recent call last):\r\n")
        await host.echo(b"message %d" % n)
    assert not host.downs


async def test_a_cut_delays_and_loses_nothing(host: Host, line: LineProcess) -> None:
    await line.ask("cut", ms=400)
    await host.echo(b"message")
    assert host.link.counters["retransmits"] > 0
    assert not host.downs


async def test_a_reset_in_the_middle_is_told(host: Host, line: LineProcess) -> None:
    await line.ask("cut", ms=50)
    token = host.send(b"for the old boot")
    await line.ask("reset")
    await host.until(lambda: len(host.ups) == 2)
    assert (host.downs, host.lost) == ([link.REBOOTED], [token])
    await host.echo(b"for the new boot")


async def test_unplugged_and_back(host: Host, line: LineProcess) -> None:
    """The same boots on both sides: what was on its way goes on."""
    await host.echo(b"before")
    await line.ask("unplug")
    token = host.send(b"meanwhile")
    await line.ask("replug")
    host.link.cut()
    async with host.on(line.serial):
        await host.until(lambda: token in host.delivered and b"meanwhile" in host.echoes)
        await host.echo(b"after")
    assert [up.fresh for up in host.ups] == [True, False]
    assert not host.lost


async def test_a_host_that_starts_anew_finds_the_device(host: Host, line: LineProcess) -> None:
    await host.echo(b"message")
    second = Host()
    second.link = Link(b"next", b"test", host=True)
    host.link = second.link
    host.ups.clear()
    host.echoes.clear()
    await line.ask("text", text="anything\r\n")
    await host.until(lambda: host.ups)
    await host.echo(b"message")
