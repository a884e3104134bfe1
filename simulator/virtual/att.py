"""What the two hosts of a link send each other, as values: no bytes are spent on the way."""

from __future__ import annotations

from typing import NamedTuple

HEADER = 7  # bytes of L2CAP and ATT in front of a value (Vol 3 Part A 3.1, Part F 3.4)


class MtuRequest(NamedTuple):
    mtu: int


class MtuResponse(NamedTuple):
    mtu: int


class Discovery(NamedTuple):
    """Any request of a discovery, or its response."""


class ReadRequest(NamedTuple):
    handle: int
    offset: int


class ReadResponse(NamedTuple):
    value: bytes


class WriteRequest(NamedTuple):
    handle: int
    value: bytes


class WriteCommand(NamedTuple):
    handle: int
    value: bytes


class WriteResponse(NamedTuple):
    error: int


class Notification(NamedTuple):
    handle: int
    value: bytes


class Terminate(NamedTuple):
    """LL_TERMINATE_IND."""


Response = MtuResponse | Discovery | ReadResponse | WriteResponse
Packet = (
    MtuRequest | ReadRequest | WriteRequest | WriteCommand | Response | Notification | Terminate
)

_DISCOVERY = 30  # bytes: a request or response of a discovery, about


def size(packet: Packet) -> int:
    """Return the bytes of a packet's payload on the air."""
    if isinstance(packet, Discovery):
        return _DISCOVERY
    if isinstance(packet, ReadResponse | WriteRequest | WriteCommand | Notification):
        return HEADER + len(packet.value)
    return HEADER
