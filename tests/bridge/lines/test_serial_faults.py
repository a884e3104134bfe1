"""Serial ports that misbehave: drivers that raise anything, take nothing, hang, or are shared."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from bridge.lines import port_holders, port_writers, serial_port
from bridge.lines.port_writers import WAITING_MOST, FileWriter, ThreadWriter
from bridge.lines.serial_port import Port, PortError, SerialPort, opener
from bridge.own_thread import OwnThread
from tests.bridge.lines.test_serial_port import (
    PATIENCE_S,
    End,
    Heard,
    hearing,
    stays_closed,
    terminal,
)

NOBODY = 65534  # a user that may do nothing
GET_EXCLUSIVE = 0x80045440  # TIOCGEXCL, asm-generic/ioctls.h
STRANGE = (termios.error(5, "Input/output error"), TypeError("no int"), struct.error("unpack"))

by_error = pytest.mark.parametrize("error", STRANGE, ids=lambda error: type(error).__name__)


def raising(error: Exception) -> Callable[..., Any]:
    def strike(*_: object, **__: object) -> None:
        raise error

    return strike


@pytest.fixture
def end() -> Iterator[End]:
    """A terminal's far end, open to the end."""
    one = terminal()
    yield one
    one.close()


@by_error
@pytest.mark.parametrize("function", ["tcgetattr", "tcsetattr"])
async def test_a_port_that_leaves_while_it_is_opened(
    error: Exception, function: str, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(termios, function, raising(error))
    await stays_closed(opener(end.url), end.url)


@by_error
async def test_a_driver_that_reads_nonsense(
    end: End, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial.Serial, "read", raising(error))
    async with hearing(opener(end.url)) as (port, heard):
        await heard.until(lambda: heard.cause is not None)
        with pytest.raises(PortError):
            port.write(b"hello")


async def test_a_port_that_cannot_be_closed(end: End, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hearing(opener(end.url)) as (port, _):
        close = serial.Serial.close

        def closed(line: serial.Serial) -> None:
            close(line)
            raise TypeError("closed already")

        monkeypatch.setattr(serial.Serial, "close", closed)
        await port.close()


def fill(port: Port) -> bytes:
    """Write until the line takes no more: what was written."""
    assert isinstance(port, SerialPort)
    assert isinstance(port._writer, FileWriter)
    written = bytearray()
    while not port._writer._waiting:
        piece = len(written).to_bytes(8, "big") * 32
        port.write(piece)
        written += piece
    return bytes(written)


async def test_what_a_line_does_not_take_at_once_it_takes_later(end: End) -> None:
    async with hearing(opener(end.url)) as (port, _):
        wanted, found = fill(port) + b"and the last", bytearray()
        port.write(b"and the last")
        while len(found) < len(wanted):
            found += await asyncio.wait_for(asyncio.to_thread(end.read), PATIENCE_S)
        assert bytes(found) == wanted


async def test_a_line_that_takes_nothing_is_lost(end: End) -> None:
    async with hearing(opener(end.url)) as (port, heard):
        async with asyncio.timeout(PATIENCE_S):
            while heard.cause is None:
                fill(port)  # again: the kernel moves on what it has taken, and has room once more
                await asyncio.sleep(0)
        assert heard.cause == port_writers.NO_MORE


async def test_a_line_without_a_descriptor_is_written_by_a_thread() -> None:
    """It blocks there; what waits is bounded, and the event loop turns."""
    heard, may_go, written = Heard(), threading.Event(), bytearray()

    def write(data: bytes) -> int:
        may_go.wait(PATIENCE_S)
        written.extend(data)
        return len(data)

    writer = ThreadWriter(write, heard.lost, "test")
    writer.write(bytes(WAITING_MOST))
    with pytest.raises(PortError, match="takes no more"):
        writer.write(b"x")
    await heard.until(lambda: heard.cause is not None)
    assert heard.cause == port_writers.NO_MORE
    assert not written
    may_go.set()
    writer.close()


@by_error
async def test_a_thread_that_fails_to_write_loses_the_line(error: Exception) -> None:
    heard = Heard()
    writer = ThreadWriter(raising(error), heard.lost, "test")
    writer.write(b"x")
    await heard.until(lambda: heard.cause is not None)
    with pytest.raises(PortError):
        writer.write(b"x")


async def test_a_port_is_held_exclusively_and_let_go(end: End) -> None:
    async with hearing(opener(end.url)) as (port, _):
        flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK
        other = os.open(end.url, flags) if os.getuid() == 0 else -1
        if other >= 0:  # root passes
            assert is_exclusive(other)
        await stays_closed(opener(end.url), r"in use by another program \(often ModemManager")
        await port.close()
        if other >= 0:
            assert not is_exclusive(other)
            os.close(other)
    async with hearing(opener(end.url)):
        pass


def is_exclusive(file: int) -> bool:
    return bool(struct.unpack("i", fcntl.ioctl(file, GET_EXCLUSIVE, bytes(4)))[0])


async def test_another_users_program_gets_busy(end: End) -> None:
    """As TIOCEXCL bars it; a program that asks for no lock is barred as well."""
    os.chmod(end.url, 0o666)  # noqa: PTH101 - a device, not a file that could block
    async with hearing(opener(end.url)):
        code = (
            f"import os\nif os.getuid() == 0: os.setuid({NOBODY})\n"
            f"try: os.open({end.url!r}, os.O_RDWR | os.O_NOCTTY)\n"
            "except OSError as error: print(error.errno)"
        )
        said = await asyncio.to_thread(subprocess.check_output, [sys.executable, "-c", code])
        assert int(said) == errno.EBUSY


@pytest.fixture
def thief(end: End) -> Any:
    """A process that has a terminal open, and the terminal."""
    code = f"import os, sys\nos.open({end.url!r}, os.O_RDWR | os.O_NOCTTY)\nprint('', flush=True)\n"
    code += "sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield end, process.pid
        process.communicate()


def test_who_has_a_port_open_is_found(thief: Any) -> None:
    end, process = thief
    [found] = port_holders.find(end.url)
    assert (found.process, found.sure) == (process, True)
    assert f"(process {process})" in port_holders.shown([found])
    assert port_holders.find(end.url, but=(process,)) == []


async def test_a_silent_port_that_is_shared_is_said(
    thief: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    end, process = thief
    monkeypatch.setattr(serial_port, "FIRST_LOOK_S", 0.0)
    heard, said = Heard(), asyncio.Event()
    loop, look = asyncio.get_running_loop(), SerialPort._look_for_others

    def looked(port: SerialPort) -> None:
        look(port)
        loop.call_soon_threadsafe(said.set)

    monkeypatch.setattr(SerialPort, "_look_for_others", looked)
    port = await opener(end.url)(heard.received, heard.lost)
    await asyncio.wait_for(said.wait(), PATIENCE_S)
    await port.close()
    [record] = [it for it in caplog.records if it.message == "port shared"]
    assert f"(process {process})" in record.fields["detail"]  # type: ignore[attr-defined]


def test_programs_that_take_ports_are_named_for_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their open files cannot be seen by the bridge's user."""
    monkeypatch.setattr(port_holders, "_holds", lambda files, file: None)
    port = tmp_path / "port"
    port.touch()
    for number, name in ((1, "systemd"), (321, "ModemManager")):
        process = tmp_path / "proc" / str(number)
        process.mkdir(parents=True)
        (process / "comm").write_text(name + "\n")
    found = port_holders.find(str(port), processes=tmp_path / "proc")
    assert port_holders.shown(found) == "ModemManager (process 321), perhaps"
    assert port_holders.find(str(tmp_path / "nowhere")) == []


async def test_an_opening_that_hangs_holds_up_only_itself() -> None:
    """The pool that all share is free, and what comes too late is let go of."""
    may_go, undone = threading.Event(), asyncio.Event()
    loop, thread = asyncio.get_running_loop(), OwnThread("open it")

    def undo(result: str) -> None:
        assert result == "a line"
        loop.call_soon_threadsafe(undone.set)

    def hang() -> str:
        may_go.wait(PATIENCE_S)
        return "a line"

    for _ in range(2):  # the second is not begun
        with pytest.raises(TimeoutError, match="open it hangs"):
            await thread.call(hang, 0.01, undo)
    may_go.set()
    await asyncio.wait_for(undone.wait(), PATIENCE_S)
