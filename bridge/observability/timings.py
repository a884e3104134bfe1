"""The time of each step of a sale, on the monotonic clock, for the bench."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OFFER = "offer"
APPROVAL_RECEIVED = "approval_received"
APPROVAL_KEPT = "approval_kept"
AUTHORISE_SENT = "authorise_sent"
AUTHORISE_ANSWERED = "authorise_answered"
VERDICT_RECEIVED = "verdict_received"
TOLD = "told"

# Two waits that overlap: neither is the bridge's own work, and the longer one counts.
VERDICT = (APPROVAL_RECEIVED, VERDICT_RECEIVED)  # the receiver verifies and sends its verdict
AUTHORITY = (AUTHORISE_SENT, AUTHORISE_ANSWERED)
_WORDS = (VERDICT_RECEIVED, AUTHORISE_ANSWERED)
SALES_MOST = 1000  # the latest; older ones are not used


def span(steps: Mapping[str, float], between: tuple[str, str]) -> float | None:
    """Return seconds from one step to another; None if a step is missing."""
    begin, end = between
    return steps[end] - steps[begin] if begin in steps and end in steps else None


def waiting(steps: Mapping[str, float]) -> float | None:
    """Return seconds in which the bridge only waits: from asking to the later answer."""
    if AUTHORISE_SENT not in steps or not steps.keys() >= set(_WORDS):
        return None
    return max(steps[word] for word in _WORDS) - steps[AUTHORISE_SENT]


def own_share(steps: Mapping[str, float]) -> float | None:
    """Return seconds of the bridge's own work from approval to notified till; None as in `span`."""
    whole, waited = span(steps, (APPROVAL_RECEIVED, TOLD)), waiting(steps)
    return None if whole is None or waited is None else whole - waited


class Stamps:
    """Seconds by step, for the latest sales; a later approval overwrites an earlier one's."""

    def __init__(self) -> None:
        self._sales: OrderedDict[str, dict[str, float]] = OrderedDict()

    def mark(self, sale_id: str, step: str, at: float | None = None) -> None:
        if sale_id not in self._sales and len(self._sales) >= SALES_MOST:
            self._sales.popitem(last=False)
        self._sales.setdefault(sale_id, {})[step] = time.monotonic() if at is None else at

    def of(self, sale_id: str) -> dict[str, float]:
        return self._sales.get(sale_id, {})
