"""When to try again, with a clock that a test moves."""

from __future__ import annotations

from bridge.lines.reconnect import Reconnect
from receiver.host.backoff import Backoff


def test_delays_double_up_to_the_most() -> None:
    backoff = Backoff(100, 1000, lambda: 0.0)
    assert [backoff.next() for _ in range(6)] == [100, 200, 400, 800, 1000, 1000]
    backoff.reset()
    assert backoff.next() == 100


def test_jitter_takes_at_most_half() -> None:
    assert Backoff(100, 1000, lambda: 1.0).next() == 50


def test_a_port_that_is_missing_is_tried_less_often() -> None:
    reconnect = Reconnect(Backoff(100, 1000, lambda: 0.0))
    now = 0
    for delay in (100, 200, 400):
        due = reconnect.closed(now)
        assert due - now == delay
        now = due


def test_a_short_life_is_not_forgiven_and_a_long_one_is() -> None:
    reconnect = Reconnect(Backoff(100, 1000, lambda: 0.0))
    reconnect.closed(0)
    reconnect.opened(100)
    assert reconnect.closed(200) == 200 + 200
    reconnect.opened(400)
    assert reconnect.closed(400 + Reconnect.STEADY_MS) == 400 + Reconnect.STEADY_MS + 100
