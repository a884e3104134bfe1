"""Who may speak to the till API: loopback is open to every page in a browser on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from . import problems, requests
from .problems import ProblemError

if TYPE_CHECKING:
    from aiohttp.typedefs import Middleware

    from bridge.service import Service


def middleware(service: Service) -> Middleware:
    """Keeps out other names that lead here, and pages from elsewhere."""

    @web.middleware
    async def guard(request: web.Request, handler: problems.Handler) -> web.StreamResponse:
        if not requests.is_loopback(request.host):  # another name that resolves to this machine
            raise ProblemError(403, "foreign-host", "the Host header must name this machine")
        origin = request.headers.get("Origin")
        if origin is not None and not requests.is_loopback(origin.partition("://")[2]):
            raise ProblemError(403, "foreign-origin", "pages from elsewhere are not served")
        if not service.healthy:
            raise ProblemError(503, "stopping", "the bridge failed and stops")
        return await handler(request)

    return guard
