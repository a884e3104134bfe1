"""Define UUIDs, sizes, limits and the advertisement (design §3.1, §3.2, §3.4)."""

from __future__ import annotations

from typing import NamedTuple

from receiver.errors import Error
from receiver.reasons import MALFORMED

# One random 128-bit family, made for this service. A changed table needs a new service UUID,
# because phones keep tables for good.
SERVICE = "7b1f0000-5c0e-4d2b-9a57-c1a91ad0c0de"
CERTIFICATE = "7b1f0001-5c0e-4d2b-9a57-c1a91ad0c0de"
OFFER = "7b1f0002-5c0e-4d2b-9a57-c1a91ad0c0de"
EXCHANGE = "7b1f0003-5c0e-4d2b-9a57-c1a91ad0c0de"

MTU = 247  # the receiver's answer: one LE data packet with length extension
MTU_LEAST = 185  # of the oldest phones in use
EXCHANGE_MOST = 182  # one notification or write at MTU 185
OFFER_MOST = 182  # one packet, like a message of the exchange
CERTIFICATE_MOST = 512  # the largest attribute value, Core 5.4 Vol 3 Part F 3.2.9
LINKS_MOST = 4  # of the chip's controller in stock images

ADVERTISE_OPEN_US = 20_000  # the shortest that Bluetooth allows: a buyer waits
ADVERTISE_IDLE_US = 150_000  # phones still find the till within a second

# Limits of one link, milliseconds (design §3.4).
MTU_MS = 5_000
KEY_MS = 10_000
CHECK_IN_MS = 60_000
LINK_MS = 120_000
GRACE_MS = 30_000
PLACE_MS = 2_000  # the slowest phones need this from connection to key, at an interval of 50 ms
# How long a refusal may wait for its key: a key agreement for each link, 70 ms each, behind
# the next phone's whole purchase; and no longer than a link without a key keeps its place.
PART_MS = 2_000
# How long the exchange of a lost link waits for its phone. Both ends learn of a loss by the
# supervision time-out, counted from the last packet each has heard (5 s on Android); one may know
# of it that much later than the other, and a phone then needs up to 2 s to connect and to ask.
RESUME_MS = 10_000

VERSION = 1
FLAG_OPEN = 1
FLAG_BUSY = 2
FLAG_REFUND = 4

_FLAGS = b"\x02\x01\x06"  # general discoverable, no classic Bluetooth
_SERVICES = 0x07  # complete list of 128-bit service UUIDs
_SHORT_NAME = 0x08
_SERVICE_DATA = 0x21  # service data, 128-bit UUID
_TAG_SIZE = 3

Advert = NamedTuple("Advert", [("version", int), ("flags", int), ("till", int), ("tag", bytes)])


def uuid_bytes(uuid: str) -> bytes:
    """Return the 16 bytes of `uuid` as sent, least significant first."""
    return bytes(reversed(bytes.fromhex(uuid.replace("-", ""))))


# The short name of a till, and of one with more than three digits.
NAME, NAME_CUT = "Till %d", "T %d"


def advertising_data(till: int) -> bytes:
    """Return the ADV_IND payload, at most 31 bytes: flags, service UUID, the till's short name."""
    # 31 bytes less flags, UUID list and its own head leave 8 for the name: no number is ever cut.
    name = ((NAME if till < 1000 else NAME_CUT) % till).encode()
    service = uuid_bytes(SERVICE)
    return _FLAGS + _structure(_SERVICES, service) + _structure(_SHORT_NAME, name)


def scan_response(flags: int, till: int, tag: bytes) -> bytes:
    """Return the SCAN_RSP payload; `tag` is SHA-256(offer)[0:3], zeros when idle."""
    return _structure(_SERVICE_DATA, uuid_bytes(SERVICE) + service_data(flags, till, tag))


def service_data(flags: int, till: int, tag: bytes) -> bytes:
    """Return the service data behind the UUID: version, flags, till number, tag."""
    return bytes([VERSION, flags]) + till.to_bytes(2, "big") + tag[:_TAG_SIZE]


def parse_service_data(data: bytes) -> Advert:
    """Parse `service_data`; everything in it is a hint."""
    if len(data) != 4 + _TAG_SIZE:
        raise Error(MALFORMED, "service data of %d bytes" % len(data))
    return Advert(data[0], data[1], int.from_bytes(data[2:4], "big"), bytes(data[4:]))


def _structure(kind: int, data: bytes) -> bytes:
    return bytes([1 + len(data), kind]) + data
