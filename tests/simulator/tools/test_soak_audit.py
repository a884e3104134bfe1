"""The soak's audit: it finds each way in which money can go astray, and nothing where none does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.refunds import IN_FULL, refund_id
from bridge.domain.sale import Fact, Sale, Terms
from bridge.domain.states import Event
from receiver import reasons
from receiver.protocol import identifiers, messages
from simulator.authority.storage.schema import DECLINED, PENDING, POSTED, VOIDED
from simulator.tools.soak.audit import DOUBLED, LOST, UNKNOWN, Tills, audit, count, liabilities
from simulator.tools.soak.ledger_and_journal import Journalled, Ledger, LedgerLine
from simulator.tools.soak.plan import CANCELLED, Back, plan
from simulator.tools.soak.till_disk import (
    NOT_REFUNDED,
    PAID,
    REFUNDED,
    UNPAID,
    Books,
    Kept,
    KeptRefund,
)

RECEIVER = b"receiver"
BRIDGE_ID = b"bridge01"
SALE = "sale-0123456789ab"
REFUND = "refund-0123456789"
AMOUNT = 1_000
SPACE = 50_000

PAID_SALE = Kept(SALE, 0, 1, AMOUNT, PAID, 0, PAID, RECEIVER)
UNPAID_SALE = PAID_SALE._replace(wish=None, ended=UNPAID)
GIVEN = KeptRefund(REFUND, SALE, 0, 300, REFUNDED)
BY_PHONE = GIVEN._replace(phone=True)


def booked(state: str = POSTED, name: bytes = b"a", **changes: Any) -> LedgerLine:
    reference = identifiers.sale_reference(BRIDGE_ID, 1, SALE)
    row = LedgerLine(name, RECEIVER, messages.PURCHASE, state, AMOUNT, reference, None, 0)
    return row._replace(**changes)


def given(state: str = POSTED, amount: int = 300) -> LedgerLine:
    name = refund_id(BRIDGE_ID, REFUND)
    return LedgerLine(name, RECEIVER, messages.REFUND, state, amount, None, b"a", 0)


def given_by_phone(state: str = POSTED) -> LedgerLine:
    reference = identifiers.sale_reference(BRIDGE_ID, 1, REFUND)
    return given(state)._replace(approval_id=b"by phone", reference=reference)


def found(
    sales: list[Kept],
    rows: list[LedgerLine],
    refunds: list[KeptRefund] | None = None,
    *,
    spent: int | None = None,
    journal: Journalled | None = None,
) -> dict[str, int]:
    """How many sales are astray, by how; the credit space fits the rows unless `spent` says."""
    taken = sum(row.posted + row.held for row in rows) if spent is None else spent
    tills = Tills(sales, refunds or [], [])
    ledgers = Ledger([], SPACE), Ledger(rows, SPACE - taken)
    findings = audit(tills, BRIDGE_ID, *ledgers, journal or Journalled({}, []))
    assert all(finding.text for finding in findings)
    return {kind: n for kind in (LOST, DOUBLED, UNKNOWN) if (n := count(findings, kind))}


@pytest.mark.parametrize(
    ("sales", "rows", "refunds"),
    [
        ([], [], []),
        ([PAID_SALE], [booked()], []),
        ([UNPAID_SALE], [booked(VOIDED)], []),
        ([UNPAID_SALE], [booked(DECLINED)], []),
        ([UNPAID_SALE], [], []),
        ([PAID_SALE], [booked(VOIDED, b"first"), booked()], []),
        ([PAID_SALE], [booked(refunded=300), given()], [GIVEN]),
        ([PAID_SALE], [booked(refunded=300), given_by_phone()], [BY_PHONE]),
        ([PAID_SALE], [booked(), given(DECLINED)], [GIVEN._replace(ended=NOT_REFUNDED)]),
    ],
    ids=[
        *("none", "paid", "voided", "declined", "unasked", "second"),
        *("refunded", "by_phone", "not_refunded"),
    ],
)
def test_all_is_well(sales: list[Kept], rows: list[LedgerLine], refunds: list[KeptRefund]) -> None:
    assert found(sales, rows, refunds) == {}


@pytest.mark.parametrize(
    ("sales", "rows", "refunds", "astray"),
    [
        ([PAID_SALE], [], [], {LOST: 1, UNKNOWN: 1}),
        ([PAID_SALE], [booked(VOIDED)], [], {LOST: 1, UNKNOWN: 1}),
        ([PAID_SALE], [booked(DECLINED)], [], {LOST: 1, UNKNOWN: 1}),
        ([UNPAID_SALE], [booked()], [], {LOST: 1, UNKNOWN: 1}),
        ([], [booked()], [], {LOST: 1, UNKNOWN: 1}),
        ([UNPAID_SALE._replace(ended=None)], [], [], {UNKNOWN: 1}),
        ([PAID_SALE], [booked()], [GIVEN._replace(ended=None)], {UNKNOWN: 1}),
    ],
    ids=[
        *("never_posted", "voided", "declined", "posted_and_not_paid", "no_tills"),
        *("never_settled", "refund_never_settled"),
    ],
)
def test_astray(
    sales: list[Kept],
    rows: list[LedgerLine],
    refunds: list[KeptRefund],
    astray: dict[str, int],
) -> None:
    assert found(sales, rows, refunds) == astray


def test_paid_and_never_posted_but_booked_as_liability() -> None:
    sale = Sale(Terms(SALE, 1, AMOUNT, 752, 25, "", bytes(8), RECEIVER))
    for event in (
        Event.OFFERED,
        Event.APPROVAL_RECEIVED,
        Event.AUTHORISATION_SENT,
        Event.AUTHORISED,
        Event.VERIFIED,
    ):
        sale.take(Fact(event, approval_id=b"a" if event is Event.AUTHORISATION_SENT else b""))
    sale.take(Fact(Event.PAID))
    assert UNKNOWN in found([PAID_SALE], [booked(VOIDED)], journal=Journalled({SALE: sale}, []))
    sale.take(Fact(Event.LIABILITY, reasons.LIABILITY))
    assert found([PAID_SALE], [booked(VOIDED)], journal=Journalled({SALE: sale}, [])) == {}


def unbacked(*sales: Sale) -> Journalled:
    """A journal with the alarm that a till's word raised."""
    known = {sale.terms.sale_id: sale for sale in sales}
    return Journalled(known, [], unbacked={SALE: "in no books"})


def test_accepted_offline_and_lost_with_the_journal() -> None:
    kept = PAID_SALE._replace(offline=True)
    assert found([kept], [], journal=unbacked()) == {}
    text = "accepted offline in a span that the journal lost; in no books"
    [one] = liabilities(Tills([kept], [], []), unbacked())
    assert (one.sale, one.amount, one.text) == (SALE, AMOUNT, text)


def test_what_the_authority_approved_is_never_a_liability() -> None:
    assert liabilities(Tills([PAID_SALE], [], []), unbacked()) == []
    assert found([PAID_SALE], [], journal=unbacked()) == {LOST: 1, UNKNOWN: 1}
    kept = PAID_SALE._replace(offline=True)
    assert found([kept], [], journal=Journalled({}, [])) == {LOST: 1, UNKNOWN: 1}


def returned() -> tuple[Journalled, LedgerLine]:
    """A refund that the bridge owes by itself, and its row."""
    name = IN_FULL + b"a".hex()
    sale = Sale(Terms(name, 1, AMOUNT, 752, 0, "", bytes(8), RECEIVER, kind=messages.REFUND))
    sale.take(Fact(Event.REFUND_ORDERED, approval_id=b"in full"))
    sale.take(Fact(Event.POSTED))
    return Journalled({name: sale}, []), given(amount=AMOUNT)._replace(approval_id=b"in full")


def test_posted_and_refunded_in_full() -> None:
    journal, row = returned()
    assert found([UNPAID_SALE], [booked(refunded=AMOUNT), row], journal=journal) == {}
    assert found([UNPAID_SALE], [booked()], journal=journal)[LOST] == 2


@pytest.mark.parametrize("kept", [PAID_SALE, UNPAID_SALE], ids=["paid", "unpaid"])
def test_pending_after_all(kept: Kept) -> None:
    astray = found([kept], [booked(PENDING)])
    assert (astray[LOST], astray[UNKNOWN] >= 1) == (1, True)


BY_PHONE_TWICE = [given_by_phone(), given_by_phone()._replace(approval_id=b"2")]


@pytest.mark.parametrize(
    ("rows", "refunds", "kind"),
    [
        ([booked(), booked(name=b"b")], [], DOUBLED),
        ([booked(amount=AMOUNT + 1)], [], DOUBLED),
        ([booked(amount=AMOUNT - 1)], [], LOST),
        ([booked()], [GIVEN], LOST),
        ([booked(refunded=300), given()], [GIVEN._replace(ended=NOT_REFUNDED)], LOST),
        ([booked(refunded=300), given()], [], LOST),
        ([booked(refunded=400), given(amount=400)], [GIVEN], DOUBLED),
        ([booked(refunded=0), given()], [GIVEN], DOUBLED),
        ([booked(refunded=600), *BY_PHONE_TWICE], [BY_PHONE], DOUBLED),
    ],
    ids=[
        *("posted_twice", "too_much", "too_little", "no_refund", "refund_refused", "refund_unkept"),
        *("refund_too_high", "refund_not_counted", "refunded_twice"),
    ],
)
def test_a_paid_sale_whose_amounts_differ(
    rows: list[LedgerLine], refunds: list[KeptRefund], kind: str
) -> None:
    assert found([PAID_SALE], rows, refunds)[kind] == 1


def test_money_taken_that_is_in_no_line() -> None:
    assert found([PAID_SALE], [booked()], spent=2 * AMOUNT) == {DOUBLED: 1}


def test_a_damaged_journal() -> None:
    assert found([], [], journal=Journalled({}, ["entry 7 is another"])) == {UNKNOWN: 1}


def test_books_remember_ids_and_wishes(tmp_path: Path) -> None:
    order = plan(1, 1, 1).orders[0]
    books = Books(tmp_path / "tills.sqlite")
    kept = books.begin(order, 5, RECEIVER)
    assert (kept.till, kept.receiver) == (5, RECEIVER)
    assert books.begin(order, 9, b"another") == kept
    refund = books.begin_refund(kept.sale_id, 0, Back(5, phone=True))
    assert books.begin_refund(kept.sale_id, 0, Back(5, phone=True)) == refund
    books.wish(kept.sale_id, PAID)
    books.wish(kept.sale_id, PAID)
    assert (books.sale(kept.sale_id).wish, books.sale(kept.sale_id).wavered) == (PAID, 0)
    books.wish(kept.sale_id, CANCELLED)
    books.wish(kept.sale_id, PAID)
    assert (books.sale(kept.sale_id).wish, books.sale(kept.sale_id).wavered) == (PAID, 1)
    assert not books.sale(kept.sale_id).offline
    books.stood_in(kept.sale_id)
    assert books.sale(kept.sale_id).offline
    books.close()


def test_books_know_what_ended_since(tmp_path: Path) -> None:
    books = Books(tmp_path / "tills.sqlite")
    kept = books.begin(plan(1, 1, 1).orders[0], 1, RECEIVER)
    refund = books.begin_refund(kept.sale_id, 0, Back(5, phone=False))
    assert (books.sales_since(0), books.refunds_since(0)) == ([], [])
    before = time.time_ns() - 1
    books.end(kept.sale_id, PAID)
    books.end_refund(refund.refund_id, REFUNDED)
    assert [sale.sale_id for sale in books.sales_since(before)] == [kept.sale_id]
    assert [one.refund_id for one in books.refunds_since(before)] == [refund.refund_id]
    assert (books.sales_since(time.time_ns()), books.refunds_since(time.time_ns())) == ([], [])
    books.close()
