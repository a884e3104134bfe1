"""List every signed message, key by key (design §3.3). Times are seconds since 1970."""

from __future__ import annotations

from typing import NamedTuple

from receiver.encoding.schema import attached, blob, confirmation, fixed, phone_key, text, uint

from .gatt import OFFER_MOST
from .padding import APPROVAL_MOST, CREDENTIAL_MOST, ENC_SIZE
from .signed import (
    AUTHORITY_KID_SIZE,
    ID_SIZE,
    ROLE_CREDENTIAL,
    ROLE_RECEIPT,
    ROLE_RECEIVER,
    ROLE_STATE,
    Kind,
)

VERSION = 1
VERSION_MOST = 23  # one byte on air: an approval has no room for more
RECEIVER_ID_SIZE = 8
REFERENCE_SIZE = 8
HASH_SIZE = 32
OFFER_KID_SIZE = 8
TTL_MOST_S = 120  # of an offer: longer than a buyer needs at a till
NEW_OFFERS_MOST = 3  # in one sale, after declines that the buyer can mend (design §3.4)
STORE_NAME_MOST = 40  # bytes: two lines on a phone
ISSUER_MOST = 32  # bytes: a name for people
CURRENCY_MOST = 999  # ISO 4217 numbers have three digits
TILL_MOST = 0xFFFF  # two bytes on the air

PURCHASE = 0
REFUND = 1

# Outcomes of a receipt.
APPROVED = 1
DECLINED = 2
NO_TRANSACTION = bytes(ID_SIZE)  # in a declined receipt, where nothing was booked

Certificate = NamedTuple(
    "Certificate",
    [
        ("issuer", str),
        ("receiver_id", bytes),
        ("expires", int),
        ("issued", int),
        ("key", bytes),
        ("store", int),
        ("store_name", str),
        ("invoice_issuer", int),
        ("currency", int),
    ],
)
CERTIFICATE = Kind(
    "certificate",
    ROLE_RECEIVER,
    AUTHORITY_KID_SIZE,
    (
        text(1, "issuer", ISSUER_MOST),
        fixed(2, "receiver_id", RECEIVER_ID_SIZE),
        uint(4, "expires"),
        uint(6, "issued"),
        confirmation(8, "key"),
        uint(-1, "store"),
        text(-2, "store_name", STORE_NAME_MOST),
        uint(-3, "invoice_issuer"),
        uint(-4, "currency", 1, CURRENCY_MOST),
    ),
    Certificate,
)

Offer = NamedTuple(
    "Offer",
    [
        ("version", int),
        ("sequence", int),
        ("amount", int),
        ("currency", int),
        ("till", int),
        ("issued", int),
        ("ttl", int),
        ("ephemeral", bytes),
        ("reference", bytes),
        ("kind", int),
        ("original", bytes),  # the transaction that a refund gives back, b"" in a purchase
    ],
)
OFFER = Kind(
    "offer",
    0,
    OFFER_KID_SIZE,
    (
        uint(1, "version", 0, VERSION_MOST),
        uint(2, "sequence"),
        uint(3, "amount", 1),
        uint(4, "currency", 1, CURRENCY_MOST),
        uint(5, "till", 0, TILL_MOST),
        uint(6, "issued"),
        uint(7, "ttl", 1, TTL_MOST_S),
        fixed(8, "ephemeral", 32),
        fixed(9, "reference", REFERENCE_SIZE),
        uint(10, "kind", PURCHASE, REFUND),
        attached(11, "original", ID_SIZE),
    ),
    Offer,
)

Credential = NamedTuple(
    "Credential",
    [
        ("expires", int),
        ("not_before", int),
        ("id", bytes),
        ("key", bytes),
        ("offline_floor", int),
        ("recipient", int),
        ("least_app", int),
    ],
)
CREDENTIAL = Kind(
    "credential",
    ROLE_CREDENTIAL,
    AUTHORITY_KID_SIZE,
    (
        uint(4, "expires"),
        uint(5, "not_before"),
        fixed(7, "id", 8),
        phone_key(8, "key"),
        uint(-1, "offline_floor"),
        uint(-3, "recipient"),
        uint(-4, "least_app"),
    ),
    Credential,
)

Approval = NamedTuple(
    "Approval",
    [
        ("version", int),
        ("counter", int),
        ("amount", int),
        ("currency", int),
        ("recipient", int),
        ("time", int),
        ("app", int),
        ("proof", bytes),
    ],
)
APPROVAL = Kind(
    "approval",
    0,
    0,
    (
        uint(1, "version", 0, VERSION_MOST),
        uint(2, "counter"),
        uint(3, "amount", 1),
        uint(4, "currency", 1, CURRENCY_MOST),
        uint(5, "recipient"),
        uint(6, "time"),
        uint(7, "app"),
        fixed(8, "proof", 16),
    ),
    Approval,
)

Receipt = NamedTuple(
    "Receipt",
    [
        ("version", int),
        ("outcome", int),
        ("approval_id", bytes),
        ("amount", int),
        ("currency", int),
        ("transaction_id", bytes),
        ("time", int),
        ("store", int),
        ("till", int),
        ("reason", int),
    ],
)
RECEIPT = Kind(
    "receipt",
    ROLE_RECEIPT,
    AUTHORITY_KID_SIZE,
    (
        uint(1, "version", 0, VERSION_MOST),
        uint(2, "outcome", APPROVED, DECLINED),
        fixed(3, "approval_id", ID_SIZE),
        uint(4, "amount", 1),
        uint(5, "currency", 1, CURRENCY_MOST),
        fixed(6, "transaction_id", ID_SIZE),
        uint(7, "time"),
        uint(8, "store"),
        uint(9, "till", 0, TILL_MOST),
        uint(10, "reason", 0, 255),
    ),
    Receipt,
)

# The receiver's receipt while the authority is unreachable: the same keys, less those that
# only the authority can state.
Provisional = NamedTuple(
    "Provisional",
    [
        ("version", int),
        ("approval_id", bytes),
        ("amount", int),
        ("currency", int),
        ("time", int),
        ("store", int),
        ("till", int),
    ],
)
PROVISIONAL = Kind(
    "provisional",
    0,
    OFFER_KID_SIZE,
    (
        uint(1, "version", 0, VERSION_MOST),
        fixed(3, "approval_id", ID_SIZE),
        uint(4, "amount", 1),
        uint(5, "currency", 1, CURRENCY_MOST),
        uint(7, "time"),
        uint(8, "store"),
        uint(9, "till", 0, TILL_MOST),
    ),
    Provisional,
)

State = NamedTuple(
    "State",
    [
        ("version", int),
        ("receiver_id", bytes),
        ("nonce", bytes),
        ("time", int),
        ("least_protocol", int),
        ("least_app", int),
        ("offline_floor", int),
        ("offline_total", int),
        ("offline_count", int),
        ("offline_hours", int),
        ("revocations", bytes),
    ],
)
STATE = Kind(
    "state",
    ROLE_STATE,
    AUTHORITY_KID_SIZE,
    (
        uint(1, "version"),
        fixed(2, "receiver_id", RECEIVER_ID_SIZE),
        fixed(3, "nonce", 16),
        uint(4, "time"),
        uint(5, "least_protocol"),
        uint(6, "least_app"),
        uint(7, "offline_floor"),
        uint(8, "offline_total"),
        uint(9, "offline_count"),
        uint(10, "offline_hours"),
        fixed(11, "revocations", HASH_SIZE),
    ),
    State,
)

# The unsigned bundle that the bridge hands to the authority.
ONLINE = 0
OFFLINE = 1  # accepted by the bridge, under floors that the authority had set
Record = NamedTuple(
    "Record",
    [
        ("certificate_hash", bytes),
        ("offer", bytes),
        ("enc", bytes),
        ("credential", bytes),
        ("approval", bytes),
        ("mode", int),
        ("accepted", int),
    ],
)
RECORD = (
    fixed(1, "certificate_hash", HASH_SIZE),
    blob(2, "offer", OFFER_MOST),
    fixed(3, "enc", ENC_SIZE),
    blob(4, "credential", CREDENTIAL_MOST),
    blob(5, "approval", APPROVAL_MOST),
    uint(6, "mode", ONLINE, OFFLINE),
    uint(7, "accepted"),
)
