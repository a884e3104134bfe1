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
    from firmware.device.ports.interface import Clock, Stream

READ_MOST = 256  # the chip's input ring holds 260 bytes
WRITE_MOST = 63  # USB-Serial-JTAG stalls on multiples of 64 (MicroPython 1.28, 1.29)
# Drop newer bytes beyond this: the host is not reading, and the link retransmits what matters.
WAITING_MOST = 2048
# A write takes 6 ms at 115,200 baud. On a chip `poll` always says that there is room, and USB waits
# 200 ms and more for a host that does not read, with the radio's events waiting too.
SLOW_MS = 50
MUTE_MS = 2000  # then write nothing for so long, or until the host says something


class Line:
    """Non-blocking bytes over two streams; run `pump` as a task to write the output."""

    def __init__(self, source: Stream, sink: Stream, wakes: asyncio.Event, clock: Clock) -> None:
        self.dropped = 0  # pieces that were not written
        self._clock = clock
        self._mute_end = 0
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
        self._mute_end = 0
        return bytes(data)

    def write(self, data: bytes) -> None:
        """Queue `data` whole, or not at all."""
        is_mute = self._mute_end and self._clock.ms() < self._mute_end
        if is_mute or len(self._waiting) + len(data) > WAITING_MOST:
            self.dropped += 1
            return
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
            began = self._clock.ms()
            self._sink.buffer.write(piece)
            self._waiting = self._waiting[len(piece) :]
            now = self._clock.ms()
            if now - began > SLOW_MS:
                self.dropped += 1
                self._waiting = bytearray()  # the host finds the next frame by its delimiter
                self._mute_end = now + MUTE_MS
            await asyncio.sleep_ms(0)  # let the tasks of radio and reader run
