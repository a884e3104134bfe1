"""What every route shares: bodies read strictly, callers named, and problems told (RFC 9457)."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from receiver import reasons
from receiver.errors import Error
from simulator.authority.ledger.journal_positions import ForeignBridgeError, Position
from simulator.authority.storage.dialects import DatabaseError
from simulator.authority.storage.store import BusyError
from simulator.crypto import pki

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY_MOST = 4096  # bytes; a record, the largest body, takes some 700 of them
NUMBER_MOST = 0xFFFFFFFF  # as on air
NAME_MOST = 80  # characters

# bridge id, life, run, sequence and hash, as `Position` has them
POSITION_HEADER = "Tillsign-Position"
POSITION = "([0-9a-f]{16}) ([0-9a-f]{32}) ([0-9a-f]{16}) (0|[1-9][0-9]{0,17}) ([0-9a-f]{64})"

CBOR = "application/cbor"
COSE = "application/cose"

_STATUS = {
    reasons.CONFLICT: 409,
    reasons.WRONG_ORDER: 409,
    reasons.JOURNAL_BEHIND: 409,
    reasons.OVERSIZE: 413,
    reasons.APPROVAL_UNKNOWN: 404,
}
_REFUSED = 422

_log = logging.getLogger(__name__)


class RequestError(Exception):
    """An answer other than what was asked for."""

    def __init__(self, status: int, detail: str, reason: int | None = None) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.reason = reason

    @property
    def name(self) -> str:
        """What counters call it."""
        phrase = HTTPStatus(self.status).phrase
        return phrase if self.reason is None else reasons.name(self.reason)

    def answer(self) -> web.Response:
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.reason is not None:
            document["reason"] = reasons.name(self.reason)
        return web.json_response(
            document,
            status=self.status,
            content_type="application/problem+json",
            headers={"WWW-Authenticate": "Bearer"} if self.status == 401 else None,
        )


def problems(refused: Counter[str]) -> Any:
    """Middleware: whatever a handler raises becomes a problem document, logged and counted."""

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
        return RequestError(_STATUS.get(error.code, _REFUSED), error.detail, error.code)
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


async def octets_body(request: web.Request, content_type: str) -> bytes:
    """The body, which must say that it is `content_type`."""
    if request.content_type != content_type:
        raise RequestError(415, f"wants {content_type}")
    return await request.read()


async def json_body(
    request: web.Request, *names: str, partly: bool = False, optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The JSON object in the body, with exactly these names, or with some of them if `partly`.

    Those that are `optional` may be there or not.
    """
    data = await octets_body(request, "application/json")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise RequestError(400, "not JSON") from None
    if not isinstance(value, dict) or not set(value) <= {*names, *optional}:
        raise RequestError(400, f"wants an object of {', '.join((*names, *optional))}")
    if not partly and not set(names) <= set(value):
        raise RequestError(400, f"wants all of {', '.join(names)}")
    return value


def query(request: web.Request, *names: str, **optional: str) -> dict[str, str]:
    """The query's values, each of these names once, with what stands for a missing one."""
    given = request.query
    if len(given) != len(set(given)) or not set(given) <= {*names, *optional}:
        raise RequestError(400, f"wants once each of {', '.join((*names, *optional))}")
    if not set(names) <= set(given):
        raise RequestError(400, f"wants all of {', '.join(names)}")
    return {**optional, **given}


def object_of(value: Any, name: str, *names: str) -> dict[str, Any]:
    """An object inside another, with exactly these names."""
    if not isinstance(value, dict) or set(value) != set(names):
        raise RequestError(400, f"{name} is not an object of {', '.join(names)}")
    return value


def number(value: Any, name: str, low: int = 0, high: int = NUMBER_MOST) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise RequestError(400, f"{name} is no number from {low} to {high}")
    return value


def flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise RequestError(400, f"{name} is neither true nor false")
    return value


def text(value: Any, name: str, most: int = NAME_MOST) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= most or not _is_unicode(value):
        raise RequestError(400, f"{name} is no text of at most {most} characters")
    return value


def octets(value: Any, name: str, *sizes: int) -> bytes:
    """So many bytes in hex digits, of one of these sizes."""
    fits = isinstance(value, str) and len(value) in [2 * size for size in sizes]
    if fits and value.isascii() and value.isalnum():
        try:
            return bytes.fromhex(value)
        except ValueError:
            pass
    wanted = " or ".join(map(str, sizes))
    raise RequestError(400, f"{name} is not {wanted} bytes in hex")


def bearer(request: web.Request) -> str:
    """The caller's token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token.isascii():
        raise RequestError(401, "wants a bearer token")
    return token


def client_fingerprint(request: web.Request) -> str:
    """Whose TLS client certificate this connection was opened with."""
    tls = request.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls else None
    if certificate is None:
        raise RequestError(403, "wants a client certificate")
    return pki.fingerprint(certificate)


def position(request: web.Request) -> Position | None:
    """Where the caller says that its journal stands; None from a bridge that does not say."""
    given = request.headers.getall(POSITION_HEADER, [])
    if not given:
        return None
    return position_in(given[0] if len(given) == 1 else "")


def position_in(header: str) -> Position:
    found = re.fullmatch(POSITION, header)
    if found is None:
        raise RequestError(400, f"{POSITION_HEADER} is not id, life, run, sequence and hash")
    bridge, life, run, sequence, hash_ = found.groups()
    octets_of = bytes.fromhex
    return Position(
        octets_of(bridge), octets_of(life), octets_of(run), int(sequence), octets_of(hash_)
    )


def cose(data: bytes) -> web.Response:
    return web.Response(body=data, content_type=COSE)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
