"""The types of the requests and answers of phones and administrators."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from bridge.authority.enrolment_messages import Fingerprint, Hex, Name, ReceiverKey, StoreName
from bridge.authority.messages import (
    Amount,
    Currency,
    Number,
    ReceiverId,
    Time,
    TransactionId,
)
from bridge.contracts import Answer, Octets, Request
from bridge.domain.held import HoldState
from receiver.encoding.schema import ED25519_SIZE, P256_SIZE
from receiver.protocol.messages import STORE_NAME_MOST
from simulator.authority.accounts.people import CREDENTIALS_MOST
from simulator.authority.ledger.states import ALARMS, OTHER_CONTENT, PENDING_LONG
from simulator.crypto.code_proof import CODE_DIGITS

SPACE_MOST = 10**15  # minor units; every JSON reader accepts such a number exactly
ROW_MOST = 999_999_999
CREDENTIAL_ID_SIZE = 8


class PhoneKeyOctets(Octets):
    SIZES = (ED25519_SIZE, P256_SIZE)


class P256Key(Octets):
    SIZES = (P256_SIZE,)


class CredentialId(Octets):
    SIZES = (CREDENTIAL_ID_SIZE,)


Row = Annotated[int, Meta(ge=0, le=ROW_MOST)]
Space = Annotated[int, Meta(ge=0, le=SPACE_MOST)]
AlarmKind = Annotated[
    str,
    Meta(extra_json_schema={"enum": sorted({PENDING_LONG, OTHER_CONTENT, *ALARMS.values()})}),
]
CredentialCount = Annotated[int, Meta(ge=1, le=CREDENTIALS_MOST)]

# Phones.


class Activation(Request):
    """What makes a phone one of a buyer's."""

    activation: Name
    key: PhoneKeyOctets
    code_key: P256Key
    code: Annotated[Name, Meta(description=f"{CODE_DIGITS} digits.")]


class RecipientName(Answer):
    id: Row
    name: Name


class Welcome(Answer):
    """A new phone's id and token; the token opens every other route."""

    phone_id: Row
    token: str
    buyer: Name
    authority_code_key: P256Key
    recipients: list[RecipientName]
    pins: Hex


class CredentialsRequest(Request):
    recipient: Number
    count: CredentialCount


class Credentials(Answer):
    credentials: list[Hex]


class Approval(Answer):
    """The state of an approval."""

    state: HoldState
    receipt: Hex | None


# Administrators.


class Nothing(Request):
    """A request without members: the path names everything."""


class Made(Answer):
    id: Row


class NewOrganisation(Request):
    name: Name


class NewBuyer(Request):
    organisation: Number
    name: Name
    purchase_limit: Number
    recipients: list[Number]


class ActivationWord(Answer):
    """The secret that activates one phone."""

    activation: str


class MadeBuyer(Made):
    activation: str


class BuyerView(Answer):
    id: Row
    name: Name
    purchase_limit: Number
    offline_floor: Number
    blocked: bool
    wrong_codes: Number


class BuyerChange(Request):
    """Changes to a buyer; members left out stay as they are."""

    purchase_limit: Number | UnsetType = UNSET
    offline_floor: Number | UnsetType = UNSET
    blocked: bool | UnsetType = UNSET
    unlock: bool = False


class NewRecipient(Request):
    organisation: Number
    name: Name
    credit_space: Space


class RecipientView(Answer):
    id: Row
    name: Name
    currency: Currency
    credit_space: Annotated[
        int,
        Meta(ge=-SPACE_MOST, le=SPACE_MOST, description="Below zero after late postings only."),
    ]
    closed: bool


class RecipientChange(Request):
    """Changes to a recipient; members left out stay as they are."""

    credit_space: Space | UnsetType = UNSET
    closed: bool | UnsetType = UNSET


class CredentialChange(Request):
    revoked: bool


class Credential(Answer):
    id: CredentialId
    revoked: bool


class NewReceiver(Request):
    receiver_id: ReceiverId
    key: ReceiverKey
    store: Number
    store_name: StoreName
    invoice_issuer: Number
    currency: Currency
    client_fingerprint: Fingerprint

    def __post_init__(self) -> None:
        if len(self.store_name.encode()) > STORE_NAME_MOST:
            raise ValueError(f"store_name is over {STORE_NAME_MOST} bytes")


class CertificateView(Answer):
    certificate: Hex


class OfflineLimits(Answer):
    """What a receiver may accept offline."""

    offline_floor: Number
    offline_total: Number
    offline_count: Number
    offline_hours: Number


class OfflineLimitsChange(Request):
    """Changes to the limits; members left out stay as they are."""

    offline_floor: Number | UnsetType = UNSET
    offline_total: Number | UnsetType = UNSET
    offline_count: Number | UnsetType = UNSET
    offline_hours: Number | UnsetType = UNSET


class Renewal(Request):
    client_fingerprint: Fingerprint


class Renewed(Answer):
    client_fingerprint: Fingerprint


class BookedTransaction(Answer):
    approval_id: TransactionId
    state: HoldState
    time: Time
    receiver_id: ReceiverId
    recipient: Row | None
    amount: Amount | None
    currency: Currency | None
    reason: Annotated[int, Meta(ge=0, le=255)] | None
    transaction_id: TransactionId | None


class LatestTransactions(Answer):
    transactions: list[BookedTransaction]


class Alarm(Answer):
    """A finding that a person must look at."""

    id: Row
    kind: AlarmKind
    time: Time
    approval_id: TransactionId
    state: Annotated[HoldState, Meta(description="By now.")]
    receiver_id: ReceiverId
    amount: Amount | None


class Alarms(Answer):
    alarms: list[Alarm]


# For all callers.


class Health(Answer):
    status: Literal["ok"]
