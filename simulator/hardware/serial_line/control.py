"""Faults on request: a unix socket with one JSON object a line, each answered by one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from .device import Device
from .pump import Pump

Answer = dict[str, Any]
LIMITS = {"bytes": 65_536, "ms": 600_000}  # a request beyond these is a mistake


class LineControl:
    """The requests by name; each takes the request's other keys."""

    def __init__(self, pump: Pump, device: Device) -> None:
        self._pump = pump
        self._device = device
        self._requests: dict[str, Callable[[Answer], Awaitable[None]]] = {
            "garbage": self._garbage,
            "text": self._text,
            "cut": self._cut,
            "unplug": self._unplug,
            "replug": self._replug,
            "reset": self._reset,
            "status": self._status,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = json.loads(line)
            await self._requests[request.pop("do")](request)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return {"ok": False, "error": repr(error)}
        status = {"pid": self._device.pid, "boots": self._device.boots}
        return {"ok": True, **status, **self._pump.status()}

    async def _garbage(self, request: Answer) -> None:
        to_host = {"host": True, "device": False}[request["to"]]
        self._pump.garbage(_number(request, "bytes"), to_host)

    async def _text(self, request: Answer) -> None:
        self._pump.say(request["text"].encode())

    async def _cut(self, request: Answer) -> None:
        self._pump.cut(_number(request, "ms"))

    async def _unplug(self, _request: Answer) -> None:
        self._pump.unplug()

    async def _replug(self, _request: Answer) -> None:
        self._pump.plug()

    async def _reset(self, _request: Answer) -> None:
        await self._device.reset()

    async def _status(self, _request: Answer) -> None:
        """Return the status, which is in every answer."""


def _number(request: Answer, key: str) -> int:
    value = int(request[key])
    if not 0 <= value <= LIMITS[key]:
        raise ValueError(key)
    return value
