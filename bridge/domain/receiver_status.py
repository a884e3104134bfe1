"""The health that a receiver reports, with its counters by reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.encoding import cbor
from receiver.errors import Error
from receiver.link import wire

from .phones import Phone

if TYPE_CHECKING:
    from collections.abc import Mapping


# Why a receiver started, by number in HELLO.
RESET_CAUSES = {
    value: name.removeprefix("RESET_").lower()
    for name, value in vars(wire).items()
    if name.startswith("RESET_")
}


class ReceiverHealth(NamedTuple):
    """`counters` by reason (`receiver.reasons`); `fault` is one, too."""

    uptime_s: int
    free_bytes: int
    links: int
    counters: Mapping[int, int]
    fault: int  # why it sells nothing until it is reset, or 0
    dropped: int  # messages that its line could not take


# The faults of a receiver in service mode: it obeys `service_wire` and sells nothing.
SERVICE_FAULTS = frozenset(
    (reasons.IN_SERVICE, reasons.CRASH_LOOP, reasons.OUT_OF_MEMORY, reasons.WRONG_IMAGE)
)


class UpdateProgress(NamedTuple):
    """The update of a receiver that is under way, or was the last one."""

    attempt: int  # counts from the bridge's start
    phase: str  # of `bridge.updates.update_states`
    release: int  # 0 until it is known which
    version: str
    offset: int  # bytes that the receiver has
    size: int
    outcome: str  # in the end, "" where nothing was tried
    reason: int


class ReceiverStatus(NamedTuple):
    """The current status of one receiver; `hello` and `health` are the latest."""

    till: int
    url: str
    up: bool
    hello: wire.ReceiverHello | None
    health: ReceiverHealth | None
    line: Mapping[str, int]
    refusals: Mapping[int, int]  # by reason
    release: int | None = None  # of its firmware, once the bridge knows it
    update: UpdateProgress | None = None
    update_waits: bool = False  # one is ordered
    phone: Phone = Phone.NONE  # what the phone that is furthest does


def is_in_service(hello: wire.ReceiverHello) -> bool:
    """Whether a receiver obeys the orders of service mode: it does not say who it is then."""
    return hello.fault in SERVICE_FAULTS and not any(hello.receiver_id)


def health(payload: bytes) -> ReceiverHealth:
    """Decode a HEALTH message; raises Error if it or its counters cannot be read."""
    said: wire.Health = wire.decode(wire.HEALTH, payload)
    counters = cbor.decode(said.counters) if said.counters else {}
    if not isinstance(counters, dict):
        raise Error(reasons.MALFORMED, "health counters")
    named = {code: n for code, n in counters.items() if isinstance(n, int)}
    if len(named) < len(counters):
        raise Error(reasons.MALFORMED, "health counters")
    return ReceiverHealth(said.uptime, said.free, said.links, named, said.fault, said.dropped)
