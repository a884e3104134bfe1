"""The window of local time in which receivers are updated, as the configuration states it."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Self

from bridge.contracts import Own

_TIME = "((?:[01][0-9]|2[0-3]):[0-5][0-9])"
_FORM = re.compile(f"{_TIME}-{_TIME}")


class Window(tuple[time, time], Own):
    """From a time of the day until another one, which may be of the next day."""

    @classmethod
    def read(cls, value: object) -> Self:
        found = _FORM.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError('Expected a window as "02:00-04:30"')
        begin, end = time.fromisoformat(found[1]), time.fromisoformat(found[2])
        if begin == end:
            raise ValueError("Expected a window that is not empty")
        return cls((begin, end))

    def is_open(self, now: datetime) -> bool:
        """Whether a local time is in the window; its end is not."""
        begin, end = self
        at = now.time()
        return begin <= at < end if begin < end else at >= begin or at < end

    def opens_in_s(self, now: datetime) -> float:
        """Return the seconds until it opens the next time."""
        at = datetime.combine(now.date(), self[0])
        if at <= now.replace(tzinfo=None):
            at += timedelta(days=1)
        return (at - now.replace(tzinfo=None)).total_seconds()
