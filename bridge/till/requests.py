"""What tills send, read strictly: every key known, every value in bounds."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bridge.currencies import NUMBERS
from bridge.service import Order
from receiver.layout import UINT_MOST
from receiver.messages import TILL_MOST

from .problems import ProblemError, invalid

if TYPE_CHECKING:
    from aiohttp import web

BODY_MOST = 4096  # bytes; a sale takes some 200
WAIT_MOST_S = 60.0  # below the two minutes after which proxies give up
PATIENCE_S = 25  # what the issue of a till names as default
PATIENCE_MOST_S = 120  # an offer lives no longer (design §3.3)
NOTE_MOST = 64  # characters of a till's own reference
SALE_ID = re.compile(r"[A-Za-z0-9_.:-]{16,64}")

_KEYS = ("sale_id", "amount", "currency", "till", "patience_s", "reference")
_NEEDED = _KEYS[:3]


async def order(request: web.Request) -> Order:
    """The sale in the body of a POST; raises ProblemError."""
    body = await _json_object(request)
    unknown = sorted(set(body) - set(_KEYS))
    if unknown:
        raise invalid(f"unknown key {unknown[0]!r}; known are {', '.join(_KEYS)}")
    missing = [key for key in _NEEDED if key not in body]
    if missing:
        raise invalid(f"{missing[0]} is missing")
    return Order(
        _sale_id(body["sale_id"]),
        _number(body, "amount", 1, UINT_MOST),
        _currency(body["currency"]),
        _number(body, "till", 1, TILL_MOST) if "till" in body else None,
        _number(body, "patience_s", 1, PATIENCE_MOST_S) if "patience_s" in body else PATIENCE_S,
        _note(body["reference"]) if "reference" in body else "",
    )


async def nothing(request: web.Request) -> None:
    """A POST that says all with its path: no body, or an empty object."""
    if request.can_read_body and await _json_object(request):
        raise invalid("nothing is known to say here")


def wait(request: web.Request) -> float:
    """`?wait=seconds`, 0 where it is not given; raises ProblemError."""
    unknown = sorted(set(request.query) - {"wait"})
    if unknown:
        raise invalid(f"unknown parameter {unknown[0]!r}")
    try:
        seconds = float(request.query.get("wait", "0"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= WAIT_MOST_S:
        raise invalid(f"wait must be seconds from 0 to {WAIT_MOST_S:g}")
    return seconds


def is_loopback(netloc: str) -> bool:
    """Whether `host[:port]` names this very machine."""
    try:
        host = urlsplit("//" + netloc).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def _json_object(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        # Also keeps web pages out: a browser asks before it sends this type to another origin.
        raise ProblemError(415, "unsupported-media-type", "send application/json")
    data = await request.read()
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise ProblemError(400, "malformed-json", "the body is not JSON") from None
    if not isinstance(value, dict):
        raise invalid("the body must be a JSON object")
    return value


def _sale_id(value: Any) -> str:
    if not isinstance(value, str) or not SALE_ID.fullmatch(value):
        raise invalid("sale_id must be 16 to 64 of A-Z a-z 0-9 _ . : -")
    return value


def _number(body: dict[str, Any], key: str, low: int, high: int) -> int:
    value = body[key]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise invalid(f"{key} must be a whole number from {low} to {high}")
    return value


def _currency(value: Any) -> int:
    number = NUMBERS.get(value) if isinstance(value, str) else None
    if number is None:
        raise invalid(f"currency must be one of {', '.join(NUMBERS)}")
    return number


def _note(value: Any) -> str:
    if isinstance(value, str) and len(value) <= NOTE_MOST and value.isprintable():
        return value
    raise invalid(f"reference must be at most {NOTE_MOST} printable characters")
