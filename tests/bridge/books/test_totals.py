"""A day's sums and its comparison with the authority, for every pair of states."""

from __future__ import annotations

from typing import Any

import pytest

from bridge import contracts
from bridge.authority.messages import Transaction
from bridge.books import totals
from bridge.books.totals import TotalsRow
from bridge.contracts import MismatchError
from bridge.domain.held import AuthorityTransaction, HoldState
from bridge.domain.sale import Place
from bridge.domain.states import FINAL, State
from bridge.sales import reconciliation
from bridge.sales.reconciliation import AMOUNT, NOT_POSTED, POSTED_UNPAID, UNKNOWN_HERE
from tests.support.values.evidence import SEK

EUR = 978
NAME = "0a" * 16
PLACE = Place(3, b"receiver")
THERE = ("PENDING", "POSTED", "EXPIRED", "VOIDED", "DECLINED", None)
PAID_HERE = (State.PAID, State.POSTED, State.LIABILITY, State.REFUNDING)
NONE = {"count": 0, "amount": 0}


def row(state: State, amount: int = 100, **changes: Any) -> TotalsRow:
    return TotalsRow(PLACE, "sale", NAME, False, state, amount, SEK, False)._replace(**changes)


def one(state: str, amount: int = 100, name: str = NAME) -> AuthorityTransaction:
    """As the authority lists it."""
    names = (bytes.fromhex(name), PLACE.receiver_id, HoldState(state), False)
    return AuthorityTransaction(*names, amount, SEK, bytes(16), bytes(8), PLACE.till, 0)


def compare(
    rows: list[TotalsRow], around: list[TotalsRow], theirs: list[AuthorityTransaction]
) -> tuple[int, list[dict[str, Any]]]:
    return reconciliation.compare(rows, {row.approval_id: row for row in around}, theirs)


def expected(here: State | None, there: str | None) -> str | None:
    """What a bookkeeper would say."""
    stands = there in ("PENDING", "POSTED", "EXPIRED")
    if here is None:
        return UNKNOWN_HERE if stands else None
    if here in PAID_HERE:
        return None if there == "POSTED" else NOT_POSTED
    return POSTED_UNPAID if there == "POSTED" else None


@pytest.mark.parametrize("there", THERE)
@pytest.mark.parametrize("here", [*State, None])
def test_every_pair_of_states(here: State | None, there: str | None) -> None:
    ours = [row(here)] if here else []
    matched, differences = compare(ours, ours, [one(there)] if there else [])
    found = [difference["kind"] for difference in differences]
    kind = expected(here, there)
    assert found == ([kind] if kind else [])
    assert matched == (here in PAID_HERE and there == "POSTED")


@pytest.mark.parametrize("there", ["PENDING", "POSTED", "VOIDED"])
@pytest.mark.parametrize("here", [State.TILL_NOTIFIED, State.POSTED])
def test_another_amount(here: State, there: str) -> None:
    ours = [row(here)]
    differences = compare(ours, ours, [one(there, 99)])[1]
    amounts = [(one["amount_here"], one["amount_there"]) for one in differences]
    agree = expected(here, there) is None and there != "VOIDED"
    assert ([one["kind"] for one in differences] == [AMOUNT]) is agree
    assert not agree or amounts == [(100, 99)]


def test_a_hold_of_the_day_before() -> None:
    """HoldState before midnight, paid after it: known here, and counted on its own day."""
    paid = [row(State.POSTED)]
    assert compare([], paid, [one("POSTED")]) == (0, [])
    assert reconciliation.missing(paid, []) == [NAME]
    assert reconciliation.missing(paid, [one("POSTED")]) == []


def test_what_was_never_approved_is_not_asked_for() -> None:
    assert (
        reconciliation.missing([row(state) for state in State if state not in PAID_HERE], []) == []
    )
    assert reconciliation.missing([row(State.PAID, approval_id="")], []) == []


LISTED = {
    "approval_id": NAME,
    "state": "POSTED",
    "kind": "purchase",
    "amount": 100,
    "currency": SEK,
    "transaction_id": "0b" * 16,
    "refunded": 0,
    "late": False,
    "reference": "0c" * 8,
    "till": 3,
    "time": 1_800_000_000,
}


@pytest.mark.parametrize("name", LISTED)
@pytest.mark.parametrize("strange", ["not hex", -1, [[]], [], "GONE", 1.0])
def test_what_the_authority_should_not_have_said(name: str, strange: Any) -> None:
    with pytest.raises(MismatchError, match=r"."):
        contracts.convert({**LISTED, name: strange}, Transaction)


@pytest.mark.parametrize("name", [name for name in LISTED if name != "late"])
def test_a_flag_is_nothing_else(name: str) -> None:
    with pytest.raises(MismatchError):
        contracts.convert({**LISTED, name: True}, Transaction)


@pytest.mark.parametrize("name", LISTED)
def test_the_authority_leaves_nothing_out(name: str) -> None:
    with pytest.raises(MismatchError, match=f"{name} is missing"):
        contracts.convert({key: LISTED[key] for key in LISTED if key != name}, Transaction)


def test_a_stone_has_hardly_anything() -> None:
    nothing = dict.fromkeys(("amount", "currency", "transaction_id", "reference", "till"))
    said = contracts.convert({**LISTED, **nothing, "state": "VOIDED"}, Transaction)
    stone = said.holding(PLACE.receiver_id)
    assert (stone.amount, stone.till, stone.reference, stone.stands) == (0, None, b"", False)


# Sums


def sums(*rows: TotalsRow) -> dict[str, Any]:
    [of_one] = totals.total(list(rows))
    return of_one


@pytest.mark.parametrize("state", State)
def test_a_purchase_counts_once(state: State) -> None:
    """As paid or as something else, and never as a refund."""
    of_one = sums(row(state))
    counts = {name for name, value in of_one.items() if isinstance(value, dict) and value != NONE}
    paid = {
        State.PAID: {"paid", "owed"},
        State.POSTED: {"paid", "posted"},
        State.LIABILITY: {"paid", "liability"},
    }
    others = {
        State.TILL_NOTIFIED: {"undecided"},
        State.DECLINED: {"declined"},
        State.CANCELLED: {"cancelled"},
        State.REVERSING: {"cancelled"},
    }
    assert counts == (paid | others).get(state, set())
    assert of_one["net"] == (100 if state in paid else 0)


@pytest.mark.parametrize("state", State)
def test_a_refund_counts_against_it(state: State) -> None:
    of_one = sums(row(state, is_refund=True))
    moves = state in (State.PAID, State.REFUNDING, State.POSTED)
    assert of_one["refunded"] == ({"count": 1, "amount": 100} if moves else NONE)
    assert of_one["net"] == (-100 if moves else 0)
    assert of_one["paid"] == of_one["declined"] == of_one["cancelled"] == NONE


def test_what_is_not_sent_is_part_of_what_is_owed() -> None:
    of_one = sums(row(State.PAID, unsent=True), row(State.PAID, 1))
    assert of_one["owed"] == {"count": 2, "amount": 101}
    assert of_one["unsent"] == {"count": 1, "amount": 100}


def test_each_currency_by_itself() -> None:
    both = totals.total([row(State.POSTED), row(State.POSTED, 7, currency=EUR)])
    assert [(of_one["currency"], of_one["net"]) for of_one in both] == [("SEK", 100), ("EUR", 7)]
    assert totals.total([]) == []


def test_what_is_final_is_somewhere_in_the_sums() -> None:
    for state in FINAL:
        assert any(value not in (0, NONE, "SEK") for value in sums(row(state)).values())
