"""Define the messages to and from a receiver in service mode (docs/wire.md): it sells nothing then.

A technician's program or the bridge orders it by RESTART. In this mode a receiver also obeys
RESTART and refuses OPEN; it knows no other message of `wire`. They are apart from `wire`, as a
receiver that sells has no memory for what it never reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver.encoding import schema
from receiver.encoding.schema import blob, fixed, text, uint
from receiver.errors import Error
from receiver.protocol.enrolment import CHALLENGE_SIZE, PINS_MOST
from receiver.protocol.firmware import BOARD_CLASS_MOST, MANIFEST_MOST
from receiver.protocol.gatt import CERTIFICATE_MOST
from receiver.protocol.messages import TILL_MOST
from receiver.reasons import WRONG_TYPE

from .wire import Blob, Layout

if TYPE_CHECKING:
    from typing import Any

CHUNK_MOST = 1920  # bytes of firmware in one message of the link (2,048)

_REASON = (0, 255)

# To the receiver.
READ = 9
ENROL = 10
INSTALL = 11
FACTORY_RESET = 12
SELF_TEST = 13
UPDATE = 14
CHUNK = 15
# From the receiver.
IDENTITY = 24
ENROLMENT = 25
INSTALLED = 26
TESTED = 27
PROGRESS = 28
ORDER_REFUSED = 29

Read = NamedTuple("Read", [])  # answered by IDENTITY
Enrol = NamedTuple("Enrol", [("challenge", bytes)])  # make a key; answered by ENROLMENT
# Take everything that enrolment gives at once, or nothing; answered by INSTALLED.
Install = NamedTuple(
    "Install", [("certificate", bytes), ("pins", bytes), ("till", int), ("least_release", int)]
)
FactoryReset = NamedTuple("FactoryReset", [])  # with the button held; answered by IDENTITY
SelfTest = NamedTuple("SelfTest", [])
# UPDATE begins or resumes with a signed manifest, and is answered by PROGRESS: where to go on. The
# last CHUNK is answered by PROGRESS once everything is read back and verified.
Chunk = NamedTuple("Chunk", [("offset", int), ("data", bytes)])
# What is not secret of a receiver's store: empty or 0 before enrolment. `release`: of the running
# firmware, `least_release`: the least that an update may have.
Identity = NamedTuple(
    "Identity",
    [
        ("certificate", bytes),
        ("pins", bytes),
        ("till", int),
        ("release", int),
        ("least_release", int),
        ("board_class", str),
        ("button", int),  # 1 while it is held
    ],
)
# Times in milliseconds; `reason` is of the first thing that failed.
Tested = NamedTuple(
    "Tested",
    [
        ("sign", int),  # Ed25519
        ("check", int),  # Ed25519, key preparation and check
        ("phone", int),  # P-256, the same
        ("agree", int),  # X25519
        ("store", int),  # one value written and read back
        ("free", int),  # bytes of the heap
        ("largest", int),  # its largest piece in bytes
        ("radio", int),  # 1 if it came up
        ("reason", int),
    ],
)
# Of a manifest: where to go on, and in which slot the firmware is written. At the end `offset` is
# the size of the whole and `verified` 1; `reason` says why it is refused.
Progress = NamedTuple(
    "Progress",
    [("release", int), ("slot", int), ("offset", int), ("verified", int), ("reason", int)],
)
OrderRefused = NamedTuple("OrderRefused", [("channel", int), ("reason", int)])  # an order, and why

LAYOUTS = {
    READ: Layout((), Read),
    ENROL: Layout((fixed(1, "challenge", CHALLENGE_SIZE),), Enrol),
    INSTALL: Layout(
        (
            blob(1, "certificate", CERTIFICATE_MOST, 1),
            blob(2, "pins", PINS_MOST, 1),
            uint(3, "till", 0, TILL_MOST),
            uint(4, "least_release"),
        ),
        Install,
    ),
    FACTORY_RESET: Layout((), FactoryReset),
    SELF_TEST: Layout((), SelfTest),
    UPDATE: Layout((blob(1, "data", MANIFEST_MOST, 1),), Blob),
    CHUNK: Layout((uint(1, "offset"), blob(2, "data", CHUNK_MOST, 1)), Chunk),
    IDENTITY: Layout(
        (
            blob(1, "certificate", CERTIFICATE_MOST),
            blob(2, "pins", PINS_MOST),
            uint(3, "till", 0, TILL_MOST),
            uint(4, "release"),
            uint(5, "least_release"),
            text(6, "board_class", BOARD_CLASS_MOST),
            uint(7, "button", 0, 1),
        ),
        Identity,
    ),
    ENROLMENT: Layout((blob(1, "data", CERTIFICATE_MOST, 1),), Blob),
    INSTALLED: Layout((blob(1, "data", CERTIFICATE_MOST, 1),), Blob),
    TESTED: Layout(
        (
            uint(1, "sign"),
            uint(2, "check"),
            uint(3, "phone"),
            uint(4, "agree"),
            uint(5, "store"),
            uint(6, "free"),
            uint(7, "largest"),
            uint(8, "radio", 0, 1),
            uint(9, "reason", *_REASON),
        ),
        Tested,
    ),
    PROGRESS: Layout(
        (
            uint(1, "release"),
            uint(2, "slot", 0, 2),
            uint(3, "offset"),
            uint(4, "verified", 0, 1),
            uint(5, "reason", *_REASON),
        ),
        Progress,
    ),
    ORDER_REFUSED: Layout((uint(1, "channel", 0, 255), uint(2, "reason", *_REASON)), OrderRefused),
}


def encode(channel: int, value: Any) -> bytes:
    """Encode the payload of `value` on `channel`."""
    return schema.encode(LAYOUTS[channel].fields, value)


def decode(channel: int, payload: bytes) -> Any:
    """Decode the namedtuple on `channel`; raise Error, also for a channel of another mode."""
    row = LAYOUTS.get(channel)
    if row is None:
        raise Error(WRONG_TYPE, "channel %d" % channel)
    return schema.decode(row.fields, payload, row.make)
