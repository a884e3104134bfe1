"""Steps of the phone and times of the bridge as marks of a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bridge.observability import timings
from simulator.phone.app.visit import Step

from .record import BRIDGE, PHONE, TILL, Mark

_OF_A_BRIDGE = {
    timings.APPROVAL_RECEIVED: (BRIDGE, "approval_received"),
    timings.AUTHORISE_SENT: (BRIDGE, "authority_asked"),
    timings.AUTHORISE_ANSWERED: (BRIDGE, "authority_answered"),
    timings.VERDICT_RECEIVED: (BRIDGE, "verdict_received"),
    timings.TOLD: (TILL, "approved"),
}


def of_phone(step: Step) -> Iterator[Mark]:
    """Yield the marks of a step; a write is two, handed over ("_ready") and acknowledged."""
    acknowledged = step.details.get("acknowledged")
    if acknowledged is None:
        yield Mark(PHONE, step.name, step.at)
        return
    yield Mark(PHONE, step.name.replace("_written", "_ready"), step.at)
    yield Mark(PHONE, step.name, acknowledged)


def of_bridge(stamps: Mapping[str, float], shift: float = 0.0) -> Iterator[Mark]:
    """Yield the marks of a sale's times, moved by so many seconds to the record's clock."""
    for step, (by, name) in _OF_A_BRIDGE.items():
        if step in stamps:
            yield Mark(by, name, stamps[step] + shift)


def waited_s(stamps: Mapping[str, float]) -> float:
    """Return how much sooner it would be approved if the authority needed no time at all.

    It is asked while the receiver verifies: what it needs until then costs nothing.
    """
    sent, answered = (stamps.get(step) for step in timings.AUTHORITY)
    if sent is None or answered is None:
        return 0.0
    return max(0.0, answered - max(sent, stamps.get(timings.VERDICT_RECEIVED, sent)))
