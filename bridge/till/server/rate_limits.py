"""Rate limits by client address: a token bucket for each, and a bound on the buckets."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

# One address may be a server for all tills: 50 sales a second of some six requests each are 300 a
# second (design §7). Three times that comes from no till.
REQUESTS_PER_S = 1000.0
# After a pause all 200 tills may request at once everything that they missed.
BURST = 2000.0
ADDRESSES_MOST = 1024  # stored buckets; the one longest unused is dropped
_SITE_BITS = 64  # the client chooses the rest of an IPv6 address


class Bucket(NamedTuple):
    """The tokens left, and the time (seconds) of that count."""

    left: float
    at: float


class Rates:
    """Buckets by client address."""

    def __init__(self, per_s: float = REQUESTS_PER_S, burst: float = BURST) -> None:
        self._per_s = per_s
        self._burst = burst
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, address: str, now: float) -> float:
        """Take one token: return 0 if there was one, else the seconds until there is."""
        site = _site(address)
        bucket = self._buckets.pop(site, Bucket(self._burst, now))
        left = min(self._burst, bucket.left + (now - bucket.at) * self._per_s)
        allowed = left >= 1
        self._buckets[site] = Bucket(left - 1 if allowed else left, now)
        if len(self._buckets) > ADDRESSES_MOST:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_s


def _site(address: str) -> str:
    """Return the address, or the part of an IPv6 address that a client cannot choose."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return parsed.packed[: _SITE_BITS // 8].hex()
    return address
