"""The answers of the till API."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from bridge.contracts import Answer, ref, words
from bridge.domain import alarms
from bridge.domain.states import SHOWN, State
from bridge.sales import reconciliation
from receiver.encoding.schema import UINT_MOST
from receiver.host.currencies import NUMBERS
from receiver.host.texts import PHONES
from receiver.protocol.messages import TILL_MOST

from .requests import SALE_ID

_SALE_STATES = tuple(str(one) for one in State if one not in (*SHOWN, State.REFUNDING))
SaleState = Annotated[str, words(*_SALE_STATES)]
RefundState = Annotated[
    str,
    words(
        *(one for one in _SALE_STATES if one not in (State.APPROVED, State.PAID)),
        *("pending", "refunded"),
    ),
]
Settlement = Annotated[
    str, words("owed", "posted", "liability", "reversing", "reversed", "refunded")
]
CurrencyLetters = Annotated[str, words(*NUMBERS)]
JournalState = Annotated[str, words("ok", "locked", "full", "behind", "in_use", "recovering")]
AlarmKind = Annotated[str, words(*alarms.KINDS)]
DifferenceKind = Annotated[str, words(*reconciliation.KINDS)]
EventName = Annotated[str, words("sale", "phone", "refusal", "receiver", "timing")]
PhoneCode = Annotated[str, words(*PHONES)]
PhoneAct = Annotated[str, words("near", "shown", "left", "refused", "gone")]
EventSource = Annotated[str, words("till", "receiver", "phone", "authority", "bridge", "journal")]
Id = Annotated[str, Meta(pattern=rf"\A{SALE_ID.pattern}\Z")]
Hex = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
Amount = Annotated[int, Meta(ge=1, le=UINT_MOST, description="Minor units: öre, cent.")]
Letters = Annotated[CurrencyLetters, Meta(description="ISO 4217 letters.")]
Till = Annotated[int, Meta(ge=1, le=TILL_MOST)]
Moment = Annotated[float, Meta(description="Seconds since 1970.")]
Counters = dict[str, int]


class Reason(Answer):
    """A reason: a stable name, and the cashier's texts."""

    code: str
    sv: str
    en: str


class PhoneView(Answer):
    """What a buyer's phone does, and the cashier's texts."""

    code: PhoneCode
    sv: str
    en: str


class DisplayView(Answer):
    """What a cashier's display shows now; the first sentence is its first line."""

    sv: str
    en: str


class Outcome(Answer):
    """The members that sales and refunds share."""

    amount: Amount
    currency: Letters
    till: Till
    reference: str | None
    match_code: Annotated[
        Annotated[str, Meta(pattern=r"\A[0-9]{2}\Z")] | None,
        Meta(description="Shown on till and phone while an offer is there."),
    ]
    phone: Annotated[
        PhoneView | None,
        Meta(description="While a buyer is awaited: what the phone at the receiver does."),
    ]
    reason: Reason | None
    display: DisplayView
    approval_id: Hex | None
    transaction_id: Hex | None
    receipt: Annotated[str | None, Meta(description="The authority's signed receipt, base64url.")]


class SaleView(Outcome):
    sale_id: Id
    state: Annotated[
        SaleState,
        Meta(description="unknown means: perhaps paid, ask again; never hand over goods."),
    ]
    offline: Annotated[
        bool,
        Meta(description="Approved within the offline limits; uploaded to the authority later."),
    ]
    provisional_receipt: Annotated[
        str | None,
        Meta(description="The receiver's signed receipt of an offline approval, base64url."),
    ]
    settlement: Annotated[
        Settlement | None,
        Meta(description="Its state at the authority; the till need not act on it."),
    ]


class Refund(Outcome):
    refund_id: Id
    state: Annotated[
        RefundState,
        Meta(description="pending: it will be refunded or declined."),
    ]
    sale_id: str | None
    original_transaction_id: Hex | None


# Their ids tell them apart.
SaleOrRefund = Annotated[object, Meta(extra_json_schema={"anyOf": [ref(SaleView), ref(Refund)]})]


class OpenSales(Answer):
    """All sales and refunds that are not closed."""

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
        Meta(description="For people: problems with clock, certificates and files."),
    ]
    journal: Annotated[
        JournalState,
        Meta(description="Whether it is the newest and accepts writes."),
    ]
    alarms: Annotated[int, Meta(description="Alarms that are not acknowledged.")]


class Hello(Answer):
    """What a receiver reports about itself."""

    receiver_id: str
    board: str
    interpreter: str
    version: str
    firmware: str
    firmware_hash: str
    reset_cause: Annotated[str, Meta(description="Why it started (docs/hardware.md).")]
    crashes: Annotated[int, Meta(description="Starts in a row that ended in a crash.")]
    fault: Annotated[Reason | None, Meta(description="Why it sells nothing until it is reset.")]


class Health(Answer):
    uptime_s: int
    free_bytes: int
    links: int
    counters: Counters
    fault: Annotated[Reason | None, Meta(description="Why it sells nothing until it is reset.")]
    dropped: Annotated[int, Meta(description="Messages that its line could not take.")]


class UpdateView(Answer):
    """The update of a receiver's firmware that is under way, or the last one since the start."""

    attempt: Annotated[int, Meta(description="Counts from the bridge's start.")]
    phase: Annotated[str, Meta(description="`done` in the end.")]
    release: int
    version: str
    offset: Annotated[int, Meta(description="Bytes that the receiver has.")]
    size: int
    outcome: Annotated[str | None, Meta(description="In the end; null where nothing was tried.")]
    reason: str | None


class UpdateOrdered(Answer):
    """An update that waits until no buyer can be at the receiver."""

    till: Till
    attempt: Annotated[int, Meta(description="Which one in the receiver's `update` it will be.")]


class Receiver(Answer):
    till: Till
    url: str
    up: bool
    hello: Hello | None
    health: Health | None
    release: Annotated[int | None, Meta(description="Of its firmware, once the bridge knows it.")]
    update: UpdateView | None
    update_waits: Annotated[bool, Meta(description="One is ordered, and has not ended.")]
    phone: Annotated[PhoneView | None, Meta(description="At it, also before a sale.")]
    line: Counters
    counters: Counters


class Receivers(Answer):
    receivers: list[Receiver]


class Sum(Answer):
    count: int
    amount: int


class Sums(Answer):
    """The sums of a day in one currency."""

    currency: Letters
    paid: Sum
    refunded: Sum
    net: Annotated[int, Meta(description="paid less refunded")]
    posted: Sum
    owed: Annotated[Sum, Meta(description="Paid, and not posted yet.")]
    unsent: Annotated[Sum, Meta(description="Paid offline, and not sent yet.")]
    liability: Annotated[Sum, Meta(description="Paid, and never to be posted.")]
    undecided: Annotated[Sum, Meta(description="Approved; the till has not decided yet.")]
    declined: Sum
    cancelled: Sum


class PlaceOfDay(Answer):
    """A receiver at a till."""

    till: Annotated[int | None, Meta(description="Its number then.")]
    receiver_id: str
    configured: Annotated[bool, Meta(description="Whether it serves this till today.")]


class PlaceTotals(PlaceOfDay):
    sums: list[Sums]


class Totals(Answer):
    """The sums of a day at each receiver."""

    day: str
    receivers: list[PlaceTotals]


class Difference(Answer):
    """An approval in the journal and in the authority's books."""

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


class AlarmView(Answer):
    """A finding that a person must acknowledge."""

    key: Annotated[str, Meta(description="The key that acknowledges it.")]
    kind: AlarmKind
    sale_id: str | None
    approval_id: Hex | None
    amount: int | None
    currency: CurrencyLetters | None
    till: int | None
    receiver_id: str | None
    at: Moment
    detail: Annotated[str, Meta(description="For people.")]


class ReconciliationView(Answer):
    """The day in the journal, compared with the authority's books."""

    day: str
    receivers: list[PlaceReconciliation]
    alarms: list[AlarmView]


class Acknowledged(Answer):
    key: str
    sale: Annotated[
        object, Meta(extra_json_schema={"anyOf": [ref(SaleView), ref(Refund), {"type": "null"}]})
    ]


class OutboxView(Answer):
    """What is owed to the authority."""

    depth: Annotated[int, Meta(description="Requests that are owed.")]
    oldest_s: float
    unsent: Annotated[
        list[SaleView],
        Meta(description="Approved offline, and not uploaded yet."),
    ]


class EventView(Answer):
    """One message of the WebSocket; further members belong to the event."""

    event: EventName
    source: Annotated[
        EventSource, Meta(description="The source; `journal` for repeated events.")
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


class SaleEvent(EventView, kw_only=True):
    what: str
    sale: SaleOrRefund


class ReceiverEvent(EventView, kw_only=True):
    up: bool
    hello: Hello | UnsetType


class PhoneEvent(EventView, kw_only=True):
    link: int
    what: PhoneAct
    reason: str | None
    phone: Annotated[PhoneView | None, Meta(description="At this till from now on.")]


class RefusalEvent(EventView, kw_only=True):
    reason: str


class TimingEvent(EventView, kw_only=True):
    sale_id: str
    stamps: Annotated[dict[str, float], Meta(description="Monotonic seconds.")]
