"""The USB-UART bridge of a board as a serial server: RFC 2217, one client at a time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from serial.rfc2217 import IAC, IAC_DOUBLED, M_NORMAL, PortManager

if TYPE_CHECKING:
    from collections.abc import Callable

    from serial.rfc2217 import Serial

ROM_BAUD = 115_200


class SimulatedPort:
    """What pyserial's PortManager takes for a serial port: settings, and lines that do something.

    A client that leaves lets both lines go, as the driver of a real port does at close.
    """

    cts = dsr = cd = True
    ri = False

    def __init__(self, changed: Callable[[bool, bool], None]) -> None:
        self.baudrate = ROM_BAUD
        self.bytesize, self.parity, self.stopbits = 8, "N", 1
        self.xonxoff = self.rtscts = self.break_condition = False
        self._dtr = self._rts = False
        self._changed = changed

    @property
    def dtr(self) -> bool:
        return self._dtr

    @dtr.setter
    def dtr(self, value: bool) -> None:
        self._dtr = bool(value)
        self._changed(self._dtr, self._rts)

    @property
    def rts(self) -> bool:
        return self._rts

    @rts.setter
    def rts(self, value: bool) -> None:
        self._rts = bool(value)
        self._changed(self._dtr, self._rts)

    def release(self) -> None:
        """Let both lines go at once."""
        self._dtr = self._rts = False
        self._changed(False, False)

    def reset_input_buffer(self) -> None:
        """Do nothing: what was sent is on its way to the client."""

    def reset_output_buffer(self) -> None:
        """Do nothing: what the client wrote went on at once."""


def _manager(port: SimulatedPort, writer: asyncio.StreamWriter) -> PortManager:
    """Return pyserial's end of the protocol; its types ask for more than it uses."""
    line, connection = cast("Serial", port), cast("Serial", writer)
    return PortManager(line, connection, logging.getLogger(__name__))


def _is_plain(manager: PortManager, data: bytes) -> bool:
    """Whether these bytes are the port's, without a command of the protocol among them."""
    return IAC not in data and manager.mode == M_NORMAL and manager.suboption is None


def _filtered(manager: PortManager, data: bytes) -> bytes:
    return b"".join(manager.filter(data))


class SerialServer:
    """Serve `port`; `received` gets the client's bytes. Bytes for it go to `write`."""

    def __init__(self, port: SimulatedPort, received: Callable[[bytes], None]) -> None:
        self.port = port
        self._received = received
        self._writer: asyncio.StreamWriter | None = None
        self._manager: PortManager | None = None
        self._server: asyncio.Server | None = None
        self.number = 0

    @property
    def has_client(self) -> bool:
        return self._writer is not None

    async def plug(self) -> None:
        """Listen, at the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.number)
            self.number = self._server.sockets[0].getsockname()[1]

    def unplug(self) -> None:
        """Lose the client and listen no more: a board without power has no port."""
        if self._server:
            self._server.close()
            self._server = None
        if self._writer:
            self._writer.transport.abort()

    def write(self, data: bytes) -> None:
        """Send bytes to the client; without one they are lost."""
        if self._writer and self._manager:
            self._writer.write(data.replace(IAC, IAC_DOUBLED))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer:
            writer.close()
            return
        self._writer = writer
        self.port.baudrate = ROM_BAUD
        self._manager = _manager(self.port, writer)
        try:
            while data := await reader.read(4096):
                plain = data if _is_plain(self._manager, data) else _filtered(self._manager, data)
                if plain:
                    self._received(plain)
        except ConnectionError:
            pass  # the client is gone, or the board's power
        finally:
            self._writer = self._manager = None
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.port.release()
