"""A serial port by pyserial URL: one reader thread passes the bytes to the event loop."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import socket
import termios
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

import serial

from bridge import foreign_code
from bridge.observability.log_budget import Allowance
from bridge.observability.logs import Log
from bridge.own_thread import OwnThread, start

from . import port_holders
from .errors import BarredPortError
from .errors import PortError as PortError  # every line raises it: part of this module's interface
from .port_writers import FileWriter, ThreadWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from .port_writers import Writer

BAUD = 115_200
READ_TIMEOUT_S = 0.25  # the longest wait of `close` for the reader
READ_MOST = 4096  # bytes at once: a third of a second at 115,200 baud
OPEN_TIMEOUT_S = 15.0  # the slowest, a distant rfc2217 server, takes some 10 at most
CLOSE_TIMEOUT_S = 10.0  # with rfc2217 pyserial waits 7 for its own thread
# Silence before the search for another program: a board writes as soon as it starts, and sends its
# health every 30 s. A search takes some 10 ms of the interpreter.
FIRST_LOOK_S = 10.0
LOOK_S = 45.0
_IN_USE = (errno.EBUSY, errno.EAGAIN)  # the errors of TIOCEXCL and flock for the second program

_log = Log(__name__)
_DENIED = (errno.EACCES, errno.EPERM)
PERMISSION = (
    "sudo usermod -aG dialout $USER, then log in again; or, for the person at the screen, "
    'a rule in /etc/udev/rules.d: SUBSYSTEM=="tty", ATTRS{idVendor}=="303a", TAG+="uaccess"'
)
# One for each device that was ever opened: while an opening hangs, no second one begins.
_threads: dict[str, OwnThread] = {}
_shared: dict[str, Allowance] = {}  # limits the log lines about other programs at a device


class Port(Protocol):
    """A line as the link uses it; made by an opener, alive until `lost` or `close`."""

    def write(self, data: bytes) -> None:
        """Write bytes to the line without waiting for it; raises PortError."""

    async def close(self) -> None:
        """Close the line; no callback follows."""


class SerialLine(Protocol):
    """The part of a pyserial object that is used here, for any URL."""

    port: str
    in_waiting: int

    def read(self, size: int) -> bytes: ...
    def write(self, data: bytes) -> int | None: ...
    def close(self) -> None: ...


class Opener(Protocol):
    """Opens a line; passes bytes to `received`, calls `lost` once at its end. Raises PortError."""

    async def __call__(
        self, received: Callable[[bytes], None], lost: Callable[[str], None]
    ) -> Port: ...


def opener(url: str) -> Opener:
    """Return an opener for a pyserial URL: a device path, socket:// or rfc2217://."""
    thread = _threads.setdefault(url, OwnThread(f"open {url}"))

    async def open_url(received: Callable[[bytes], None], lost: Callable[[str], None]) -> Port:
        try:
            line = await thread.call(partial(_open, url), OPEN_TIMEOUT_S, _close)
        except TimeoutError:
            raise PortError(f"{url}: its driver does not answer; unplug it") from None
        with foreign_code.crossing(foreign_code.SERIAL, PortError, where=url):
            try:
                return SerialPort(line, received, lost)
            except BaseException:
                start(f"close {url}", partial(_close, line))
                raise

    return open_url


def _open(url: str) -> SerialLine:
    with foreign_code.crossing(foreign_code.SERIAL, PortError, where=url):
        line = serial.serial_for_url(url, do_not_open=True)
        line.baudrate = BAUD
        line.timeout = READ_TIMEOUT_S
        line.exclusive = True
        # Before opening: USB-UART bridges wire these to the chip's reset and boot pins.
        line.dtr = False
        line.rts = False
        try:
            line.open()
            _claim(line)
        except OSError as error:  # SerialException is one
            _close(line)
            if error.errno in _IN_USE:
                raise BarredPortError(_in_use(url)) from error
            if error.errno in _DENIED:
                raise BarredPortError(f"{url}: permission denied; {PERMISSION}") from error
            raise
        except BaseException:
            _close(line)
            raise
    return cast("SerialLine", line)


def _claim(line: serial.SerialBase) -> None:
    """Bar programs that use no lock: the next one that opens the port gets EBUSY."""
    file = _file(line)
    if file is not None:
        fcntl.ioctl(file, termios.TIOCEXCL)
    connection = getattr(line, "_socket", None)  # of rfc2217
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _in_use(url: str) -> str:
    found = port_holders.shown(port_holders.find(url))
    text = f"{url}: in use by another program (often ModemManager or brltty)"
    return f"{text}: {found or 'of another user'}; {port_holders.REMEDY}"


def _close(line: SerialLine | serial.SerialBase) -> None:
    """Close everything, whatever the driver raises; blocks."""
    # pyserial does not close a socket whose other end is gone already.
    raw, file = getattr(line, "_socket", None), _file(line)
    steps: list[Callable[[], object]] = [line.close]
    if file is not None:
        # Other programs may open it again; bytes that the device has not accepted are dropped.
        steps.insert(0, partial(fcntl.ioctl, file, termios.TIOCNXCL))
        steps.insert(1, partial(termios.tcflush, file, termios.TCOFLUSH))
    if raw is not None:
        steps.append(raw.close)
    for step in steps:
        try:
            step()
        except Exception as error:
            foreign_code.said(foreign_code.SERIAL, error)


def _file(line: object) -> int | None:
    """Return the descriptor of an open device, which pyserial opens as non-blocking."""
    return line.fileno() if isinstance(line, serial.Serial) and line.is_open else None


class SerialPort:
    """An open pyserial line. Its reader thread ends with `close`."""

    def __init__(
        self,
        line: SerialLine,
        received: Callable[[bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        self._line = line
        self._received = received
        self._lost: Callable[[str], None] | None = lost
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._lock = threading.Lock()
        self._pending = bytearray()
        self._look_at = time.monotonic() + FIRST_LOOK_S
        self._writer = self._writer_for(line)
        self._reader = start(f"read {line.port}", self._read)

    def write(self, data: bytes) -> None:
        if self._lost is None:
            raise PortError("closed")
        self._writer.write(data)

    async def close(self) -> None:
        self._closing = True
        self._writer.close()
        try:
            await OwnThread(f"close {self._line.port}").call(self._finish, CLOSE_TIMEOUT_S)
        except TimeoutError as error:  # the port stays open, and the next opening reports that
            foreign_code.said(foreign_code.SERIAL, error)

    def _writer_for(self, line: SerialLine) -> Writer:
        file = _file(line)
        if file is not None:
            return FileWriter(file, self._end)
        return ThreadWriter(line.write, self._end, line.port)

    def _finish(self) -> None:
        cancel = getattr(self._line, "cancel_read", None)
        if cancel is not None:
            cancel()
        self._reader.join()
        _close(self._line)

    def _end(self, cause: str) -> None:
        """Report the end of the line, once."""
        lost, self._lost = self._lost, None
        if lost is not None and not self._closing:
            lost(cause)

    # The reader thread.

    def _read(self) -> None:
        cause = "closed"
        try:
            while not self._closing:
                self._read_some()
        except Exception as error:
            # pyserial, closed under its read, raises TypeError.
            cause = str(error) if self._closing else foreign_code.said(foreign_code.SERIAL, error)
        if not self._closing:
            self._call(self._end, cause)

    def _read_some(self) -> None:
        """Block for the first byte, then read all that is available."""
        data = self._line.read(1)
        if data and (more := min(self._line.in_waiting, READ_MOST)):
            data += self._line.read(more)
        if data:
            self._look_at = time.monotonic() + LOOK_S
            self._hand_over(data)
        elif time.monotonic() >= self._look_at:
            self._look_at = float("inf")  # once for each silence
            self._look_for_others()

    def _look_for_others(self) -> None:
        found = port_holders.find(self._line.port)
        allowance = _shared.setdefault(self._line.port, Allowance())
        if found and allowance.may(time.monotonic()):
            detail = f"open in {port_holders.shown(found)} too; {port_holders.REMEDY}"
            _log.warning("port shared", url=self._line.port, detail=detail)

    def _hand_over(self, data: bytes) -> None:
        """Wake the loop once for all waiting bytes."""
        with self._lock:
            asleep = not self._pending
            self._pending += data
        if asleep:
            self._call(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            data = bytes(self._pending)
            self._pending.clear()
        if not self._closing:
            self._received(data)

    def _call(self, callback: Callable[..., None], *arguments: str) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)
