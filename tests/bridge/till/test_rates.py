"""Token buckets: what passes, what waits, and that strangers cost a bounded amount of memory."""

from __future__ import annotations

import pytest

from bridge.till.server import rate_limits
from bridge.till.server.rate_limits import Rates


def test_a_burst_and_then_the_rate() -> None:
    found = Rates(per_s=10, burst=3)
    assert [found.take("192.0.2.1", 0) for _ in range(4)] == [0, 0, 0, pytest.approx(0.1)]
    assert found.take("192.0.2.2", 0) == 0
    assert found.take("192.0.2.1", 0.05) == pytest.approx(0.05)
    assert found.take("192.0.2.1", 0.1) == 0
    assert found.take("192.0.2.1", 0.1) > 0


def test_a_pause_saves_no_more_than_a_burst() -> None:
    found = Rates(per_s=10, burst=3)
    found.take("192.0.2.1", 0)
    assert [found.take("192.0.2.1", 60) == 0 for _ in range(4)] == [True, True, True, False]


def test_two_hundred_tills_behind_one_address_pass() -> None:
    """50 sales a second of six requests, for a minute, after all asked at once."""
    found = Rates()
    assert not any(found.take("127.0.0.1", 0) for _ in range(200 * 6))
    assert not any(found.take("127.0.0.1", n / 300) for n in range(300 * 60))


def test_addresses_of_one_ipv6_site_are_one_client() -> None:
    found = Rates(per_s=1, burst=1)
    assert found.take("2001:db8::1", 0) == 0
    assert found.take("2001:db8::2", 0) > 0
    assert found.take("2001:db8:0:1::1", 0) == 0
    assert found.take("fe80::1%eth0", 0) == 0
    assert found.take("::ffff:192.0.2.1", 0) == 0
    assert found.take("::ffff:192.0.2.2", 0) == 0


def test_buckets_are_bounded() -> None:
    found = Rates()
    for n in range(rate_limits.ADDRESSES_MOST + 10):
        found.take(f"client {n}", 0)
    assert len(found._buckets) == rate_limits.ADDRESSES_MOST
