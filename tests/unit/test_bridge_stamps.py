"""The bridge's own share: what is left where two waits overlap."""

from __future__ import annotations

import pytest

from bridge import stamps

STEPS = {
    stamps.OFFER: 0.0,
    stamps.APPROVAL_RECEIVED: 10.0,
    stamps.APPROVAL_KEPT: 10.5,
    stamps.AUTHORISE_SENT: 11.0,
    stamps.AUTHORISE_ANSWERED: 15.0,
    stamps.VERDICT_RECEIVED: 17.0,
    stamps.TOLD: 17.5,
}


@pytest.mark.parametrize(("answered", "verdict"), [(15.0, 17.0), (17.0, 15.0), (17.0, 17.0)])
def test_the_later_word_ends_the_waiting(answered: float, verdict: float) -> None:
    words = {stamps.AUTHORISE_ANSWERED: answered, stamps.VERDICT_RECEIVED: verdict}
    assert stamps.waiting(STEPS | words) == 6.0
    assert stamps.own_share(STEPS | words) == 1.5


def test_spans() -> None:
    assert stamps.span(STEPS, stamps.VERDICT) == 7.0
    assert stamps.span(STEPS, stamps.AUTHORITY) == 4.0
    assert stamps.span(STEPS, stamps.ASKING) == 1.0


@pytest.mark.parametrize("missing", sorted(set(STEPS) - {stamps.OFFER, stamps.APPROVAL_KEPT}))
def test_a_sale_that_lacks_a_step_has_no_share(missing: str) -> None:
    steps = {step: at for step, at in STEPS.items() if step != missing}
    assert stamps.own_share(steps) is None


def test_the_oldest_sales_are_forgotten() -> None:
    kept = stamps.Stamps()
    for number in range(stamps.SALES_MOST + 1):
        kept.mark(str(number), stamps.OFFER, float(number))
    assert kept.of("0") == {}
    assert kept.of("1") == {stamps.OFFER: 1.0}
