"""All messages between bridges and the authority: routes, requests, answers.

Both ends import it. Records, receipts and states are CBOR and COSE (`receiver.protocol.messages`).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from bridge.contracts import Answer, Octets, Request
from bridge.domain.held import AuthorityTransaction, HoldState
from receiver import reasons
from receiver.encoding.schema import UINT_MOST
from receiver.link.wire import NONCE_SIZE
from receiver.protocol.messages import CURRENCY_MOST, HASH_SIZE, RECEIVER_ID_SIZE, REFERENCE_SIZE
from receiver.protocol.signed import ID_SIZE

BRIDGE_ID_SIZE = 8
LIFE_SIZE = 16
RUN_SIZE = 8
SEQUENCE_MOST = 10**18 - 1  # as many digits as the header takes; fits a database
CURSOR_TIME_SIZE = 4  # of a cursor, before the approval id

AUTHORISATIONS = "/v1/authorisations"
CONFIRMATION = "/v1/confirmations/{approval_id}"
REVERSAL = "/v1/reversals/{approval_id}"
REFUND = "/v1/refunds/{refund_id}"
TRANSACTION = "/v1/transactions/{approval_id}"
TRANSACTIONS = "/v1/receivers/{receiver_id}/transactions"
RECEIVERS = "/v1/receivers"
STATES = "/v1/states"
REVOCATIONS = "/v1/revocations"
POSITIONS = "/v1/positions"

CBOR = "application/cbor"
COSE = "application/cose"
JSON = "application/json"
PROBLEM = "application/problem+json"

# Bridge id, life, run, sequence and hash: in every call but the claim.
POSITION_HEADER = "Tillsign-Position"
POSITION = re.compile(
    "([0-9a-f]{16}) ([0-9a-f]{32}) ([0-9a-f]{16}) (0|[1-9][0-9]{0,17}) ([0-9a-f]{64})"
)


class ReceiverId(Octets):
    SIZES = (RECEIVER_ID_SIZE,)


class TransactionId(Octets):
    """The id of an approval, a refund or its booking."""

    SIZES = (ID_SIZE,)


class Reference(Octets):
    SIZES = (REFERENCE_SIZE,)


class Nonce(Octets):
    SIZES = (NONCE_SIZE,)


class BridgeId(Octets):
    SIZES = (BRIDGE_ID_SIZE,)


class LifeId(Octets):
    SIZES = (LIFE_SIZE,)


class RunId(Octets):
    SIZES = (RUN_SIZE,)


class Hash(Octets):
    SIZES = (HASH_SIZE,)


class Cursor(Octets):
    """The last transaction of a page: its time and its id."""

    SIZES = (CURSOR_TIME_SIZE + ID_SIZE,)

    @classmethod
    def of(cls, last: Transaction) -> Cursor:
        return cls(last.time.to_bytes(CURSOR_TIME_SIZE, "big") + last.approval_id)

    @property
    def time(self) -> int:
        return int.from_bytes(self[:CURSOR_TIME_SIZE], "big")

    @property
    def approval_id(self) -> bytes:
        return self[CURSOR_TIME_SIZE:]


Number = Annotated[int, Meta(ge=0, le=UINT_MOST)]
Amount = Annotated[int, Meta(ge=1, le=UINT_MOST, description="Minor units.")]
Currency = Annotated[int, Meta(ge=1, le=CURRENCY_MOST, description="ISO 4217 number.")]
Time = Annotated[int, Meta(ge=0, le=UINT_MOST, description="Seconds since 1970.")]
Sequence = Annotated[int, Meta(ge=0, le=SEQUENCE_MOST)]


class EnrolmentRefusal(StrEnum):
    """Why a step of an enrolment is refused: the problem's `reason`."""

    TICKET_UNKNOWN = "ticket_unknown"
    TICKET_USED = "ticket_used"
    TICKET_EXPIRED = "ticket_expired"
    TICKET_FOREIGN = "ticket_foreign"  # for another store, till or kind
    REQUEST_INVALID = "request_invalid"  # no proof that the caller has the key
    REQUEST_OTHER = "request_other"  # the enrolment has another request already
    CHALLENGE_OTHER = "challenge_other"
    KEY_TAKEN = "key_taken"  # it is another receiver's
    NOT_CONFIRMED = "not_confirmed"  # by the second person
    REJECTED = "rejected"  # by the second person
    ECHO_OTHER = "echo_other"  # of another certificate, other pins or another till
    RECEIVER_REVOKED = "receiver_revoked"
    TOO_EARLY = "too_early"  # to renew: before half of the certificate's life


_REASON_NAMES = sorted({*reasons.NAMES.values(), *(one.value for one in EnrolmentRefusal)})
# A bridge accepts reasons newer than itself.
ReasonName = Annotated[str, Meta(extra_json_schema={"enum": _REASON_NAMES})]


class Settled(StrEnum):
    """The state of an approval after a confirmation or a reversal."""

    POSTED = HoldState.POSTED.value
    VOIDED = HoldState.VOIDED.value
    DECLINED = HoldState.DECLINED.value


class RefundOutcome(StrEnum):
    """The result of a refund: posted at once, or never."""

    POSTED = HoldState.POSTED.value
    DECLINED = HoldState.DECLINED.value


class Kind(StrEnum):
    """The kind of a booking."""

    PURCHASE = "purchase"
    REFUND = "refund"


class Verdict(StrEnum):
    """The authority's verdict on a journal's position."""

    CURRENT = "current"  # it serves
    BEHIND = "behind"  # its shown end is before the newest known position
    FORK = "fork"  # another copy of it continued in another way
    SUPERSEDED = "superseded"  # another life replaced it for good
    IN_USE = "in_use"  # the one that it would replace still serves


# Requests.


class OfReceiver(Request):
    """The receiver of a confirmation or a reversal."""

    receiver_id: ReceiverId


class RefundRequest(OfReceiver):
    transaction_id: Annotated[TransactionId, Meta(description="Of the purchase.")]
    amount: Amount
    currency: Currency


class StateRequest(OfReceiver):
    nonce: Nonce


class ReceiverQuery(Request):
    receiver_id: ReceiverId


class ReceiversQuery(Request):
    after: ReceiverId | None = None


class TransactionsQuery(Request):
    start: Time = field(name="from")
    end: Time = field(name="to")
    after: Cursor | None = None


class Checked(Request):
    """A chain's hash at one sequence."""

    sequence: Sequence
    hash: Hash


class PositionClaim(Request):
    """The position of a bridge's journal."""

    bridge_id: BridgeId
    life: LifeId
    run: RunId
    sequence: Sequence
    hash: Hash
    previous: Annotated[
        LifeId | None, Meta(description="The life that this one follows; null if begun anew.")
    ]
    ended: Annotated[bool, Meta(description="The bridge stops: its place is free at once.")]
    checked: Annotated[
        Checked | None,
        Meta(description="The chain's hash at the newest sequence of the last answer."),
    ] = None


# Answers.


class Confirmed(Answer):
    approval_id: TransactionId
    state: Settled
    late: bool


class Reversed(Answer):
    approval_id: TransactionId
    state: Settled


class RefundAnswer(Answer):
    """The result of a refund: posted, under which id, or why not."""

    refund_id: TransactionId
    state: RefundOutcome
    reason: ReasonName | None
    transaction_id: TransactionId | None


class Transaction(Answer):
    """The state of an approval or a refund; an unknown one has few members."""

    approval_id: TransactionId
    state: HoldState
    kind: Kind
    amount: Amount | None
    currency: Currency | None
    transaction_id: TransactionId | None
    refunded: Annotated[Number, Meta(description="The sum of its refunds.")]
    late: Annotated[bool, Meta(description="Posted after it had expired.")]
    reference: Reference | None
    time: Time
    till: Annotated[Number | None, Meta(description="Its number then; null without an offer.")]

    def holding(self, receiver_id: bytes) -> AuthorityTransaction:
        """Convert to the bridge's own type."""
        return AuthorityTransaction(
            self.approval_id,
            receiver_id,
            self.state,
            self.kind is Kind.REFUND,
            self.amount or 0,
            self.currency or 0,
            self.transaction_id or b"",
            self.reference or b"",
            self.till,
            self.time,
        )


class TransactionPage(Answer):
    transactions: list[Transaction]
    next: Cursor | None


class Binding(Answer):
    """A receiver that is or was bound to a client."""

    receiver_id: ReceiverId
    since: Time
    until: Annotated[
        Time | None,
        Meta(description="When another client took the receiver over; null if none did."),
    ]


class ReceiverPage(Answer):
    receivers: list[Binding]
    next: ReceiverId | None


class KnownPosition(Answer):
    """The newest position of a bridge, and when it was reported."""

    life: LifeId
    run: RunId
    sequence: Sequence
    hash: Hash
    time: Time


class StandingAnswer(Answer):
    """Whether a bridge may serve with its journal."""

    standing: Verdict
    newest: Annotated[
        KnownPosition | None,
        Meta(description="The bridge's earlier position; null for a new one."),
    ]
    follows: Annotated[
        LifeId | None,
        Meta(description="The life that a current one replaced, now or earlier."),
    ]
    lease_s: Annotated[Number, Meta(description="After such a silence another life may follow.")]
    retry_after_s: Number | None


class Refusal(Answer):
    """What a bridge reads of a problem document; the rest is for people."""

    reason: ReasonName | None = None


class AuthorityProblem(Refusal, kw_only=True, omit_defaults=True):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


def path(template: str, **ids: bytes) -> str:
    """Fill these ids into a route."""
    return template.format_map({name: id_.hex() for name, id_ in ids.items()})


def position_header(bridge: bytes, life: bytes, run: bytes, sequence: int, hash_: bytes) -> str:
    return f"{bridge.hex()} {life.hex()} {run.hex()} {sequence} {hash_.hex()}"


def position_in(header: str) -> tuple[bytes, bytes, bytes, int, bytes]:
    """Parse a header made by `position_header`; raises ValueError."""
    found = POSITION.fullmatch(header)
    if found is None:
        raise ValueError(f"{POSITION_HEADER} is not id, life, run, sequence and hash")
    bridge, life, run, sequence, hash_ = found.groups()
    of = bytes.fromhex
    return of(bridge), of(life), of(run), int(sequence), of(hash_)
