"""How often each reason was met."""

from __future__ import annotations

from collections import Counter

from receiver import reasons


class Counters:
    """Counts by reason name."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def count(self, reason: int) -> None:
        self._counts[reasons.name(reason)] += 1

    def snapshot(self) -> dict[str, int]:
        return dict(sorted(self._counts.items()))
