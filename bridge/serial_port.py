"""A serial port by pyserial URL: one reader thread that hands bytes to the event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Protocol, cast

import serial

if TYPE_CHECKING:
    from collections.abc import Callable

BAUD = 115_200
READ_TIMEOUT_S = 0.25  # how long `close` waits for the reader at most
WRITE_TIMEOUT_S = 0.5  # a whole frame takes 17 ms; a port that takes longer is broken
READ_MOST = 4096
_NO_WRITE_TIMEOUT = "rfc2217://"  # pyserial has none there: its socket buffers what is written


class PortError(Exception):
    """The port cannot be opened, or is gone."""


class Port(Protocol):
    """What the link needs of a line; made by an opener, alive until `lost` or `close`."""

    def write(self, data: bytes) -> None:
        """Give bytes to the line at once; raises PortError."""

    async def close(self) -> None:
        """Let go of the line; nothing is called back afterwards."""


class Line(Protocol):
    """What is used of a pyserial object, whatever its URL."""

    port: str
    in_waiting: int

    def read(self, size: int) -> bytes: ...
    def write(self, data: bytes) -> int | None: ...
    def close(self) -> None: ...


class Opener(Protocol):
    """Opens a line; bytes go to `received`, its end is told once to `lost`. Raises PortError."""

    async def __call__(
        self, received: Callable[[bytes], None], lost: Callable[[str], None]
    ) -> Port: ...


def opener(url: str) -> Opener:
    """An opener for a pyserial URL: a device path, socket:// or rfc2217://."""

    async def open_url(received: Callable[[bytes], None], lost: Callable[[str], None]) -> Port:
        line = await asyncio.to_thread(_open, url)
        return SerialPort(line, received, lost)

    return open_url


def _open(url: str) -> Line:
    try:
        line = serial.serial_for_url(url, do_not_open=True)
        line.baudrate = BAUD
        line.timeout = READ_TIMEOUT_S
        if not url.startswith(_NO_WRITE_TIMEOUT):
            line.write_timeout = WRITE_TIMEOUT_S
        # Before opening: USB-UART bridges wire these to the chip's reset and boot pins.
        line.dtr = False
        line.rts = False
        line.open()
    except (OSError, ValueError) as error:  # SerialException is an OSError
        raise PortError(str(error)) from error
    return cast("Line", line)


class SerialPort:
    """An open pyserial line. Its reader thread ends with `close`."""

    def __init__(
        self,
        line: Line,
        received: Callable[[bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        self._line = line
        self._received = received
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._lock = threading.Lock()
        self._pending = bytearray()
        self._reader = threading.Thread(target=self._read, name=f"read {line.port}", daemon=True)
        self._reader.start()

    def write(self, data: bytes) -> None:
        try:
            written = self._line.write(data)
        except OSError as error:
            raise PortError(str(error)) from error
        if written is not None and written != len(data):
            raise PortError(f"took {written} of {len(data)} bytes")

    async def close(self) -> None:
        self._closing = True
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        cancel = getattr(self._line, "cancel_read", None)
        if cancel is not None:
            cancel()
        self._reader.join()
        # pyserial forgets to close a socket whose other end is gone already.
        raw = getattr(self._line, "_socket", None)
        self._line.close()
        if raw is not None:
            raw.close()

    def _read(self) -> None:
        """The reader thread: blocks for the first byte, takes what else is there."""
        cause = "closed"
        while not self._closing:
            try:
                data = self._line.read(1)
                if data and (more := min(self._line.in_waiting, READ_MOST)):
                    data += self._line.read(more)
            except (OSError, TypeError) as error:  # TypeError: pyserial, closed under its read
                cause = str(error)
                break
            if data:
                self._hand_over(data)
        if not self._closing:
            self._call(self._lost, cause)

    def _hand_over(self, data: bytes) -> None:
        """Wake the loop once for all the bytes that wait."""
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
