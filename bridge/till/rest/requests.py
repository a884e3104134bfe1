"""The requests of tills, decoded strictly: every key known, every value in bounds."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

from msgspec import UNSET, Meta, UnsetType

from bridge import contracts
from bridge.books.totals import Day
from bridge.contracts import Fault, MalformedError, MismatchError, Printable, Request, words
from bridge.domain.till_decisions import Wish
from bridge.sales.orders import Order, RefundOrder
from bridge.till.server.problems import ProblemError, invalid
from receiver.encoding.schema import UINT_MOST
from receiver.host.currencies import NUMBERS
from receiver.protocol.messages import TILL_MOST

if TYPE_CHECKING:
    from aiohttp import web

T = TypeVar("T")

BODY_MOST = 4096  # bytes; a sale takes some 200
WAIT_MOST_S = 60.0  # below the two minutes of usual proxies
PATIENCE_S = 25  # the default in the requirements
PATIENCE_MOST_S = 120  # an offer is valid no longer (design §3.3)
NOTE_MOST = 64  # characters of a till's own reference
KEY_MOST = 80  # characters of an alarm's key: the kind and a sale's id
NAME_MOST = 64  # of the person who acknowledges it
REMARK_MOST = 400  # of that person's note
CURSOR_MOST = (1 << 63) - 1  # the journal's greatest number
DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")  # others have no sales, or no number of seconds
_DAY = "2026-11-22"
SALE_ID = re.compile(r"[A-Za-z0-9_.:-]{16,64}")


def _whole(low: int, high: int, description: str | None = None) -> Meta:
    must = {"must": f"a whole number from {low} to {high}"}
    return Meta(ge=low, le=high, extra=must, description=description)


def _id(description: str) -> Meta:
    return Meta(
        pattern=rf"\A{SALE_ID.pattern}\Z",
        description=description,
        extra={"must": "16 to 64 of A-Z a-z 0-9 _ . : -"},
    )


class Note(Printable):
    LEAST, MOST = 0, NOTE_MOST


class AlarmKey(Printable):
    MOST = KEY_MOST


class PersonName(Printable):
    MOST = NAME_MOST


class Remark(Printable):
    MOST = REMARK_MOST


def _printable(most: int) -> Meta:
    return Meta(extra={"must": f"1 to {most} printable characters"})


NewId = Annotated[
    str, _id("Chosen by the till from at least 16 random bytes, stored before first use.")
]
Amount = Annotated[int, _whole(1, UINT_MOST, description="Minor units: öre, cent.")]
Letters = Annotated[str, words(*NUMBERS), Meta(description="ISO 4217 letters.")]
TillNumber = Annotated[
    int, _whole(1, TILL_MOST, description="Needed where the bridge has several receivers.")
]
AnyTill = Annotated[int, _whole(1, TILL_MOST)]
Patience = Annotated[
    int,
    _whole(
        1,
        PATIENCE_MOST_S,
        description="How long the till waits for a buyer and for an answer.",
    ),
]
Reference = Annotated[
    Note,
    Meta(
        description="The till's own note, shown back; printable characters alone.",
        extra={"must": f"at most {NOTE_MOST} printable characters"},
    ),
]


class NewSale(Request):
    """A sale as a till rings it up."""

    sale_id: NewId
    amount: Amount
    currency: Letters
    till: TillNumber | UnsetType = UNSET
    patience_s: Patience = PATIENCE_S
    reference: Reference | UnsetType = UNSET


class NewRefund(Request):
    """A refund of a sale by this bridge, or of any transaction."""

    refund_id: NewId
    amount: Amount
    sale_id: Annotated[str, _id("Of the purchase, where this bridge sold it.")] | UnsetType = UNSET
    transaction_id: (
        Annotated[
            str,
            Meta(
                pattern=r"\A[0-9a-f]{32}\Z",
                description="Of the purchase, where another bridge sold it.",
                extra={"must": "32 hexadecimal digits"},
            ),
        ]
        | UnsetType
    ) = UNSET
    phone: Annotated[
        bool,
        Meta(
            description="Whether the buyer approves it at the receiver.",
            extra={"must": "true or false"},
        ),
    ] = False
    currency: Letters | UnsetType = UNSET
    till: TillNumber | UnsetType = UNSET
    patience_s: Patience = PATIENCE_S
    reference: Reference | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.sale_id is UNSET) == (self.transaction_id is UNSET):
            raise ValueError("name either the sale_id or the transaction_id of what is refunded")
        if self.sale_id is UNSET and self.currency is UNSET:
            raise ValueError("currency is missing")


class Decision(StrEnum):
    """A person's decision in the till's place."""

    PAID = Wish.PAY.value
    CANCEL = Wish.CANCEL.value


class AcknowledgementRequest(Request):
    """A person's acknowledgement, with a decision where money is undecided."""

    key: Annotated[AlarmKey, _printable(KEY_MOST)]
    by: Annotated[PersonName, _printable(NAME_MOST)]
    note: Annotated[Remark, _printable(REMARK_MOST)] | UnsetType = UNSET
    decision: Annotated[Decision | None, Meta(extra={"must": "paid or cancel"})] = None


class Nothing(Request):
    """A body or a query without content."""


class TillQuery(Request):
    till: AnyTill | UnsetType = UNSET


class DayQuery(Request):
    day: (
        Annotated[
            str,
            Meta(
                pattern=rf"\A{DAY.pattern}\Z",
                description=f"As {_DAY}, in the terminal's own time; today where it is left out.",
                extra_json_schema={"format": "date"},
                extra={"must": f"a date as {_DAY}"},
            ),
        ]
        | UnsetType
    ) = UNSET
    till: AnyTill | UnsetType = UNSET


class WaitQuery(Request):
    wait: Annotated[
        float,
        Meta(
            ge=0,
            le=WAIT_MOST_S,
            description="Seconds to wait until there is an answer, or it becomes unknown.",
            extra={"must": f"seconds from 0 to {WAIT_MOST_S:g}"},
        ),
    ] = 0


class EventsQuery(Request):
    after: (
        Annotated[
            int, _whole(0, CURSOR_MOST, "The last cursor seen: the missed events come first.")
        ]
        | UnsetType
    ) = UNSET
    till: (
        Annotated[
            str,
            words("true"),
            Meta(description="Whether the watcher is the till: then `approved` notifies it."),
        ]
        | UnsetType
    ) = UNSET


async def body(request: web.Request, type_: type[T]) -> T:
    """Decode the body of a POST; raises ProblemError."""
    if request.content_type != "application/json":
        # This also keeps web pages out: a browser asks before it sends this type to another origin.
        raise ProblemError(415, "unsupported-media-type", "send application/json")
    try:
        return contracts.decode(await request.read(), type_)
    except MalformedError:
        raise ProblemError(400, "malformed-json", "the body is not JSON") from None
    except MismatchError as error:
        whole = error.fault is Fault.WRONG and not error.path
        raise invalid("the body must be a JSON object" if whole else str(error)) from None


async def order(request: web.Request) -> Order:
    """Decode the sale in the body of a POST; raises ProblemError."""
    asked = await body(request, NewSale)
    return Order(
        asked.sale_id,
        asked.amount,
        NUMBERS[asked.currency],
        asked.till or None,
        asked.patience_s,
        str(asked.reference or ""),
    )


async def refund(request: web.Request) -> RefundOrder:
    """Decode the refund in the body of a POST; raises ProblemError."""
    asked = await body(request, NewRefund)
    return RefundOrder(
        asked.refund_id,
        asked.amount,
        NUMBERS[asked.currency] if asked.currency else None,
        asked.till or None,
        asked.patience_s,
        str(asked.reference or ""),
        asked.sale_id or "",
        bytes.fromhex(asked.transaction_id or ""),
        asked.phone,
    )


async def nothing(request: web.Request) -> None:
    """Require a POST without content: no body, or an empty object."""
    if request.body_exists:
        await body(request, Nothing)


def query(request: web.Request, type_: type[T]) -> T:
    """Convert the query; raises ProblemError."""
    try:
        return contracts.query(request.query, type_)
    except MismatchError as error:
        raise invalid(str(error)) from None


def day(asked: DayQuery) -> Day:
    """Return the day in this terminal's own time, by default today."""
    try:
        begin = datetime.fromisoformat(asked.day) if asked.day else datetime.now()
        begin = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        end = begin + timedelta(days=1)
        return Day(begin.date().isoformat(), int(begin.timestamp()), int(end.timestamp()))
    except (ValueError, OverflowError, OSError):
        raise invalid(f"day must be a date as {_DAY}") from None
