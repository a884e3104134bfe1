"""Faults on request: a unix socket with one JSON object a line, each answered by one."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing, suppress

from .device import Device
from .pump import Pump

BYTES_MOST, MS_MOST = 65_536, 600_000  # a request beyond these is a mistake


class LineControl:
    """The requests, by their key `do`."""

    def __init__(self, pump: Pump, device: Device) -> None:
        self._pump = pump
        self._device = device

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        with suppress(ConnectionError), closing(writer):
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()

    async def _answer(self, line: bytes) -> dict[str, object]:
        try:
            await self._perform(json.loads(line))
        except ValueError as error:
            return {"ok": False, "error": repr(error)}
        status = {"pid": self._device.pid, "boots": self._device.boots}
        return {"ok": True, **status, **self._pump.status()}

    async def _perform(self, request: object) -> None:
        match request:
            case {"do": "garbage", "bytes": int(size), "to": "host" | "device" as end} if (
                0 <= size <= BYTES_MOST
            ):
                self._pump.garbage(size, end == "host")
            case {"do": "text", "text": str(text)}:
                self._pump.say(text.encode())
            case {"do": "cut", "ms": int(duration)} if 0 <= duration <= MS_MOST:
                self._pump.cut(duration)
            case {"do": "unplug"}:
                self._pump.unplug()
            case {"do": "replug"}:
                self._pump.plug()
            case {"do": "reset"}:
                await self._device.reset()
            case {"do": "status"}:
                pass  # it is in every answer
            case _:
                raise ValueError(f"not a request: {request}")
