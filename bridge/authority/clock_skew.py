"""The difference between this terminal's clock and the authority's dated answers (RFC 9110 §6.6.1).

Before the first answer, known past moments show a clock that is behind: this release, the
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

# Beyond this nothing is sold offline (`bridge.domain.offline.CLOCKS_S`), and beyond five times this
# the authority books nothing; a date of whole seconds in a slow answer is far from it.
WRONG_S = 120

# Reasons of the authority that this terminal's clock may cause.
_OF_TIME = (
    reasons.OFFER_EXPIRED,
    reasons.CREDENTIAL_EXPIRED,
    reasons.CREDENTIAL_NOT_YET_VALID,
    reasons.CERTIFICATE_EXPIRED,
)

_DATE = "%a, %d %b %Y %H:%M:%S GMT"
_STEADY = getattr(
    time, "CLOCK_BOOTTIME", CLOCK_MONOTONIC
)  # a suspended night counts, a clock jump does not

_log = Log(__name__)


class _Past(NamedTuple):
    """A moment known to be past, in seconds since 1970."""

    at: float
    what: str


class Clock:
    """A record of how far the terminal's clock is ahead of the authority's."""

    def __init__(self) -> None:
        at = datetime.combine(RELEASED, datetime.min.time(), UTC).timestamp()
        self._past = _Past(at, "the date of this release")
        self._theirs: float | None = None  # the authority's time when the steady clock was at 0
        self._told_s = 0.0  # what the log has reported

    @property
    def ahead_s(self) -> float | None:
        """Return the difference, also if this clock has jumped since the last answer.

        Before the first answer None, unless the clock is behind a known past moment.
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
        """Note the date of an answer that has just come; ignore other headers."""
        theirs = http_date(date)
        if theirs is not None:
            self._theirs = theirs - clock_gettime(_STEADY)
            self.look()

    def know_entry(self, at_ms: int) -> None:
        """Note the time of the journal's newest entry, 0 where there is none."""
        if at_ms:
            self._past = max(self._past, _Past(at_ms / 1000, "the newest entry of the journal"))
            self.look()

    def look(self) -> None:
        """Log a change since the last time, once."""
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
        """Describe the difference for people."""
        ahead_s = self.ahead_s or 0.0
        where = "ahead of" if ahead_s > 0 else "behind"
        whose = self._past.what if self._theirs is None else "the authority's"
        return f"{abs(ahead_s):.0f} s {where} {whose}"

    def blamed(self, reason: int) -> int:
        """Return `reason`, or that the clock is wrong where that explains it better."""
        return reasons.CLOCK_WRONG if self.wrong and reason in _OF_TIME else reason


@lru_cache(maxsize=4)  # all answers of one second have the same date
def http_date(text: str) -> float | None:
    """Return seconds since 1970 of an HTTP date, None for anything else."""
    try:
        return datetime.strptime(text, _DATE).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
