"""What a receiver signs at its enrolment, and what it keeps of it (docs/enrolment.md).

The receiver makes a key, and signs a request under the authority's challenge: that proves that it
has the key. It signs again what it has stored.
"""

from __future__ import annotations

from typing import NamedTuple

from receiver.encoding import cose
from receiver.encoding.schema import blob, confirmation, fixed, text, uint

from .gatt import CERTIFICATE_MOST
from .messages import HASH_SIZE, TILL_MOST
from .signed import Kind

VERSION = 1
CHALLENGE_SIZE = 16
HARDWARE_MOST = 16  # bytes that tell one chip from another: six on an ESP32
BOARD_NAME_MOST = 24  # bytes, as in HELLO
FIRMWARE_HASH_SIZE = 8  # as in HELLO
SEED_SIZE = 32
PINS_MOST = 512  # as in INSTALL
SIGNER = 0  # no role of the authority: the receiver's own key

Request = NamedTuple(
    "Request",
    [
        ("version", int),
        ("challenge", bytes),
        ("key", bytes),
        ("hardware", bytes),
        ("board", str),
        ("firmware_hash", bytes),
    ],
)
REQUEST = Kind(
    cose.ENROLMENT,
    SIGNER,
    0,
    (
        uint(1, "version", VERSION, VERSION),
        fixed(2, "challenge", CHALLENGE_SIZE),
        confirmation(3, "key"),
        blob(4, "hardware", HARDWARE_MOST, 1),
        text(5, "board", BOARD_NAME_MOST),
        fixed(6, "firmware_hash", FIRMWARE_HASH_SIZE),
    ),
    Request,
)

# The echo: hashes (SHA-256) of what is in the store after INSTALL.
Installed = NamedTuple(
    "Installed",
    [
        ("version", int),
        ("challenge", bytes),
        ("certificate_hash", bytes),
        ("pins_hash", bytes),
        ("till", int),
        ("least_release", int),
    ],
)
INSTALLED = Kind(
    cose.INSTALLED,
    SIGNER,
    0,
    (
        uint(1, "version", VERSION, VERSION),
        fixed(2, "challenge", CHALLENGE_SIZE),
        fixed(3, "certificate_hash", HASH_SIZE),
        fixed(4, "pins_hash", HASH_SIZE),
        uint(5, "till", 0, TILL_MOST),
        uint(6, "least_release"),
    ),
    Installed,
)

# One value in the store, so that a power cut leaves the old enrolment or the new one.
Stored = NamedTuple(
    "Stored",
    [
        ("seed", bytes),
        ("certificate", bytes),
        ("pins", bytes),
        ("till", int),
        ("least_release", int),
    ],
)
STORED = (
    fixed(1, "seed", SEED_SIZE),
    blob(2, "certificate", CERTIFICATE_MOST),
    blob(3, "pins", PINS_MOST),
    uint(4, "till", 0, TILL_MOST),
    uint(5, "least_release"),
)
STORED_NAME = "enrolment"  # in the store
STORED_MOST = SEED_SIZE + CERTIFICATE_MOST + PINS_MOST + 32  # bytes of it, with the heads of CBOR

# A key that is not in use yet: INSTALL puts it to use.
Pending = NamedTuple("Pending", [("challenge", bytes), ("seed", bytes)])
PENDING = (fixed(1, "challenge", CHALLENGE_SIZE), fixed(2, "seed", SEED_SIZE))
PENDING_NAME = "pending"
