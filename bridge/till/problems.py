"""Problems as JSON (RFC 9457), for whatever goes wrong between a till and the bridge."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bridge.journal import ArchiveError
from bridge.logs import Log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:tillsign:problem:"
_ARCHIVE = "it stands in an archive that is missing or damaged; the bridge's log names it"

_log = Log(__name__)


class ProblemError(Exception):
    """An answer other than what was asked for. `kind` is the stable word that tills may test."""

    def __init__(self, status: int, kind: str, detail: str, **more: Any) -> None:
        super().__init__(status, kind, detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.more = more


def invalid(detail: str) -> ProblemError:
    """The request does not say what it must."""
    return ProblemError(400, "invalid-request", detail)


def response(problem: ProblemError, headers: dict[str, str] | None = None) -> web.Response:
    document = {
        "type": TYPE_PREFIX + problem.kind,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        **problem.more,
    }
    return web.json_response(
        document, status=problem.status, content_type=MEDIA_TYPE, headers=headers
    )


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever a handler raises becomes a problem document."""
    try:
        return await handler(request)
    except ProblemError as problem:
        sale, path = _sale(request), request.path
        _log.info("problem", sale=sale, kind=problem.kind, detail=problem.detail, path=path)
        return response(problem)
    except web.HTTPException as error:
        return _of_http(error)
    except ArchiveError as error:
        _log.error("not looked up", sale=_sale(request), path=request.path, detail=str(error))
        return response(ProblemError(503, "archive-missing", _ARCHIVE))
    except Exception:
        sale, method = _sale(request), request.method
        _log.exception("a request failed", sale=sale, method=method, path=request.path)
        return response(ProblemError(500, "internal", "the bridge failed; its log says why"))


def _sale(request: web.Request) -> str | None:
    """The id of the sale that it is about, if its path names one."""
    return request.match_info.get("sale_id")


def _of_http(error: web.HTTPException) -> web.Response:
    """What the HTTP server itself refuses: unknown paths, methods, bodies too large."""
    kind = HTTPStatus(error.status).phrase.lower().replace(" ", "-")
    allow = error.headers.get("Allow")
    detail = error.reason if error.status != 413 else (error.text or error.reason)
    return response(ProblemError(error.status, kind, detail), {"Allow": allow} if allow else None)
