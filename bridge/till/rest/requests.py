"""What tills send, read strictly: every key known, every value in bounds."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.books.totals import Day
from bridge.domain.till_decisions import Wish
from bridge.sales.orders import Order, RefundOrder
from bridge.till.server.problems import ProblemError, invalid
from receiver.encoding.schema import UINT_MOST
from receiver.host.currencies import NUMBERS
from receiver.protocol.messages import TILL_MOST

if TYPE_CHECKING:
    from aiohttp import web

BODY_MOST = 4096  # bytes; a sale takes some 200
WAIT_MOST_S = 60.0  # below the two minutes after which proxies give up
PATIENCE_S = 25  # what the issue of a till names as default
PATIENCE_MOST_S = 120  # an offer lives no longer (design §3.3)
NOTE_MOST = 64  # characters of a till's own reference
KEY_MOST = 80  # characters of an alarm's key: a sale's id with its kind before it
NAME_MOST = 64  # of the person who acknowledges it
REMARK_MOST = 400  # of what that person has to say
CURSOR_MOST = (1 << 63) - 1  # as the journal counts
DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")  # others have no sales, or no number of seconds
SALE_ID = re.compile(r"[A-Za-z0-9_.:-]{16,64}")

_COMMON = ("amount", "currency", "till", "patience_s", "reference")
_SALE = ("sale_id", *_COMMON)
_REFUND = ("refund_id", "sale_id", "transaction_id", "phone", *_COMMON)
_TRANSACTION_ID = re.compile(r"[0-9a-f]{32}")


async def order(request: web.Request) -> Order:
    """The sale in the body of a POST; raises ProblemError."""
    body = await _object_of(request, _SALE, ("sale_id", "amount", "currency"))
    return Order(
        _sale_id(body["sale_id"], "sale_id"),
        _number(body, "amount", 1, UINT_MOST),
        _currency(body["currency"]),
        _till(body),
        _patience(body),
        _note(body),
    )


async def refund(request: web.Request) -> RefundOrder:
    """The refund in the body of a POST; raises ProblemError."""
    body = await _object_of(request, _REFUND, ("refund_id", "amount"))
    if ("sale_id" in body) == ("transaction_id" in body):
        raise invalid("name either the sale_id or the transaction_id of what is refunded")
    elsewhere = "transaction_id" in body
    if elsewhere and "currency" not in body:
        raise invalid("currency is missing")
    transaction_id = body.get("transaction_id", "")
    if elsewhere and not (
        isinstance(transaction_id, str) and _TRANSACTION_ID.fullmatch(transaction_id)
    ):
        raise invalid("transaction_id must be 32 hexadecimal digits")
    if not isinstance(body.get("phone", False), bool):
        raise invalid("phone must be true or false")
    return RefundOrder(
        _sale_id(body["refund_id"], "refund_id"),
        _number(body, "amount", 1, UINT_MOST),
        _currency(body["currency"]) if "currency" in body else None,
        _till(body),
        _patience(body),
        _note(body),
        "" if elsewhere else _sale_id(body["sale_id"], "sale_id"),
        bytes.fromhex(transaction_id),
        body.get("phone", False),
    )


class Acknowledgement(NamedTuple):
    """Who has seen to what; with a decision where nothing was decided about money."""

    key: str
    by: str
    note: str
    decision: Wish | None


async def acknowledgement(request: web.Request) -> Acknowledgement:
    """The body of a POST; raises ProblemError."""
    body = await _object_of(request, ("key", "by", "note", "decision"), ("key", "by"))
    decision = body.get("decision")
    if decision not in (None, Wish.PAY, Wish.CANCEL):
        raise invalid("decision must be paid or cancel")
    return Acknowledgement(
        _text(body, "key", KEY_MOST),
        _text(body, "by", NAME_MOST),
        _text(body, "note", REMARK_MOST) if "note" in body else "",
        Wish(decision) if decision else None,
    )


async def nothing(request: web.Request) -> None:
    """A POST that says all with its path: no body, or an empty object."""
    if request.body_exists and await _json_object(request):
        raise invalid("nothing is known to say here")


def wait(request: web.Request) -> float:
    """`?wait=seconds`, 0 where it is not given; raises ProblemError."""
    known(request, "wait")
    try:
        seconds = float(request.query.get("wait", "0"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= WAIT_MOST_S:
        raise invalid(f"wait must be seconds from 0 to {WAIT_MOST_S:g}")
    return seconds


def watching(request: web.Request) -> tuple[int | None, bool]:
    """`?after=cursor` of the last event that was seen, None where it is not given; `?till=true`."""
    known(request, "after", "till")
    if request.query.get("till", "true") != "true":
        raise invalid("till must be true, or left out")
    return _query_number(request, "after", 0, CURSOR_MOST), "till" in request.query


def till(request: web.Request) -> int | None:
    """`?till=number`, None for all."""
    return _query_number(request, "till", 1, TILL_MOST)


def day(request: web.Request) -> Day:
    """`?day=2026-11-22`, today where it is not given, in this terminal's own time."""
    text = request.query.get("day")
    try:
        if text is not None and not DAY.fullmatch(text):
            raise ValueError
        begin = datetime.fromisoformat(text) if text else datetime.now()
        begin = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        end = begin + timedelta(days=1)
        return Day(begin.date().isoformat(), int(begin.timestamp()), int(end.timestamp()))
    except (ValueError, OverflowError, OSError):
        raise invalid("day must be a date as 2026-11-22") from None


def known(request: web.Request, *names: str) -> None:
    """Refuse parameters that nobody knows."""
    unknown = sorted(set(request.query) - set(names))
    if unknown:
        raise invalid(f"unknown parameter {unknown[0]!r}")


async def _object_of(
    request: web.Request, keys: tuple[str, ...], needed: tuple[str, ...]
) -> dict[str, Any]:
    body = await _json_object(request)
    unknown = sorted(set(body) - set(keys))
    if unknown:
        raise invalid(f"unknown key {unknown[0]!r}; known are {', '.join(keys)}")
    missing = [key for key in needed if key not in body]
    if missing:
        raise invalid(f"{missing[0]} is missing")
    return body


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


def _sale_id(value: Any, key: str) -> str:
    if not isinstance(value, str) or not SALE_ID.fullmatch(value):
        raise invalid(f"{key} must be 16 to 64 of A-Z a-z 0-9 _ . : -")
    return value


def _number(body: dict[str, Any], key: str, low: int, high: int) -> int:
    value = body[key]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise invalid(f"{key} must be a whole number from {low} to {high}")
    return value


def _query_number(request: web.Request, key: str, low: int, high: int) -> int | None:
    text = request.query.get(key)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise invalid(f"{key} must be a whole number from {low} to {high}")
    return int(text)


def _till(body: dict[str, Any]) -> int | None:
    return _number(body, "till", 1, TILL_MOST) if "till" in body else None


def _patience(body: dict[str, Any]) -> int:
    return _number(body, "patience_s", 1, PATIENCE_MOST_S) if "patience_s" in body else PATIENCE_S


def _currency(value: Any) -> int:
    number = NUMBERS.get(value) if isinstance(value, str) else None
    if number is None:
        raise invalid(f"currency must be one of {', '.join(NUMBERS)}")
    return number


def _text(body: dict[str, Any], key: str, most: int) -> str:
    value = body[key]
    if isinstance(value, str) and 0 < len(value) <= most and value.isprintable():
        return value
    raise invalid(f"{key} must be 1 to {most} printable characters")


def _note(body: dict[str, Any]) -> str:
    value = body.get("reference", "")
    if isinstance(value, str) and len(value) <= NOTE_MOST and value.isprintable():
        return value
    raise invalid(f"reference must be at most {NOTE_MOST} printable characters")
