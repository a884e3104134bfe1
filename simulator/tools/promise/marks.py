"""The phone's steps as marks: a write is one when it is handed over and when it is acknowledged."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.phone.app.visit import Step

from .record import PHONE, Mark


def marks(step: Step) -> Iterator[Mark]:
    """Yield the marks of a step of the phone."""
    acknowledged = step.details.get("acknowledged")
    if acknowledged is None:
        yield Mark(PHONE, step.name, step.at)
        return
    yield Mark(PHONE, step.name.replace("_written", "_ready"), step.at)
    yield Mark(PHONE, step.name, acknowledged)
