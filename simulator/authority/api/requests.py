"""What every route shares: strict bodies, identified callers, problem documents (RFC 9457)."""

from __future__ import annotations

import logging
import re
from collections import Counter
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from msgspec import Struct

from bridge import contracts
from bridge.authority import messages
from bridge.authority.enrolment_messages import FINGERPRINT_SIZE
from bridge.authority.messages import JSON, PROBLEM, AuthorityProblem, EnrolmentRefusal
from bridge.contracts import MalformedError, MismatchError
from receiver import reasons
from receiver.errors import Error
from receiver.protocol.messages import HASH_SIZE, RECEIVER_ID_SIZE
from receiver.protocol.signed import ID_SIZE
from simulator.authority.accounts.tickets import EnrolmentError
from simulator.authority.api.models import CREDENTIAL_ID_SIZE
from simulator.authority.ledger.journal_positions import ForeignBridgeError, Position
from simulator.authority.storage.dialects import DatabaseError
from simulator.authority.storage.store import BusyError

T = TypeVar("T", bound="Struct")

BODY_MOST = 4096  # bytes; a record, the largest body, takes some 700 of them

PARAMETERS = {
    **dict.fromkeys(("approval_id", "refund_id", "enrolment_id"), f"[0-9a-f]{{{2 * ID_SIZE}}}"),
    "release_id": f"[0-9a-f]{{{2 * HASH_SIZE}}}",
    "receiver_id": f"[0-9a-f]{{{2 * RECEIVER_ID_SIZE}}}",
    "credential_id": f"[0-9a-f]{{{2 * CREDENTIAL_ID_SIZE}}}",
    "fingerprint": f"[0-9a-f]{{{2 * FINGERPRINT_SIZE}}}",
    **dict.fromkeys(("id", "phone"), "[0-9]{1,9}"),
}

_STATUS = {
    reasons.CONFLICT: 409,
    reasons.WRONG_ORDER: 409,
    reasons.JOURNAL_BEHIND: 409,
    reasons.OVERSIZE: 413,
    reasons.APPROVAL_UNKNOWN: 404,
}
_REFUSED = 422
_STATUS_OF = {  # 409 of the others
    EnrolmentRefusal.TICKET_UNKNOWN: 401,
    EnrolmentRefusal.TICKET_FOREIGN: 403,
    EnrolmentRefusal.REQUEST_INVALID: 422,
    EnrolmentRefusal.CHALLENGE_OTHER: 422,
    EnrolmentRefusal.ECHO_OTHER: 422,
}

_log = logging.getLogger(__name__)


class RequestError(Exception):
    """An answer other than the requested one."""

    def __init__(self, status: int, detail: str, reason: str | None = None) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.reason = reason

    @property
    def name(self) -> str:
        """Return the problem's name for counters."""
        return self.reason or HTTPStatus(self.status).phrase

    def answer(self) -> web.Response:
        document = AuthorityProblem(
            type="about:blank",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            reason=self.reason,
        )
        return web.Response(
            body=contracts.encode(document),
            status=self.status,
            content_type=PROBLEM,
            headers={"WWW-Authenticate": "Bearer"} if self.status == 401 else None,
        )


def problems(refused: Counter[str]) -> Middleware:
    """Middleware: turn every exception of a handler into a problem document, logged and counted."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:
            problem = _problem(error)
        refused[problem.name] += 1
        _log.info("%s %s: %s, %s", request.method, request.path, problem.name, problem.detail)
        return problem.answer()

    return middleware


def _problem(error: Exception) -> RequestError:
    if isinstance(error, RequestError):
        return error
    if isinstance(error, Error):
        status = _STATUS.get(error.code, _REFUSED)
        return RequestError(status, error.detail, reasons.name(error.code))
    if isinstance(error, EnrolmentError):
        return RequestError(_STATUS_OF.get(error.refusal, 409), error.detail, error.refusal)
    if isinstance(error, ForeignBridgeError):
        return RequestError(
            403,
            "the bridge id is another client's: renew that one, or bind its receivers to this one",
        )
    if isinstance(error, web.HTTPException):
        return RequestError(error.status, error.reason)
    if isinstance(error, (BusyError, *DatabaseError)):
        _log.error("the books cannot be reached", exc_info=error)
        return RequestError(503, "the books cannot be reached; ask again")
    _log.error("the authority failed", exc_info=error)
    return RequestError(500, "the authority failed")


async def octets_body(request: web.Request, content_type: str, most: int = BODY_MOST) -> bytes:
    """Return the body, of at most `most` bytes; its content type must be `content_type`."""
    if request.content_type != content_type:
        raise RequestError(415, f"content type must be {content_type}")
    if most <= BODY_MOST:
        return await request.read()
    body = bytearray()
    async for piece in request.content.iter_any():  # `read` knows one limit for every route
        body += piece
        if len(body) > most:
            raise RequestError(413, f"over {most} bytes")
    return bytes(body)


async def body_of(request: web.Request, type_: type[T]) -> T:
    """Decode the JSON body."""
    data = await octets_body(request, JSON)
    try:
        return contracts.decode(data, type_)
    except (MalformedError, MismatchError) as error:
        raise RequestError(400, str(error)) from None


def query_of(request: web.Request, type_: type[T]) -> T:
    """Decode the query; each name may come once, and an empty value counts as absent."""
    given = dict(request.query)
    if len(given) != len(request.query):
        raise RequestError(400, "the query has a name twice")
    if "after" in type_.__struct_fields__ and not given.get("after", "?"):
        del given["after"]
    try:
        return contracts.query(given, type_)
    except MismatchError as error:
        raise RequestError(400, str(error)) from None


def route(template: str) -> str:
    """Turn a template into a route whose parameters match only values of their types."""
    return re.sub(r"{(\w+)}", lambda found: f"{{{found[1]}:{PARAMETERS[found[1]]}}}", template)


def position_in(header: str) -> Position:
    try:
        return Position(*messages.position_in(header))
    except ValueError as error:
        raise RequestError(400, str(error)) from None
