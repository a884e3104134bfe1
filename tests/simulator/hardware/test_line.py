"""The line process with a real MicroPython receiver on one side and pyserial on the other."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import serial

from simulator.hardware.serial_line.client import LineProcess
from simulator.hardware.serial_line.config import BOOT_TEXT, Config
from tests.support.values.micropython import interpreter

pytestmark = pytest.mark.processes

DEVICES = Path(__file__).with_name("devices")
PATIENCE = 20.0  # seconds; every wait here takes a fraction of one
READY = b"ready\r\n"
STOP, FLOOD = b"\x04", b"\x05"  # requests that echo_bytes.py understands
FLOOD_SIZE = 10_000


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A line with an echo of bytes."""
    return Config(
        serial=str(tmp_path / "tty"),
        control=str(tmp_path / "control"),
        argv=[interpreter(), str(DEVICES / "echo_bytes.py")],
        log=str(tmp_path / "log"),
    )


@pytest.fixture
async def line(config: Config) -> AsyncIterator[LineProcess]:
    async with LineProcess(config) as running:
        yield running


@pytest.fixture
async def port(line: LineProcess) -> AsyncIterator[serial.Serial]:
    """Open, past the boot text: a reset first, because the first boot may be over."""
    with open_port(line.serial) as opened:
        await until(line, lambda status: status["open"])
        opened.reset_input_buffer()
        await line.ask("reset")
        await read_until(opened, READY)
        yield opened


def state(pid: int) -> str:
    """Of a process, as proc(5) names it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def open_port(path: str) -> serial.Serial:
    return serial.Serial(path, 115_200, timeout=PATIENCE)


async def read(port: serial.Serial, size: int) -> bytes:
    data = bytes(await asyncio.to_thread(port.read, size))
    assert len(data) == size
    return data


async def read_until(port: serial.Serial, end: bytes) -> bytes:
    data = bytes(await asyncio.to_thread(port.read_until, end))
    assert data.endswith(end), data
    return data


async def until(line: LineProcess, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Asks for the status until it is as wanted."""
    async with asyncio.timeout(PATIENCE):
        while not true(status := await line.ask("status")):
            pass
    return status


async def echo(port: serial.Serial, data: bytes) -> None:
    port.write(data)
    assert await read(port, len(data)) == data


def exists(path: str) -> bool:
    return os.path.lexists(path)


async def gone(pid: int) -> None:
    """Returns when the process has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert await asyncio.to_thread(select.select, [handle], [], [], PATIENCE) != ([], [], [])
    finally:
        os.close(handle)


async def test_every_byte_passes_both_ways(port: serial.Serial) -> None:
    await echo(port, bytes(range(6, 256)) + b"\x00\x01\x02\x03")


async def test_a_boot_says_what_a_chip_says(port: serial.Serial, line: LineProcess) -> None:
    await line.ask("reset")
    assert await read_until(port, READY) == BOOT_TEXT.encode() + READY


async def test_bytes_take_as_long_as_on_a_wire(port: serial.Serial) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    await echo(port, bytes(range(6, 206)))
    assert loop.time() - start >= 200 * 10 / 115_200


async def test_a_reset_keeps_the_terminal(port: serial.Serial, line: LineProcess) -> None:
    before = await line.ask("status")
    after = await line.ask("reset")
    assert after["pid"] != before["pid"]
    assert after["boots"] == before["boots"] + 1
    await read_until(port, READY)
    await echo(port, b"again")


async def test_a_receiver_that_ends_starts_again(port: serial.Serial, line: LineProcess) -> None:
    before = await line.ask("status")
    port.write(STOP)
    await read_until(port, READY)
    assert (await line.ask("status"))["boots"] == before["boots"] + 1
    await echo(port, b"again")


async def test_a_receiver_that_always_fails_is_not_started_in_a_loop(config: Config) -> None:
    start = asyncio.get_running_loop().time()
    async with LineProcess(replace(config, argv=["false"])) as line:
        await until(line, lambda status: status["boots"] == 4)
    assert asyncio.get_running_loop().time() - start >= 0.05 + 0.1 + 0.2


async def test_a_missing_receiver_ends_the_line(config: Config) -> None:
    with pytest.raises((RuntimeError, OSError)):
        async with LineProcess(replace(config, argv=["/missing"])) as line:
            await until(line, lambda status: False)


async def test_standard_error_goes_to_the_log(config: Config) -> None:
    script = "import sys; sys.stderr.write('words')"
    async with LineProcess(replace(config, argv=[interpreter(), "-c", script])) as line:
        await until(line, lambda status: status["boots"] == 2)
    assert "words" in await asyncio.to_thread(Path(config.log).read_text)


async def test_the_input_ring_drops(port: serial.Serial, line: LineProcess) -> None:
    """The receiver computes and does not read: 260 of 400 bytes are kept."""
    before = await line.ask("status")
    os.kill(before["pid"], signal.SIGSTOP)
    while state(before["pid"]) != "T":  # noqa: ASYNC110 - nothing tells; it may still read
        await asyncio.sleep(0)
    sent = bytes(6 + n % 250 for n in range(400))
    port.write(sent)
    await until(line, lambda now: now["ring_overflow"] == before["ring_overflow"] + 140)
    os.kill(before["pid"], signal.SIGCONT)
    assert await read(port, 260) == sent[:260]
    await echo(port, b"on")


async def test_output_without_a_host_is_lost(line: LineProcess) -> None:
    size = len(BOOT_TEXT) + len(READY)
    status = await until(line, lambda status: status["unread"] == size)
    assert not status["open"]
    with open_port(line.serial) as port:
        await echo(port, b"only this")


async def test_a_host_that_does_not_read_stops_nothing(
    port: serial.Serial, line: LineProcess
) -> None:
    """What the host's driver has no room for is dropped; the receiver lives on."""
    before = await line.ask("status")
    port.write(FLOOD)
    dropped = await until(
        line,
        lambda now: now["to_host"] + now["unread"] == before["to_host"] + FLOOD_SIZE,
    )
    assert dropped["unread"] > 0
    port.reset_input_buffer()
    port.write(b"alive")
    await read_until(port, b"alive")  # behind what the kernel had not handed to the buffer yet


async def test_opening_may_reset_the_board(config: Config) -> None:
    async with LineProcess(replace(config, reset_on_open=True)) as line:
        before = await line.ask("status")
        with open_port(line.serial) as port:
            await until(line, lambda status: status["boots"] == before["boots"] + 1)
            await read_until(port, READY)
            await echo(port, b"here")
        await until(line, lambda status: not status["open"])
        with open_port(line.serial):
            await until(line, lambda status: status["boots"] == before["boots"] + 2)


async def test_unplug_and_replug(port: serial.Serial, line: LineProcess) -> None:
    status = await line.ask("unplug")
    assert not status["plugged"]
    assert not exists(line.serial)
    with pytest.raises(serial.SerialException):
        await asyncio.to_thread(port.read, 1)
    assert (await line.ask("replug"))["plugged"]
    with open_port(line.serial) as again:
        await echo(again, b"back")
    assert (await line.ask("status"))["boots"] == status["boots"]


async def test_a_cut_loses_bytes_both_ways(port: serial.Serial, line: LineProcess) -> None:
    before = await line.ask("cut", ms=1000)
    port.write(b"?")
    await until(line, lambda status: status["cut"] > before["cut"])
    while (await line.ask("status"))["to_host"] == before["to_host"]:
        port.write(b"?")
    await read_until(port, b"?")


async def test_garbage_reaches_either_end(port: serial.Serial, line: LineProcess) -> None:
    await line.ask("garbage", bytes=50, to="host")
    assert len(set(await read(port, 50))) > 20
    before = await line.ask("garbage", bytes=50, to="device")
    await until(line, lambda status: status["to_device"] >= before["to_device"] + 50)


async def test_text_is_as_if_the_device_had_said_it(port: serial.Serial, line: LineProcess) -> None:
    await line.ask("text", text="Guru Meditation Error\r\n")
    assert await read_until(port, b"\n") == b"Guru Meditation Error\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "explode"},
        {"do": "cut"},
        {"do": "cut", "ms": -1},
        {"do": "cut", "ms": 10**9},
        {"do": "garbage", "bytes": 5, "to": "moon"},
        {"do": "text", "text": 5},
    ],
)
async def test_a_wrong_request_is_refused(line: LineProcess, request_: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError):
        await line.ask(**request_)
    await line.ask("status")


async def test_the_end_takes_everything_along(config: Config) -> None:
    async with LineProcess(config) as line:
        status = await until(line, lambda status: status["pid"] is not None)
    await gone(status["pid"])
    assert not exists(config.serial)
    assert not exists(config.control)


async def test_a_killed_line_leaves_no_receiver(config: Config) -> None:
    async with LineProcess(config) as line:
        status = await until(line, lambda status: status["pid"] is not None)
        line.kill()
        await gone(status["pid"])
