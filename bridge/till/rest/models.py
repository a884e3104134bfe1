"""What the till API answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from bridge.contracts import Answer, Choice, ref
from bridge.domain import alarms
from bridge.domain.states import SHOWN, State
from bridge.sales import reconciliation
from bridge.till.server import problems
from receiver.encoding.schema import UINT_MOST
from receiver.host.currencies import NUMBERS
from receiver.protocol.messages import TILL_MOST

from .requests import SALE_ID


class SaleState(Choice):
    CHOICES = tuple(str(one) for one in State if one not in (*SHOWN, State.REFUNDING))


class RefundState(Choice):
    CHOICES = (
        *(one for one in SaleState.CHOICES if one not in (State.APPROVED, State.PAID)),
        *("pending", "refunded"),
    )


class Settlement(Choice):
    """What the authority holds of a sale."""

    CHOICES = ("owed", "posted", "liability", "reversing", "reversed", "refunded")


class CurrencyLetters(Choice):
    CHOICES = tuple(NUMBERS)


class JournalState(Choice):
    CHOICES = ("ok", "locked", "full", "behind", "in_use", "recovering")


class AlarmKind(Choice):
    CHOICES = alarms.KINDS


class DifferenceKind(Choice):
    CHOICES = reconciliation.KINDS


class EventName(Choice):
    CHOICES = ("sale", "phone", "refusal", "receiver", "timing")


class EventSource(Choice):
    CHOICES = ("till", "receiver", "phone", "authority", "bridge", "journal")


Id = Annotated[str, Meta(pattern=rf"\A{SALE_ID.pattern}\Z")]
Hex = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
Amount = Annotated[int, Meta(ge=1, le=UINT_MOST, description="Minor units: öre, cent.")]
Letters = Annotated[CurrencyLetters, Meta(description="ISO 4217 letters.")]
Till = Annotated[int, Meta(ge=1, le=TILL_MOST)]
Moment = Annotated[float, Meta(description="Seconds since 1970.")]
Counters = dict[str, int]


class Reason(Answer):
    """Why something is not: a stable word, and the cashier's texts."""

    code: str
    sv: str
    en: str


class Outcome(Answer):
    """What sales and refunds have in common."""

    amount: Amount
    currency: Letters
    till: Till
    reference: str | None
    match_code: Annotated[
        Annotated[str, Meta(pattern=r"\A[0-9]{2}\Z")] | None,
        Meta(description="Shown on till and phone while an offer is there."),
    ]
    reason: Reason | None
    approval_id: Hex | None
    transaction_id: Hex | None
    receipt: Annotated[str | None, Meta(description="The authority's signed receipt, base64url.")]


class Sale(Outcome):
    sale_id: Id
    state: Annotated[
        SaleState,
        Meta(description="unknown means: perhaps paid, ask again; never hand over goods."),
    ]
    offline: Annotated[
        bool,
        Meta(description="Approved within the offline limits; the authority is asked later."),
    ]
    provisional_receipt: Annotated[
        str | None,
        Meta(description="The receiver's signed receipt of an offline approval, base64url."),
    ]
    settlement: Annotated[
        Settlement | None,
        Meta(description="What the authority holds of it; nothing for the till to do."),
    ]


class Refund(Outcome):
    refund_id: Id
    state: Annotated[
        RefundState,
        Meta(description="pending: it is on its way and will be refunded or declined."),
    ]
    sale_id: str | None
    original_transaction_id: Hex | None


# What tells them apart is which id they have.
SaleOrRefund = Annotated[Any, Meta(extra_json_schema={"anyOf": [ref(Sale), ref(Refund)]})]


class OpenSales(Answer):
    """Everything with something left to happen."""

    sales: list[SaleOrRefund]


class Serving(Answer):
    status: Literal["ok"]
    version: str
    clock_offset_s: Annotated[
        int | None,
        Meta(description="How far this clock is ahead of the authority's, as far as known."),
    ]
    warnings: Annotated[
        list[str],
        Meta(description="For people: clock, certificates, files that cannot be used."),
    ]
    journal: Annotated[
        JournalState,
        Meta(description="Whether it is the newest and takes what is to be written."),
    ]
    alarms: Annotated[int, Meta(description="What a person has not acknowledged.")]


class Hello(Answer):
    """What a receiver says of itself."""

    receiver_id: str
    board: str
    interpreter: str
    version: str
    firmware: str
    firmware_hash: str
    reset_cause: int


class Health(Answer):
    uptime_s: int
    free_bytes: int
    links: int
    counters: Counters


class Receiver(Answer):
    till: Till
    url: str
    up: bool
    hello: Hello | None
    health: Health | None
    line: Counters
    counters: Counters


class Receivers(Answer):
    receivers: list[Receiver]


class Sum(Answer):
    count: int
    amount: int


class Sums(Answer):
    """What a day came to in one currency."""

    currency: Letters
    paid: Sum
    refunded: Sum
    net: Annotated[int, Meta(description="paid less refunded")]
    posted: Sum
    owed: Annotated[Sum, Meta(description="Paid, and not posted yet.")]
    unsent: Annotated[Sum, Meta(description="Paid offline, and not sent yet.")]
    liability: Annotated[Sum, Meta(description="Paid, and never to be posted.")]
    undecided: Annotated[Sum, Meta(description="Approved; the till has said nothing yet.")]
    declined: Sum
    cancelled: Sum


class PlaceOfDay(Answer):
    """A receiver at a till."""

    till: Annotated[int | None, Meta(description="Its number then.")]
    receiver_id: str
    configured: Annotated[bool, Meta(description="Whether it stands at this till today.")]


class PlaceTotals(PlaceOfDay):
    sums: list[Sums]


class Totals(Answer):
    """What a day came to at each receiver."""

    day: str
    receivers: list[PlaceTotals]


class Difference(Answer):
    """What the journal and the authority's books say of one approval."""

    kind: DifferenceKind
    approval_id: str
    sale_id: str | None
    here: str | None
    there: str | None
    amount_here: int | None
    amount_there: int | None


class PlaceReconciliation(PlaceOfDay):
    matched: int
    differences: list[Difference]
    acknowledged: list[Difference]


class Alarm(Answer):
    """What a person must look at."""

    key: Annotated[str, Meta(description="By which it is acknowledged.")]
    kind: AlarmKind
    sale_id: str | None
    approval_id: Hex | None
    amount: int | None
    currency: CurrencyLetters | None
    till: int | None
    receiver_id: str | None
    at: Moment
    detail: Annotated[str, Meta(description="For people.")]


class Reconciliation(Answer):
    """The day in the journal beside the day in the authority's books."""

    day: str
    receivers: list[PlaceReconciliation]
    alarms: list[Alarm]


class Acknowledged(Answer):
    key: str
    sale: Annotated[
        Any, Meta(extra_json_schema={"anyOf": [ref(Sale), ref(Refund), {"type": "null"}]})
    ]


class Outbox(Answer):
    """What the authority is still to hear."""

    depth: Annotated[int, Meta(description="Requests that are owed.")]
    oldest_s: float
    unsent: Annotated[
        list[Sale],
        Meta(description="Approved offline, and not seen by the authority."),
    ]


class Event(Answer):
    """One message of the WebSocket; further members belong to the event."""

    event: EventName
    source: Annotated[
        EventSource, Meta(description="Who said so; journal in what is told again.")
    ] = field(name="from")
    at: Moment
    till: Till
    cursor: (
        Annotated[
            int | None,
            Meta(description="Of a sale's event: give the last one as ?after= to go on there."),
        ]
        | UnsetType
    ) = UNSET


class Problem(Answer):
    """RFC 9457."""

    type: Annotated[str, Meta(pattern=rf"\A{problems.TYPE_PREFIX}[a-z-]+\Z")]
    title: str
    status: int
    detail: str
    sale: (
        Annotated[
            SaleOrRefund, Meta(description="In a conflict: what is in the way, as it stands.")
        ]
        | UnsetType
    ) = UNSET
