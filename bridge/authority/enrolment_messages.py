"""Messages with the authority about tickets, enrolments, revocations and renewals.

Enrolment shows a ticket as bearer token, the administrator a token of its own, a renewal the
bridge's client certificate (docs/enrolment.md).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from bridge.contracts import Answer, Octets, Request
from receiver.encoding.schema import ED25519_SIZE
from receiver.host.words import WORDS
from receiver.protocol.enrolment import CHALLENGE_SIZE
from receiver.protocol.messages import STORE_NAME_MOST, TILL_MOST
from receiver.protocol.signed import ID_SIZE

from .messages import Currency, Number, ReceiverId, Time

ENROLMENTS = "/v1/enrolments"
ENROLMENT = "/v1/enrolments/{enrolment_id}"
REQUEST = "/v1/enrolments/{enrolment_id}/request"
INSTALLED = "/v1/enrolments/{enrolment_id}/installed"
RECEIVER_CERTIFICATE = "/v1/receivers/{receiver_id}/certificate"
CLIENT_CERTIFICATE = "/v1/client-certificate"
TICKETS = "/v1/admin/tickets"
PENDING = "/v1/admin/enrolments"
CONFIRMATION = "/v1/admin/enrolments/{enrolment_id}/confirmation"
REJECTION = "/v1/admin/enrolments/{enrolment_id}/rejection"
ALL_RECEIVERS = "/v1/admin/receivers"
REVOCATION = "/v1/admin/receivers/{receiver_id}/revocation"

NAME_MOST = 80  # characters, of people and places
FINGERPRINT_SIZE = 32  # SHA-256 of a TLS certificate
TICKET_S = 8 * 3600  # a working day: printed in the morning, used until the evening
TICKET_MOST_S = 7 * 24 * 3600  # a tour through many stores
WAIT_MOST_S = 20.0  # one answer; below the time after which proxies give up (30 s)
REQUEST_MOST = 1024  # bytes; a receiver's request takes some 180, a bridge's some 400


class TicketKind(StrEnum):
    RECEIVER = "receiver"
    BRIDGE = "bridge"


class Purpose(StrEnum):
    """What a receiver's enrolment does with the receiver that the ticket names."""

    NEW = "new"  # none is named
    MOVE = "move"  # it gets a new key and other terms; it may be another board
    EXCHANGE = "exchange"  # another one takes its place, and it is revoked


class Stage(StrEnum):
    """How far an enrolment has come."""

    BEGUN = "begun"
    REQUESTED = "requested"  # the second person is to compare the words
    CONFIRMED = "confirmed"  # the certificate is made, but opens nothing yet
    REJECTED = "rejected"
    DONE = "done"  # the echo has come: the certificate is live


class EnrolmentId(Octets):
    SIZES = (ID_SIZE,)


class Challenge(Octets):
    SIZES = (CHALLENGE_SIZE,)


class Fingerprint(Octets):
    SIZES = (FINGERPRINT_SIZE,)


class ReceiverKey(Octets):
    SIZES = (ED25519_SIZE,)


Name = Annotated[str, Meta(min_length=1, max_length=NAME_MOST)]
StoreName = Annotated[Name, Meta(description=f"At most {STORE_NAME_MOST} bytes in UTF-8.")]
Till = Annotated[int, Meta(ge=1, le=TILL_MOST)]
Hex = Annotated[str, Meta(pattern=r"\A([0-9a-f]{2})*\Z")]
RequestHex = Annotated[
    str, Meta(pattern=r"\A([0-9a-f]{2})+\Z", min_length=2, max_length=2 * REQUEST_MOST)
]
Words = Annotated[list[str], Meta(max_length=WORDS)]
Lifetime = Annotated[int, Meta(ge=60, le=TICKET_MOST_S, description="Seconds.")]
WaitSeconds = Annotated[float, Meta(ge=0, le=WAIT_MOST_S)]


# Requests.


class NewTicket(Request):
    """What one enrolment is for; a bridge's needs kind, store and store name alone."""

    kind: TicketKind
    store: Number
    store_name: StoreName
    invoice_issuer: Number | None = None
    currency: Currency | None = None
    till: Till | None = None
    client_fingerprint: Annotated[
        Fingerprint | None, Meta(description="The bridge that will speak for the receiver.")
    ] = None
    receiver_id: ReceiverId | None = None
    purpose: Purpose = Purpose.NEW
    valid_s: Lifetime = TICKET_S

    def __post_init__(self) -> None:
        if len(self.store_name.encode()) > STORE_NAME_MOST:
            raise ValueError(f"store_name is over {STORE_NAME_MOST} bytes")
        of_receiver = (self.invoice_issuer, self.currency, self.till, self.client_fingerprint)
        if self.kind is TicketKind.RECEIVER and None in of_receiver:
            raise ValueError(
                "a receiver's ticket needs invoice_issuer, currency, till and client_fingerprint"
            )
        if self.kind is TicketKind.BRIDGE and (*of_receiver, self.receiver_id) != (None,) * 5:
            raise ValueError("a bridge's ticket has neither till nor receiver")
        if (self.receiver_id is None) != (self.purpose is Purpose.NEW):
            raise ValueError("receiver_id is of the receiver to move or exchange, and of no other")


class EnrolmentBeginning(Request):
    """What the caller believes that the ticket is for; the authority refuses anything else."""

    kind: TicketKind
    store: Number | None = None
    till: Till | None = None


class EnrolmentRequest(Request):
    """A receiver's COSE request, or a bridge's PKCS#10 request in DER."""

    request: RequestHex


class OutcomeQuery(Request):
    wait_s: WaitSeconds = 0.0


class Echo(Request):
    """A receiver's signed INSTALLED; of a bridge null: its TLS certificate is the echo."""

    echo: RequestHex | None


class Empty(Request):
    """The path says everything."""


class ClientRequest(Request):
    """A PKCS#10 request in DER, with the key of the TLS certificate that it comes over."""

    request: RequestHex


class AllReceiversQuery(Request):
    after: ReceiverId | None = None


# Answers.


class TicketView(Answer):
    """The word is shown this once: the authority keeps its hash."""

    ticket: str
    expires: Time


class EnrolmentTerms(Answer):
    """What the certificate will say; a bridge has no till."""

    store: Number
    store_name: str
    invoice_issuer: Number | None
    currency: Currency | None
    till: Till | None
    receiver_id: ReceiverId | None
    purpose: Purpose


class EnrolmentBegun(Answer):
    """Repeating the beginning gives the same answer, until the enrolment is done."""

    enrolment_id: EnrolmentId
    challenge: Challenge
    pins: Hex
    terms: EnrolmentTerms
    least_release: Annotated[Number, Meta(description="The least firmware it may be updated to.")]
    expires: Time


class EnrolmentView(Answer):
    """How far it is; `certificate` (a receiver's COSE, a bridge's DER) once confirmed."""

    enrolment_id: EnrolmentId
    stage: Stage
    words: Words
    certificate: Hex | None


class PendingEnrolment(Answer):
    """What the second person compares."""

    enrolment_id: EnrolmentId
    kind: TicketKind
    terms: EnrolmentTerms
    words: Words
    since: Time
    hardware: Annotated[Hex, Meta(description="Of a receiver: its chip's id.")]
    board: str


class PendingEnrolments(Answer):
    enrolments: list[PendingEnrolment]


class FreshCertificate(Answer):
    """A receiver's COSE, or a client certificate in DER."""

    certificate: Hex


class ReceiverRow(Answer):
    receiver_id: ReceiverId
    store: Number
    store_name: str
    expires: Annotated[Time, Meta(description="Of its latest certificate.")]
    client_fingerprint: Annotated[
        Fingerprint | None, Meta(description="The bridge that speaks for it; null if none does.")
    ]
    revoked: Time | None


class ReceiverRows(Answer):
    receivers: list[ReceiverRow]
    next: ReceiverId | None


class Revoked(Answer):
    receiver_id: ReceiverId
    revoked: Time
