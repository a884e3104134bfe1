"""Carry the byte stream to the host on standard input and output (ESP32 and Unix port).

`poll` before every read and write: a read of n bytes blocks until n have arrived, and a write
into a full buffer would stop the radio.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from .wait import is_ready

if TYPE_CHECKING:
    from firmware.device.ports.interface import Clock, Stream

READ_MOST = 192  # as long as a frame to the device
WRITE_MOST = 63  # USB-Serial-JTAG stalls on multiples of 64 (MicroPython 1.28, 1.29)
# Drop newer bytes beyond this: the host is not reading, and the link retransmits what matters.
WAITING_MOST = 2048
# A write takes 6 ms at 115,200 baud. On a chip `poll` always says that there is room, and USB waits
# 200 ms and more for a host that does not read, with the radio's events waiting too.
SLOW_MS = 50
MUTE_MS = 2000  # then write nothing for so long, or until the host says something


class Line:
    """Non-blocking bytes over two streams; call `pump` in each turn to write the output."""

    def __init__(self, source: Stream, sink: Stream, clock: Clock) -> None:
        self.dropped = 0  # pieces that were not written
        self._clock = clock
        self._mute_end = 0
        self._source = source
        self._sink = sink
        self._waiting = bytearray()
        self._heard = bytearray(READ_MOST)
        self._count = 0  # bytes in it
        self._ended = False  # the last byte was a delimiter: another one says nothing
        self._byte = bytearray(1)
        self._poller = select.poll()
        self._poller.register(source, select.POLLIN)
        self._room = select.poll()
        self._room.register(sink, select.POLLOUT)

    def read(self) -> bytes | None:
        """Return what has arrived up to a delimiter; b"" once the other side has closed.

        None if no frame has ended: looking at a part of one costs the heap as much as a whole.
        """
        heard, byte = self._heard, self._byte
        for _ in range(READ_MOST):
            if not is_ready(self._poller):
                break
            if not self._source.buffer.readinto(byte):
                return b""
            self._mute_end = 0
            if not byte[0] and self._ended:  # a broken line is zeros without end
                continue
            self._ended = not byte[0]
            heard[self._count] = byte[0]
            self._count += 1
            if self._ended or self._count == READ_MOST:
                data = bytes(memoryview(heard)[: self._count])
                self._count = 0
                return data
        return None

    def write(self, data: bytes) -> None:
        """Queue `data` whole, or not at all."""
        is_mute = self._mute_end and self._clock.ms() < self._mute_end
        if is_mute or len(self._waiting) + len(data) > WAITING_MOST:
            self.dropped += 1
            return
        self._waiting += data

    @property
    def writing(self) -> bool:
        """Whether output waits."""
        return bool(self._waiting)

    def pump(self) -> None:
        """Write one piece of the output if the stream takes it."""
        if not self._waiting or not is_ready(self._room):
            return
        piece = bytes(memoryview(self._waiting)[:WRITE_MOST])
        began = self._clock.ms()
        self._sink.buffer.write(piece)
        self._waiting = self._waiting[len(piece) :]
        now = self._clock.ms()
        if now - began > SLOW_MS:
            self.dropped += 1
            self._waiting = bytearray()  # the host finds the next frame by its delimiter
            self._mute_end = now + MUTE_MS
