"""This terminal's clock beside the authority's, whose answers are dated (RFC 9110 §6.6.1).

Before the first of them, what has happened already tells that a clock is behind: this release, the
newest entry of the journal.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from time import CLOCK_MONOTONIC, clock_gettime
from typing import NamedTuple

from bridge import RELEASED
from bridge.observability.logs import Log
from receiver import reasons

# Further apart nothing is sold offline (`bridge.domain.offline.CLOCKS_S`), and beyond five times
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
_STEADY = getattr(
    time, "CLOCK_BOOTTIME", CLOCK_MONOTONIC
)  # a night's sleep counts, a jump does not

_log = Log(__name__)


class _Past(NamedTuple):
    """What was a moment of the past already, in seconds since 1970."""

    at: float
    what: str


class Clock:
    """Knows how far the terminal's clock is ahead of the authority's."""

    def __init__(self) -> None:
        at = datetime.combine(RELEASED, datetime.min.time(), UTC).timestamp()
        self._past = _Past(at, "the date of this release")
        self._theirs: float | None = None  # the authority's time when the steady clock was at 0
        self._told_s = 0.0  # what the log says

    @property
    def ahead_s(self) -> float | None:
        """In either direction, also if this clock has jumped since the last answer.

        Before the first answer None, unless the clock is behind something that has happened.
        """
        if self._theirs is not None:
            return round(time.time() - self._theirs - clock_gettime(_STEADY), 1)
        ahead_s = time.time() - self._past.at
        return round(ahead_s, 1) if ahead_s < -WRONG_S else None

    @property
    def wrong(self) -> bool:
        ahead_s = self.ahead_s
        return ahead_s is not None and abs(ahead_s) > WRONG_S

    def hear(self, date: str) -> None:
        """An answer of the authority has just come with this date; anything else says nothing."""
        theirs = http_date(date)
        if theirs is not None:
            self._theirs = theirs - clock_gettime(_STEADY)
            self.look()

    def know_entry(self, at_ms: int) -> None:
        """When the newest entry of the journal was written, 0 where there is none."""
        if at_ms:
            self._past = max(self._past, _Past(at_ms / 1000, "the newest entry of the journal"))
            self.look()

    def look(self) -> None:
        """Log what has changed since the last time, once."""
        ahead_s = self.ahead_s
        said = ahead_s if ahead_s is not None and abs(ahead_s) > WRONG_S else 0.0
        if abs(said - self._told_s) <= WRONG_S:
            return
        self._told_s = said
        if said:
            _log.error("the clock is wrong", detail=self.difference())
        else:
            _log.info("the clock is right")

    def difference(self) -> str:
        """For people."""
        ahead_s = self.ahead_s or 0.0
        where = "ahead of" if ahead_s > 0 else "behind"
        whose = self._past.what if self._theirs is None else "the authority's"
        return f"{abs(ahead_s):.0f} s {where} {whose}"

    def blamed(self, reason: int) -> int:
        """`reason`, or that the clock is wrong where that explains it better."""
        return reasons.CLOCK_WRONG if self.wrong and reason in _OF_TIME else reason


@lru_cache(maxsize=4)  # all answers of one second have the same date
def http_date(text: str) -> float | None:
    """Seconds since 1970 of a date as HTTP writes it, None for anything else."""
    try:
        return datetime.strptime(text, _DATE).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
