"""Problem documents (RFC 9457) for all errors between a till and the bridge."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bridge.books.commits import why
from bridge.journal import ArchiveError, JournalLaterError
from bridge.observability.logs import Log
from receiver import reasons
from receiver.host.texts import texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:tillsign:problem:"
_ARCHIVE = "its archive is missing or damaged; the bridge's log names it"
RETRY_AFTER_S = 1  # most stalls are over by then

_log = Log(__name__)


class ProblemError(Exception):
    """An error answer. `kind` is the stable name that tills may test."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(status, kind, detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.more = more


def invalid(detail: str) -> ProblemError:
    """Return the problem of a request that is incomplete or invalid."""
    return ProblemError(400, "invalid-request", detail)


def unwritten(reason: int) -> ProblemError:
    """Return the problem of a request during a stall; the till may repeat it."""
    headers, text = {"Retry-After": str(RETRY_AFTER_S)}, texts(reason).cashier_en
    if reason == reasons.JOURNAL_LOCKED:
        return ProblemError(503, "journal-locked", text, headers=headers)
    return ProblemError(503, "no-room", text, headers=headers)


def response(problem: ProblemError) -> web.Response:
    document = {
        "type": TYPE_PREFIX + problem.kind,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        **problem.more,
    }
    return web.json_response(
        document, status=problem.status, content_type=MEDIA_TYPE, headers=problem.headers
    )


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every exception of a handler into a problem document."""
    try:
        return await handler(request)
    except ProblemError as problem:
        return _told(request, problem)
    except JournalLaterError as error:
        return _told(request, unwritten(why(error)))
    except web.HTTPException as error:
        return _of_http(error)
    except ArchiveError as error:
        _log.error("not looked up", sale=_sale(request), path=request.path, detail=str(error))
        return response(ProblemError(503, "archive-missing", _ARCHIVE))
    except Exception:
        sale, method = _sale(request), request.method
        _log.exception("a request failed", sale=sale, method=method, path=request.path)
        return response(ProblemError(500, "internal", "the bridge failed; its log has the cause"))


def _told(request: web.Request, problem: ProblemError) -> web.Response:
    sale, path = _sale(request), request.path
    _log.info("problem", sale=sale, kind=problem.kind, detail=problem.detail, path=path)
    return response(problem)


def _sale(request: web.Request) -> str | None:
    """Return the sale id in the request's path, if there is one."""
    return request.match_info.get("sale_id")


def _of_http(error: web.HTTPException) -> web.Response:
    """Answer what the HTTP server itself refuses: unknown paths, methods, bodies too large."""
    kind = HTTPStatus(error.status).phrase.lower().replace(" ", "-")
    allow = error.headers.get("Allow")
    detail = error.reason if error.status != 413 else (error.text or error.reason)
    headers = {"Allow": allow} if allow else None
    return response(ProblemError(error.status, kind, detail, headers=headers))
