"""Carry the byte stream to the host on standard input and output (ESP32 and Unix port).

`poll` before every read and write: a read of n bytes blocks until n have arrived, and a write
into a full buffer would stop the radio.
"""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING

from .wait import readable, writable

if TYPE_CHECKING:
    from firmware.device.ports.interface import Stream

READ_MOST = 256  # the chip's input ring holds 260 bytes
WRITE_MOST = 63  # USB-Serial-JTAG stalls on multiples of 64 (MicroPython 1.28, 1.29)
# Drop newer bytes beyond this: the host is not reading, and the link retransmits what matters.
WAITING_MOST = 2048


class Line:
    """Non-blocking bytes over two streams; run `pump` as a task to write the output."""

    def __init__(self, source: Stream, sink: Stream, wakes: asyncio.Event) -> None:
        self._source = source
        self._sink = sink
        self._wakes = wakes
        self._waiting = bytearray()
        self._poller = select.poll()
        self._poller.register(source, select.POLLIN)
        self._room = select.poll()
        self._room.register(sink, select.POLLOUT)

    async def read(self) -> bytes:
        """Return what has arrived, at least one byte; b"" once the other side has closed."""
        await readable(self._source)
        data = bytearray()
        while len(data) < READ_MOST and self._poller.poll(0):
            piece = self._source.buffer.read(1)
            if not piece:
                break
            data += piece
        return bytes(data)

    def write(self, data: bytes) -> None:
        """Queue `data` whole, or not at all."""
        if len(self._waiting) + len(data) <= WAITING_MOST:
            self._waiting += data
            self._wakes.set()

    async def pump(self) -> None:
        """Write queued bytes whenever the stream takes them."""
        while True:
            if not self._waiting:
                self._wakes.clear()
                await self._wakes.wait()
            if not self._room.poll(0):  # the loop itself would look a tick later
                await writable(self._sink)
            piece = bytes(memoryview(self._waiting)[:WRITE_MOST])
            self._sink.buffer.write(piece)
            self._waiting = self._waiting[len(piece) :]
            await asyncio.sleep_ms(0)  # let the tasks of radio and reader run
