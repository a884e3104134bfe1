"""A receiver behind a serial server: RFC 2217, with pyserial's own server half at the other end."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import serial
from serial import rfc2217

from bridge.lines.serial_port import BAUD, opener

pytestmark = pytest.mark.patience

PATIENCE_S = 20.0
EVERY_BYTE = bytes(range(256)) * 4  # 0xFF is telnet's own and must be escaped


class Server(threading.Thread):
    """Serves one client a port whose output is its input; ends with its client."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._socket.getsockname()[1]}"
        self.port = serial.serial_for_url("loop://")
        self._lock = threading.Lock()

    def run(self) -> None:
        self._client = self._socket.accept()[0]
        half: Any = rfc2217.PortManager  # typed as if its ends were clients
        manager = half(self.port, self)
        while data := self._client.recv(1024):
            self.port.write(b"".join(manager.filter(data)))
            if waiting := self.port.in_waiting:
                self.write(b"".join(manager.escape(self.port.read(waiting))))

    def write(self, data: bytes) -> None:
        """What the port manager answers with; raises OSError once the client is gone."""
        with self._lock:
            self._client.sendall(data)

    def close(self) -> None:
        self.join(PATIENCE_S)
        self._client.close()
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    one.start()
    yield one
    one.close()


# pyserial 3.5 starts its reader thread so.
@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")
async def test_bytes_pass_both_ways_at_the_lines_rate(server: Server) -> None:
    heard = bytearray()
    whole = asyncio.Event()

    def received(data: bytes) -> None:
        heard.extend(data)
        if len(heard) >= len(EVERY_BYTE):
            whole.set()

    port = await opener(server.url)(received, lambda cause: None)
    try:
        port.write(EVERY_BYTE)
        await asyncio.wait_for(whole.wait(), PATIENCE_S)
    finally:
        await port.close()
    assert bytes(heard) == EVERY_BYTE
    assert (server.port.baudrate, server.port.dtr, server.port.rts) == (BAUD, False, False)
