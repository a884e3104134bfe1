"""This terminal's clock beside the authority's, whose answers are dated (RFC 9110 §6.6.1)."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from receiver import reasons

from .logs import Log

# Further apart nothing is sold offline (`bridge.money.offline.CLOCKS_S`), and beyond five times
# that the authority books nothing; a date of whole seconds in a slow answer is far from it.
WRONG_S = 120

# What the authority says where the real cause may be this terminal's clock.
_OF_TIME = (
    reasons.OFFER_EXPIRED,
    reasons.CREDENTIAL_EXPIRED,
    reasons.CREDENTIAL_NOT_YET_VALID,
    reasons.CERTIFICATE_EXPIRED,
)

_DATE = "%a, %d %b %Y %H:%M:%S GMT"

_log = Log(__name__)


class Clock:
    """Knows how far the terminal's clock is ahead, as of the authority's last answer."""

    def __init__(self) -> None:
        self.ahead_s: float | None = None  # None before the first answer
        self._told_s = 0.0  # what the log says

    @property
    def wrong(self) -> bool:
        return self.ahead_s is not None and abs(self.ahead_s) > WRONG_S

    def hear(self, date: str) -> None:
        """An answer of the authority has just come, and is dated so; what is no date says nothing.

        Every change is logged, once.
        """
        try:
            theirs = datetime.strptime(date, _DATE).replace(tzinfo=UTC).timestamp()
        except ValueError:
            return
        self.ahead_s = time.time() - theirs
        said = self.ahead_s if self.wrong else 0.0
        if abs(said - self._told_s) <= WRONG_S:
            return
        self._told_s = said
        if self.wrong:
            _log.error("the clock is wrong", detail=self.difference())
        else:
            _log.info("the clock is right")

    def difference(self) -> str:
        """For people."""
        ahead_s = self.ahead_s or 0.0
        where = "ahead of" if ahead_s > 0 else "behind"
        return f"{abs(ahead_s):.0f} s {where} the authority's"

    def blamed(self, reason: int) -> int:
        """`reason`, or that the clock is wrong where that explains it better."""
        return reasons.CLOCK_WRONG if self.wrong and reason in _OF_TIME else reason
