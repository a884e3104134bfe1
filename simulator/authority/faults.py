"""Faults of the authority (slow, broken, silent), set only by the simulator's own code."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from simulator.authority.api.requests import RequestError

ALL = "/v1/"  # the prefix of every path


class Fault(Enum):
    """How a request goes wrong."""

    FAIL = "answers 500 and does nothing"
    SILENT = "takes the request, does nothing and never answers"
    DROP = "does everything, then cuts the connection instead of answering"


@dataclass
class Faults:
    """The fault for requests whose path begins with `prefix`; change the fields at any time.

    `times` counts down to 0, where the faults end; None means without end.
    """

    delay_s: float = 0.0
    fault: Fault | None = None
    prefix: str = ALL
    times: int | None = None

    def clear(self) -> None:
        """Work normally again."""
        self.delay_s, self.fault, self.prefix, self.times = 0.0, None, ALL, None

    def middleware(self, stopped: asyncio.Event) -> Middleware:
        """Make the middleware; it delays requests no longer than until `stopped`."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self._concerns(request):
                return await handler(request)
            delay_s, fault = self.delay_s, self.fault
            if delay_s:
                await _wait(stopped, delay_s)
            if fault is Fault.FAIL:
                raise RequestError(500, "fault injected")
            if fault is Fault.SILENT:
                await stopped.wait()
                return _cut(request, web.Response())
            response = await handler(request)
            return _cut(request, response) if fault is Fault.DROP else response

        return middleware

    def _concerns(self, request: web.Request) -> bool:
        if not request.path.startswith(self.prefix) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


async def _wait(stopped: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopped.wait(), seconds)


def _cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return response
