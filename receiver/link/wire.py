"""Define the messages between receiver and bridge: a channel and a CBOR map each (design §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver.encoding import schema
from receiver.encoding.schema import blob, fixed, text, uint
from receiver.errors import Error
from receiver.protocol import messages
from receiver.protocol.gatt import CERTIFICATE_MOST, OFFER_MOST
from receiver.protocol.messages import (
    CURRENCY_MOST,
    HASH_SIZE,
    RECEIVER_ID_SIZE,
    REFERENCE_SIZE,
    TILL_MOST,
)
from receiver.protocol.padding import APPROVAL_MOST, CREDENTIAL_MOST, ENC_SIZE, RECEIPT_MOST
from receiver.protocol.signed import ID_SIZE
from receiver.reasons import WRONG_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from receiver.encoding.schema import Field

PROTOCOL = 1
NONCE_SIZE = 16
COUNTERS_MOST = 640  # every reason, each with its largest count
HEALTH_MS = 30_000  # a receiver reports this often; a bridge that misses two reports hangs up
BOARD_MOST = 24  # bytes of a board's name: with all else in HELLO, one frame holds them
CRASHES_MOST = 255  # one byte says enough: after a few the receiver sells no more
TRACEBACK_MOST = 512  # the loader keeps 400 characters
LINK_MOST = 0x0EFF  # connection handles end there, Core 5.4 Vol 4 Part E 5.4.2

_REASON = (0, 255)

# Bridge to receiver.
OPEN = 1
CANCEL = 2
RESULT = 3
STATE = 4
CERTIFICATE = 5
IDENTIFY = 6
STAND_IN = 7
RESTART = 8
# Receiver to bridge.
SYNC = 16
OFFER = 17
PHONE = 18
CREDENTIAL = 19
APPROVAL = 20
HEALTH = 21
PROVISIONAL = 22
TRACEBACK = 23  # of the last crash, to the first bridge after it
# Both ways: the receiver's verdict on an approval, and the bridge's where it refuses one.
VERDICT = 32

# Phone events (the till may show them; they decide nothing).
PHONE_SHOWN = 1
PHONE_LEFT = 2
PHONE_REFUSED = 3
PHONE_GONE = 4
PHONE_NEAR = 5  # its link is usable, with or without a sale

# Why the chip started (HELLO).
RESET_POWER = 1
RESET_SOFT = 2  # by a technician at the prompt
RESET_WATCHDOG = 3  # the loop, or a start, hung
RESET_OTHER = 4
RESET_PLANNED = 5  # by the firmware, for no fault
RESET_CRASH = 6  # after an exception that nothing caught
RESET_BROWN_OUT = 7  # the supply sagged
RESET_UPDATE = 8  # to try other firmware
RESET_PANIC = 9  # of the interpreter or the system below it

# The receiver's HELLO when a link comes up.
ReceiverHello = NamedTuple(
    "ReceiverHello",
    [
        ("least", int),
        ("most", int),
        ("receiver_id", bytes),
        ("board", str),
        ("interpreter", str),
        ("interpreter_version", str),
        ("firmware", str),
        ("firmware_hash", bytes),
        ("reset_cause", int),
        ("nonce", bytes),
        ("fault", int),  # why it sells nothing until it is reset, or 0
        ("crashes", int),  # starts in a row that ended in a crash
    ],
)
RECEIVER_HELLO = (
    uint(1, "least", 1, 255),
    uint(2, "most", 1, 255),
    fixed(3, "receiver_id", RECEIVER_ID_SIZE),
    text(4, "board", BOARD_MOST),
    text(5, "interpreter", 16),
    text(6, "interpreter_version", 24),
    text(7, "firmware", 24),
    fixed(8, "firmware_hash", 8),
    uint(9, "reset_cause", RESET_POWER, RESET_PANIC),
    fixed(10, "nonce", NONCE_SIZE),
    uint(11, "fault", *_REASON),
    uint(12, "crashes", 0, CRASHES_MOST),
)
BridgeHello = NamedTuple(
    "BridgeHello", [("least", int), ("most", int), ("bridge_id", bytes), ("till", int)]
)
BRIDGE_HELLO = (
    uint(1, "least", 1, 255),
    uint(2, "most", 1, 255),
    fixed(3, "bridge_id", 8),
    uint(4, "till", 0, TILL_MOST),  # advertised before the first sale too: phones check in
)

Open = NamedTuple(
    "Open",
    [
        ("reference", bytes),
        ("kind", int),
        ("amount", int),
        ("currency", int),
        ("till", int),
        ("ttl", int),
        ("original", bytes),  # the transaction that a refund gives back, b"" for a purchase
    ],
)
Cancel = NamedTuple("Cancel", [("reference", bytes), ("reason", int)])
Result = NamedTuple("Result", [("session", bytes), ("receipt", bytes)])
Blob = NamedTuple("Blob", [("data", bytes)])
Identify = NamedTuple("Identify", [("seconds", int)])
# Start anew: try the firmware in the first or second slot, or (0) stay in the same one; to sell, or
# (`service` is 1) in service mode (`service_wire`).
Restart = NamedTuple("Restart", [("slot", int), ("service", int)])
# Accept this approval offline, as of `time`; answered by a provisional receipt or a verdict.
StandIn = NamedTuple("StandIn", [("session", bytes), ("approval_id", bytes), ("time", int)])
ProvisionalRecord = NamedTuple("ProvisionalRecord", [("session", bytes), ("receipt", bytes)])
# OFFER answers OPEN, and SYNC every new bridge: the open session, or an empty offer with a reason.
Opened = NamedTuple("Opened", [("reference", bytes), ("offer", bytes), ("reason", int)])
Phone = NamedTuple("Phone", [("session", bytes), ("link", int), ("event", int), ("reason", int)])
CredentialRecord = NamedTuple(
    "CredentialRecord",
    [("link", int), ("certificate_hash", bytes), ("offer", bytes), ("enc", bytes), ("data", bytes)],
)
ApprovalRecord = NamedTuple("ApprovalRecord", [("session", bytes), ("link", int), ("data", bytes)])
Verdict = NamedTuple("Verdict", [("session", bytes), ("approval_id", bytes), ("reason", int)])
# `fault`: as in HELLO. `dropped`: messages that the line could not take.
Health = NamedTuple(
    "Health",
    [
        ("uptime", int),
        ("free", int),
        ("links", int),
        ("counters", bytes),
        ("fault", int),
        ("dropped", int),
    ],
)

_SESSION = fixed(1, "session", HASH_SIZE)
_APPROVAL_ID = fixed(2, "approval_id", ID_SIZE)
_SESSION_OPEN = (
    blob(1, "reference", REFERENCE_SIZE),
    blob(2, "offer", OFFER_MOST),
    uint(3, "reason", *_REASON),
)

Layout = NamedTuple("Layout", [("fields", "tuple[Field, ...]"), ("make", "Callable[..., Any]")])

LAYOUTS = {
    OPEN: Layout(
        (
            fixed(1, "reference", REFERENCE_SIZE),
            uint(2, "kind", messages.PURCHASE, messages.REFUND),
            uint(3, "amount", 1),
            uint(4, "currency", 1, CURRENCY_MOST),
            uint(5, "till", 0, TILL_MOST),
            uint(6, "ttl", 1, messages.TTL_MOST_S),
            blob(7, "original", ID_SIZE),
        ),
        Open,
    ),
    CANCEL: Layout((fixed(1, "reference", REFERENCE_SIZE), uint(2, "reason", *_REASON)), Cancel),
    RESULT: Layout((_SESSION, blob(2, "receipt", RECEIPT_MOST)), Result),
    STATE: Layout((blob(1, "data", CERTIFICATE_MOST),), Blob),
    CERTIFICATE: Layout((blob(1, "data", CERTIFICATE_MOST),), Blob),
    IDENTIFY: Layout((uint(1, "seconds", 1, 60),), Identify),
    RESTART: Layout((uint(1, "slot", 0, 2), uint(2, "service", 0, 1)), Restart),
    STAND_IN: Layout((_SESSION, _APPROVAL_ID, uint(3, "time")), StandIn),
    PROVISIONAL: Layout((_SESSION, blob(2, "receipt", RECEIPT_MOST)), ProvisionalRecord),
    SYNC: Layout(_SESSION_OPEN, Opened),
    OFFER: Layout(_SESSION_OPEN, Opened),
    PHONE: Layout(
        (
            blob(1, "session", HASH_SIZE),
            uint(2, "link", 0, LINK_MOST),
            uint(3, "event", PHONE_SHOWN, PHONE_NEAR),
            uint(4, "reason", *_REASON),
        ),
        Phone,
    ),
    CREDENTIAL: Layout(
        (
            uint(1, "link", 0, LINK_MOST),
            fixed(2, "certificate_hash", HASH_SIZE),
            blob(3, "offer", OFFER_MOST),
            fixed(4, "enc", ENC_SIZE),
            blob(5, "data", CREDENTIAL_MOST),
        ),
        CredentialRecord,
    ),
    APPROVAL: Layout(
        (_SESSION, uint(2, "link", 0, LINK_MOST), blob(3, "data", APPROVAL_MOST)), ApprovalRecord
    ),
    VERDICT: Layout((_SESSION, _APPROVAL_ID, uint(3, "reason", *_REASON)), Verdict),
    TRACEBACK: Layout((blob(1, "data", TRACEBACK_MOST),), Blob),
    # `counters`: one CBOR map of reason code → how often, as bytes (keys vary).
    HEALTH: Layout(
        (
            uint(1, "uptime"),
            uint(2, "free"),
            uint(3, "links", 0, 255),
            blob(4, "counters", COUNTERS_MOST),
            uint(5, "fault", *_REASON),
            uint(6, "dropped"),
        ),
        Health,
    ),
}


def encode(channel: int, value: Any) -> bytes:
    """Encode the payload of `value` on `channel`."""
    return schema.encode(LAYOUTS[channel].fields, value)


def decode(channel: int, payload: bytes) -> Any:
    """Decode the namedtuple on `channel`; raise Error, also for an unknown channel."""
    row = LAYOUTS.get(channel)
    if row is None:
        raise Error(WRONG_TYPE, "channel %d" % channel)
    return schema.decode(row.fields, payload, row.make)
