"""The bridge's own share: what is left where two waits overlap."""

from __future__ import annotations

import pytest

from bridge.observability import timings

STEPS = {
    timings.OFFER: 0.0,
    timings.APPROVAL_RECEIVED: 10.0,
    timings.APPROVAL_KEPT: 10.5,
    timings.AUTHORISE_SENT: 11.0,
    timings.AUTHORISE_ANSWERED: 15.0,
    timings.VERDICT_RECEIVED: 17.0,
    timings.TOLD: 17.5,
}


@pytest.mark.parametrize(("answered", "verdict"), [(15.0, 17.0), (17.0, 15.0), (17.0, 17.0)])
def test_the_later_word_ends_the_waiting(answered: float, verdict: float) -> None:
    words = {timings.AUTHORISE_ANSWERED: answered, timings.VERDICT_RECEIVED: verdict}
    assert (timings.waiting(STEPS | words), timings.own_share(STEPS | words)) == (6.0, 1.5)


def test_spans() -> None:
    assert timings.span(STEPS, timings.VERDICT) == 7.0
    assert timings.span(STEPS, timings.AUTHORITY) == 4.0


@pytest.mark.parametrize("missing", sorted(set(STEPS) - {timings.OFFER, timings.APPROVAL_KEPT}))
def test_a_sale_that_lacks_a_step_has_no_share(missing: str) -> None:
    steps = {step: at for step, at in STEPS.items() if step != missing}
    assert timings.own_share(steps) is None


def test_the_oldest_sales_are_forgotten() -> None:
    kept = timings.Stamps()
    for number in range(timings.SALES_MOST + 1):
        kept.mark(str(number), timings.OFFER, float(number))
    assert (kept.of("0"), kept.of("1")) == ({}, {timings.OFFER: 1.0})
