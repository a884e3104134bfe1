"""When each step of a sale happened, on the monotonic clock: what the bench reads."""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OFFER = "offer"
APPROVAL_RECEIVED = "approval_received"
APPROVAL_KEPT = "approval_kept"
VERDICT_RECEIVED = "verdict_received"
AUTHORISE_SENT = "authorise_sent"
AUTHORISE_ANSWERED = "authorise_answered"
TOLD = "told"

# What the bridge itself spends from an approval to the told till: not what it waits for on the
# serial line (the receiver's verdict) and at the authority.
OWN = (
    (APPROVAL_RECEIVED, APPROVAL_KEPT),
    (VERDICT_RECEIVED, AUTHORISE_SENT),
    (AUTHORISE_ANSWERED, TOLD),
)
SALES_MOST = 1000  # the latest; nobody asks for older ones


def own_share(steps: Mapping[str, float]) -> float | None:
    """Seconds of the bridge's own work in one sale; None if a step is missing."""
    try:
        return sum(steps[end] - steps[begin] for begin, end in OWN)
    except KeyError:
        return None


class Stamps:
    """Seconds by step, for the latest sales; a later approval overwrites an earlier one's."""

    def __init__(self) -> None:
        self._sales: OrderedDict[str, dict[str, float]] = OrderedDict()

    def mark(self, sale_id: str, step: str, at: float | None = None) -> None:
        if sale_id not in self._sales and len(self._sales) >= SALES_MOST:
            self._sales.popitem(last=False)
        self._sales.setdefault(sale_id, {})[step] = monotonic() if at is None else at

    def of(self, sale_id: str) -> dict[str, float]:
        return self._sales.get(sale_id, {})
