"""When each step of a sale happened, on the monotonic clock: what the bench reads."""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic

OFFER = "offer"
APPROVAL_RECEIVED = "approval_received"
AUTHORISE_SENT = "authorise_sent"
AUTHORISE_ANSWERED = "authorise_answered"
TOLD = "told"

SALES_MOST = 1000  # the latest; nobody asks for older ones


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

    def own_share(self, sale_id: str) -> float | None:
        """Seconds from approval to told till, less the authority's; None if a step is missing."""
        steps = self.of(sale_id)
        try:
            away = steps[AUTHORISE_ANSWERED] - steps[AUTHORISE_SENT]
            return steps[TOLD] - steps[APPROVAL_RECEIVED] - away
        except KeyError:
            return None
