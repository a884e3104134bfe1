"""Refunds: as much as was posted, to whom it was posted, however often and in whatever order."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from receiver import reasons
from receiver.protocol import messages
from simulator.authority.accounts import people
from simulator.authority.ledger import ledger, states
from simulator.authority.storage.schema import DECLINED, EXPIRED, PENDING, POSTED, VOIDED
from simulator.phone.wallet.keys import P256, PhoneKey
from tests.support.shop.authority_books import NOW, WRONG, Books, BrokenConstraint, K
from tests.support.values import evidence
from tests.support.values.refusals import refused_as

AMOUNT = evidence.AMOUNT
WEEK = ledger.EXPIRE_AFTER_S


def new_id() -> bytes:
    return secrets.token_bytes(16)


def refunded(books: Books, approval_id: bytes) -> tuple[int, int]:
    """What refunds gave back, and what they have reserved."""
    row = books.store.one(
        "SELECT refunded, reserved FROM transactions WHERE approval_id = ?", approval_id
    )
    assert row is not None
    return row[0], row[1]


# Without a phone


def test_transfer_gives_back_once(books: Books) -> None:
    money, space = books.money(), books.credit_space()
    sale, refund_id = books.post(1), new_id()
    first = books.refund(refund_id, sale, 100)
    assert (first.state, first.reason) == (POSTED, reasons.OK)
    assert books.refund(refund_id, sale, 100) == first
    assert refunded(books, sale) == (100, 0)
    assert books.credit_space() == space - AMOUNT + 100
    assert books.money() == money
    assert books.refund(new_id(), sale, AMOUNT - 100).state == POSTED
    assert books.credit_space() == space


@pytest.mark.parametrize(
    "change", [{"amount": 99}, {"currency": 840}, {"transaction_id": bytes(16)}]
)
def test_the_same_id_for_something_else(books: Books, change: dict[str, Any]) -> None:
    sale, refund_id = books.post(1), new_id()
    books.refund(refund_id, sale, 100)
    with refused_as(reasons.CONFLICT):
        books.refund(refund_id, sale, **({"amount": 100} | change))
    with refused_as(reasons.CONFLICT):
        books.refund(sale, sale, 100)
    assert books.alarms() == [states.OTHER_CONTENT] * 2
    assert refunded(books, sale) == (100, 0)


def test_why_not(books: Books) -> None:
    held, posted = books.buy(1), books.post(2)
    books.refund(new_id(), posted, AMOUNT - 10)
    tried = {
        reasons.NOT_POSTED: books.refund(new_id(), held, 1),
        reasons.REFUND_EXCEEDS: books.refund(new_id(), posted, 11),
        reasons.WRONG_CURRENCY: books.refund(new_id(), posted, 1, currency=840),
    }
    for reason, booked in tried.items():
        assert (booked.state, booked.reason, booked.transaction_id) == (DECLINED, reason, None)
        again = books.booked(booked.id)
        assert again == booked
    assert books.refund(new_id(), posted, 10).state == POSTED


def test_a_refund_is_not_refunded(books: Books) -> None:
    back = books.refund(new_id(), books.post(1), 100)
    assert books.refund(new_id(), back.id, 100).reason == reasons.NOT_POSTED


def test_reversed_before_it_came(books: Books) -> None:
    sale, refund_id = books.post(1), new_id()
    assert books.reverse(refund_id) == VOIDED
    for _ in range(2):
        booked = books.refund(refund_id, sale, 100)
        assert (booked.state, booked.reason) == (VOIDED, reasons.REVERSED)
    assert refunded(books, sale) == (0, 0)


def test_the_database_keeps_the_sum(books: Books, sale: bytes) -> None:
    for change in ("refunded = amount + 1", "reserved = amount, refunded = 1", "refunded = -1"):
        with pytest.raises(BrokenConstraint):
            books.store.run(f"UPDATE transactions SET {change} WHERE approval_id = ?", sale)
    held = books.buy(2)
    with pytest.raises(BrokenConstraint):
        books.store.run("UPDATE transactions SET refunded = 1 WHERE approval_id = ?", held)


# Approved on a phone


def by_phone(books: Books, number: int, sale: bytes, **changes: Any) -> tuple[bytes, int]:
    """Approval id of a refund of `sale`, and the reason of its receipt."""
    values: dict[str, Any] = {
        "kind": messages.REFUND,
        "original": books.booked(sale).transaction_id,
        "amount": 100,
    }
    k = changes.pop("k", K)
    found = books.evidence(number, k, **(values | changes))
    return found.approval_id, books.authorise(found)


def test_approved_refund_is_reserved_then_posted(books: Books) -> None:
    money, sale = books.money(), books.post(1)
    space = books.credit_space()
    approval_id, reason = by_phone(books, 2, sale)
    assert reason == reasons.OK
    assert refunded(books, sale) == (0, 100)
    assert (books.credit_space(), books.money()) == (space, money)
    for _ in range(2):
        assert books.confirm(approval_id).state == POSTED
        assert refunded(books, sale) == (100, 0)
        assert (books.credit_space(), books.money()) == (space + 100, money)


def test_reservations_count(books: Books, sale: bytes) -> None:
    approval_id, _ = by_phone(books, 2, sale, amount=AMOUNT)
    assert books.refund(new_id(), sale, 1).reason == reasons.REFUND_EXCEEDS
    assert by_phone(books, 3, sale)[1] == reasons.REFUND_EXCEEDS
    assert books.reverse(approval_id) == VOIDED
    assert refunded(books, sale) == (0, 0)
    assert books.refund(new_id(), sale, AMOUNT).state == POSTED


def test_expired_refund_keeps_its_reservation_until_it_is_reversed(books: Books) -> None:
    """A word may still come, and there must be something left to post."""
    money, sale = books.money(), books.post(1)
    first, _ = by_phone(books, 2, sale)
    second, _ = by_phone(books, 3, sale)
    assert ledger.sweep(books.store, NOW + WEEK) == 2
    assert books.booked(first).state == EXPIRED
    assert refunded(books, sale) == (0, 200)
    booked = books.confirm(first, NOW + WEEK)
    assert (booked.state, booked.late) == (POSTED, 1)
    assert books.reverse(second, NOW + WEEK) == VOIDED
    assert refunded(books, sale) == (100, 0)
    assert books.money() == money


def test_only_who_bought_is_paid_back(books: Books, sale: bytes) -> None:
    other = PhoneKey(P256, evidence.seed("other phone"))
    (bertil,) = books.store.one("SELECT max(id) FROM buyers") or ()
    books.store.run("INSERT INTO buyer_recipients VALUES (?, ?)", bertil, books.recipient)
    word = people.add_activation(books.store, bertil)
    registered = people.register(books.store, word, other.public, bytes(32), K)
    assert registered is not None
    [books.credential] = people.issue_credentials(
        books.store, books.keys, registered[0], books.recipient, 1, now=NOW
    )
    books.phone = evidence.seed("other phone")
    assert by_phone(books, 2, sale)[1] == reasons.OTHER_BUYER
    assert refunded(books, sale) == (0, 0)


def test_only_the_recipient_that_paid_is_paid_back(books: Books, sale: bytes) -> None:
    (phone,) = [people.Phone(*row) for row in books.store.rows("SELECT id, buyer, key FROM phones")]
    [books.credential] = people.issue_credentials(
        books.store, books.keys, phone, books.recipient + 1, 1, now=NOW
    )
    assert by_phone(books, 2, sale)[1] == reasons.OTHER_BUYER


def test_why_an_approved_refund_is_declined(books: Books) -> None:
    held, sale = books.buy(1), books.post(2)
    tried = [
        (by_phone(books, 3, held), reasons.NOT_POSTED),
        (by_phone(books, 4, sale, original=bytes(16)), reasons.NOT_POSTED),
        (by_phone(books, 5, sale, amount=AMOUNT + 1), reasons.REFUND_EXCEEDS),
        (by_phone(books, 6, sale, k=WRONG), reasons.CODE_WRONG),
    ]
    for (approval_id, found), wanted in tried:
        assert reasons.name(found) == reasons.name(wanted)
        assert books.booked(approval_id).state == DECLINED
        assert books.confirm(approval_id).state == DECLINED
    assert books.tries() == 1
    assert refunded(books, sale) == (0, 0)


def test_limits_of_purchases_do_not_bind_refunds(books: Books, sale: bytes) -> None:
    """Money that comes back is neither over a limit nor without space."""
    books.store.run("UPDATE recipients SET credit_space = 0, closed = 1")
    books.store.run("UPDATE buyers SET purchase_limit = 0")
    approval_id, reason = by_phone(books, 2, sale)
    assert reason == reasons.OK
    assert books.booked(approval_id).state == PENDING
