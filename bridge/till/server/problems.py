"""Problem documents (RFC 9457) for all errors between a till and the bridge."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from bridge import contracts
from bridge.authority.client import RefusedError, UnansweredError
from bridge.books.commits import why
from bridge.contracts import Answer
from bridge.journal import ArchiveError, JournalLaterError
from bridge.observability.logs import Log
from bridge.sales.journal_loss import TooManyError
from bridge.sales.orders import NotNowError, UnknownSaleError, UnknownTillError
from receiver import reasons
from receiver.host.texts import texts

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:tillsign:problem:"
_ARCHIVE = "its archive is missing or damaged; the bridge's log names it"
RETRY_AFTER_S = 1  # most stalls are over by then
_AGAIN = {"Retry-After": str(RETRY_AFTER_S)}

_log = Log(__name__)


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


class Problem(Answer):
    """RFC 9457."""

    type: Annotated[str, Meta(pattern=rf"\A{TYPE_PREFIX}[a-z-]+\Z")]
    title: str
    status: int
    detail: str
    sale: (
        Annotated[
            object,
            Meta(
                description="In a conflict: what is in the way, as it stands.",
                extra_json_schema={"anyOf": [_schema("Sale"), _schema("Refund")]},
            ),
        ]
        | UnsetType
    ) = UNSET


@dataclass(eq=False)
class ProblemError(Exception):
    """An error answer. `kind` is the stable name that tills may test."""

    status: int
    kind: str
    detail: str
    _: KW_ONLY
    headers: dict[str, str] | None = None
    sale: Answer | UnsetType = UNSET

    def response(self) -> web.Response:
        title = HTTPStatus(self.status).phrase
        document = Problem(TYPE_PREFIX + self.kind, title, self.status, self.detail, self.sale)
        return web.Response(
            body=contracts.encode(document),
            status=self.status,
            content_type=MEDIA_TYPE,
            charset="utf-8",
            headers=self.headers,
        )


def invalid(detail: str) -> ProblemError:
    """Return the problem of a request that is incomplete or invalid."""
    return ProblemError(400, "invalid-request", detail)


def unwritten(reason: int) -> ProblemError:
    """Return the problem of a request during a stall; the till may repeat it."""
    if reason == reasons.JOURNAL_LOCKED:
        return ProblemError(503, "journal-locked", texts(reason).cashier_en, headers=_AGAIN)
    return ProblemError(503, "no-room", texts(reason).cashier_en, headers=_AGAIN)


def response(request: web.Request, error: Exception) -> web.Response:
    """Turn any exception of a handler into a problem document; called where it is handled."""
    sale = request.match_info.get("sale_id")
    path = request.path
    match error:
        case web.HTTPException():
            return _of_http(error).response()
        case ArchiveError():
            _log.error("not looked up", sale=sale, path=path, detail=str(error))
            return ProblemError(503, "archive-missing", _ARCHIVE).response()
    problem = _expected(error)
    if problem is None:
        _log.exception("a request failed", sale=sale, method=request.method, path=path)
        problem = ProblemError(500, "internal", "the bridge failed; its log has the cause")
    else:
        _log.info("problem", sale=sale, kind=problem.kind, detail=problem.detail, path=path)
    return problem.response()


def _expected(error: Exception) -> ProblemError | None:
    match error:
        case ProblemError():
            return error
        case JournalLaterError():
            return unwritten(why(error))
        case UnansweredError():
            return ProblemError(503, "authority-away", "the authority does not answer")
        case RefusedError():
            return ProblemError(502, "authority-refused", error.detail)
        case UnknownTillError():
            return ProblemError(404, "unknown-till", str(error))
        case UnknownSaleError():
            return ProblemError(404, "unknown-sale", str(error))
        case NotNowError(reason=reasons.OK):
            return ProblemError(503, "stopping", "the bridge stops and accepts no new orders")
        case NotNowError():
            return unwritten(error.reason)
        case TooManyError():
            detail = "acknowledge the alarms of the reconciliation"
            return ProblemError(503, "too-many-claims", detail)
    return None


def _of_http(error: web.HTTPException) -> ProblemError:
    """Answer what the HTTP server itself refuses: unknown paths, methods, bodies too large."""
    kind = HTTPStatus(error.status).phrase.lower().replace(" ", "-")
    allow = error.headers.get("Allow")
    detail = error.reason if error.status != 413 else (error.text or error.reason)
    headers = {"Allow": allow} if allow else None
    return ProblemError(error.status, kind, detail, headers=headers)
