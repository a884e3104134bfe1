"""Rules of staging: who is in a release's share, and when failures stop it. No I/O."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

PERCENT = 100
_RELEASE_BYTES = 8


def is_in_share(receiver_id: bytes, release: int, share: int) -> bool:
    """Whether a receiver is among the first `share` percent: the same ones at every question.

    A growing share only adds receivers, and each release begins with others.
    """
    hashed = sha256(receiver_id + release.to_bytes(_RELEASE_BYTES, "big")).digest()
    return int.from_bytes(hashed, "big") % PERCENT < share


class Reports(NamedTuple):
    """The latest reports on a release, one for each receiver."""

    installed: int
    failed: int
    went_back: int

    def are_too_bad(self, stop_at: int, least_reports: int) -> bool:
        """Whether of enough reports `stop_at` percent or more failed."""
        bad, reports = self.failed + self.went_back, sum(self)
        return reports >= least_reports and bad * PERCENT >= stop_at * reports
