"""When money may go back on a purchase."""

from __future__ import annotations

import pytest

from bridge.domain import refunds
from bridge.domain.refunds import NoRefundError
from bridge.domain.sale import Sale, Terms
from bridge.domain.states import State
from tests.support.values.evidence import SEK

BOUGHT = Terms("sale-0123456789ab", 3, 100, SEK, 25, "", b"12345678", b"receiver")
EUR = 978


def bought(state: State = State.POSTED) -> Sale:
    sale = Sale(BOUGHT)
    sale.state = state
    return sale


def refused(
    sale: Sale, amount: int = 1, refunded: int = 0, currency: int = SEK, *, phone: bool = False
) -> str | None:
    try:
        terms = BOUGHT._replace(amount=amount, currency=currency)
        refunds.check(sale, terms, refunded, phone=phone)
    except NoRefundError as error:
        return error.kind
    return None


@pytest.mark.parametrize("state", State)
def test_only_of_what_is_paid(state: State) -> None:
    kinds = {State.PAID: None, State.POSTED: None, State.LIABILITY: "liability"}
    assert refused(bought(state)) == kinds.get(state, "not-paid")


@pytest.mark.parametrize("state", State)
def test_with_a_phone_only_of_what_is_posted(state: State) -> None:
    kinds = {State.POSTED: None, State.PAID: "not-posted", State.LIABILITY: "liability"}
    assert refused(bought(state), phone=True) == kinds.get(state, "not-paid")


@pytest.mark.parametrize(
    ("amount", "refunded", "fits"),
    [(100, 0, True), (101, 0, False), (1, 99, True), (2, 99, False), (1, 100, False)],
)
def test_at_most_what_is_left(amount: int, refunded: int, fits: bool) -> None:
    assert refused(bought(), amount, refunded) == (None if fits else "refund-exceeds")


def test_in_its_own_currency() -> None:
    assert refused(bought(), currency=EUR) == "conflict"


def test_a_refund_has_one_id_for_ever() -> None:
    name = refunds.refund_id(b"bridge01", "refund-0123456789ab")
    assert len(name) == 16
    assert name == refunds.refund_id(b"bridge01", "refund-0123456789ab")
    others = {
        refunds.refund_id(b"bridge02", "refund-0123456789ab"),
        refunds.refund_id(b"bridge01", "refund-0123456789ac"),
    }
    assert name not in others
