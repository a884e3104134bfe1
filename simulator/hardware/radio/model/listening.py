"""When and where a phone listens: scan windows, advertising channels, starts that count."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .phones import PhoneProfile
from .standard import CHANNELS

# From one channel of an advertising event to the next: an ADV_IND, a scan request and its response
# take 1.2 ms; at most 10 ms are allowed (Vol 6 Part B 4.4.2.3).
STEP_S = 0.0012


class Listening(NamedTuple):
    """One scan: a window at the begin of each interval, each interval on the next channel."""

    since_s: float
    interval_s: float
    window_s: float
    first: int  # the channel of the first interval, 0 to 2

    @classmethod
    def scan(cls, phone: PhoneProfile, since_s: float, first: int) -> Listening:
        """Return a phone's scan for advertisements."""
        interval_s, window_s = phone.scan_interval_ms / 1000, phone.scan_window_ms / 1000
        return cls(since_s, interval_s, window_s, first)

    @classmethod
    def initiate(cls, phone: PhoneProfile, since_s: float, first: int) -> Listening:
        """Return a phone's scan for the one advertiser that it connects to."""
        interval_s, window_s = phone.initiate_interval_ms / 1000, phone.initiate_window_ms / 1000
        return cls(since_s, interval_s, window_s, first)

    def channel(self, at_s: float) -> int | None:
        """Return the channel that is listened to at a time, None between two windows."""
        interval, into = divmod(at_s - self.since_s, self.interval_s)
        if into >= self.window_s:
            return None
        return (self.first + int(interval)) % CHANNELS

    def hears(self, at_s: float) -> int | None:
        """Return the channel on which it meets an advertising event that begins at a time."""
        for channel in range(CHANNELS):
            if self.channel(at_s + channel * STEP_S) == channel:
                return channel
        return None


class ScanStarts:
    """The starts that a phone's system grants an app in a span of time."""

    def __init__(self, phone: PhoneProfile) -> None:
        self._most, self._span_s = phone.scan_starts_most, phone.scan_starts_s
        self._starts: deque[float] = deque()

    def allowed(self, at_s: float) -> bool:
        """Return whether a start is granted, and count it; one that is not hears nothing."""
        while self._starts and self._starts[0] <= at_s - self._span_s:
            self._starts.popleft()
        if len(self._starts) >= self._most:
            return False
        self._starts.append(at_s)
        return True
