"""A receiver that changes hands: what each client may do, and what was accepted in its time."""

from __future__ import annotations

from typing import Any

import pytest

from receiver import reasons
from receiver.crypto import host
from receiver.encoding import schema
from receiver.protocol import identifiers, messages
from simulator.authority.accounts import bindings, offline, receivers
from simulator.authority.accounts.bindings import Caller
from simulator.authority.accounts.limits import Limits
from simulator.authority.ledger import ledger, refunds, statements
from simulator.authority.ledger.transactions import Booked
from simulator.authority.storage.schema import DECLINED, PENDING, POSTED, VOIDED
from tests.support.shop.authority_books import CLIENT, NOW, RECEIVER, Books
from tests.support.values import evidence
from tests.support.values.refusals import reason_of

OTHER, THIRD = "other", "third"
MOVED = NOW + 60
DAY = 24 * 3600
YEAR = receivers.CERTIFICATE_LIFE_S


def enrol(
    books: Books,
    client: str,
    now: int = MOVED,
    *,
    public_key: bytes = host.ed25519_public(RECEIVER),
    receiver_id: bytes = evidence.RECEIVER_ID,
    invoice_issuer: int = 7,
) -> bytes:
    terms = receivers.Terms(1, f"Store of {client}", invoice_issuer, evidence.SEK)
    value = receivers.certificate_for(public_key, receiver_id, terms, now)
    return receivers.enrol(books.store, books.keys, value, client)


def caller(books: Books, client: str) -> Caller:
    found = bindings.caller(books.store, client, evidence.RECEIVER_ID)
    assert found is not None
    return found


def code(work: Any, *args: Any) -> str:
    """The name of the reason for which `work` is refused."""
    return reasons.name(reason_of(work, *args))


def authorise(books: Books, client: str, data: bytes, now: int, **changes: Any) -> int:
    """The reason in the receipt, of a record that the books' first certificate is named in."""
    record = schema.decode(messages.RECORD, data, messages.Record)
    record = record._replace(**changes)
    found = books.verified(schema.encode(messages.RECORD, record))
    receipt = ledger.authorise(books.store, books.keys, caller(books, client), found, now)
    return evidence.receipt(receipt, books.keys.pins()).reason


def refund(books: Books, client: str, refund_id: bytes, transaction_id: bytes | None) -> Booked:
    order = refunds.Order(refund_id, evidence.RECEIVER_ID, transaction_id or b"", 10, evidence.SEK)
    return refunds.refund(books.store, caller(books, client), order, NOW)


def seen(books: Books, client: str) -> set[str]:
    page = statements.page(books.store, caller(books, client), NOW - DAY, NOW + DAY, None)
    return {one.approval_id.hex() for one in page.transactions}


def shown(books: Books, client: str) -> list[tuple[str, int, int | None]]:
    page = bindings.listed(books.store, client, b"")
    assert page.next is None
    return [(one.receiver_id.hex(), one.since, one.until) for one in page.receivers]


# Who speaks for a receiver


def test_a_receiver_has_one_client_and_a_history(books: Books) -> None:
    name = evidence.RECEIVER_ID.hex()
    assert shown(books, CLIENT) == [(name, NOW, None)]
    enrol(books, OTHER)
    assert shown(books, CLIENT) == [(name, NOW, MOVED)]
    assert shown(books, OTHER) == [(name, MOVED, None)]
    assert caller(books, CLIENT) == Caller(CLIENT, evidence.RECEIVER_ID, MOVED)
    assert caller(books, OTHER).until is None
    assert bindings.client_of(books.store, evidence.RECEIVER_ID) == OTHER
    assert bindings.caller(books.store, THIRD, evidence.RECEIVER_ID) is None
    assert bindings.caller(books.store, CLIENT, b"no such.") is None
    assert shown(books, THIRD) == []


def test_a_receiver_may_come_back(books: Books) -> None:
    """In the same second too."""
    for now, client in ((MOVED, OTHER), (MOVED, CLIENT), (MOVED, OTHER), (MOVED + 1, CLIENT)):
        enrol(books, client, now)
        assert caller(books, client).until is None
    assert caller(books, OTHER).until == MOVED + 1
    assert shown(books, CLIENT) == [(evidence.RECEIVER_ID.hex(), NOW, None)]


def test_the_same_client_again_is_no_change(books: Books) -> None:
    enrol(books, CLIENT)
    assert books.store.rows("SELECT since, until FROM bindings") == [(NOW, None)]


def test_receivers_are_listed_page_by_page(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "PAGE", 2)
    ids = sorted([evidence.RECEIVER_ID, *(bytes([number]) * 8 for number in range(4))])
    for number in range(4):
        key = host.ed25519_public(bytes([number]) * 32)
        enrol(books, CLIENT, public_key=key, receiver_id=bytes([number]) * 8)
    found: list[bytes] = []
    after: bytes | None = b""
    while after is not None:
        page = bindings.listed(books.store, CLIENT, after)
        after = page.next
        found += [one.receiver_id for one in page.receivers]
    assert found == ids


# What each may do


def test_a_former_client_ends_what_it_began(books: Books) -> None:
    held, other_held = books.buy(1), books.buy(2)
    enrol(books, OTHER)
    former = caller(books, CLIENT)
    assert ledger.confirm(books.store, former, held, NOW).state == POSTED
    assert ledger.reverse(books.store, former, other_held, NOW) == VOIDED
    for _ in range(2):  # an id that was never seen; its stone is the former client's own
        assert ledger.reverse(books.store, former, bytes(16), NOW) == VOIDED
    assert statements.one(books.store, former, held).state == POSTED
    back = refund(books, CLIENT, b"\1" * 16, books.booked(held).transaction_id)
    assert (back.state, back.client) == (POSTED, CLIENT)
    assert refund(books, CLIENT, b"\1" * 16, books.booked(held).transaction_id) == back


def test_a_former_client_touches_nothing_of_the_next(books: Books) -> None:
    books.certificate = enrol(books, OTHER)
    sale = books.evidence(1)
    books.caller = caller(books, OTHER)
    posted, held = books.post(2), books.buy(1)
    back = refund(books, OTHER, b"\1" * 16, books.booked(posted).transaction_id)
    former = caller(books, CLIENT)
    for work in (ledger.confirm, ledger.reverse):
        assert code(work, books.store, former, held, NOW) == "wrong_receiver"
    assert code(statements.one, books.store, former, held) == "wrong_receiver"
    again = (ledger.authorise, books.store, books.keys, former, sale, NOW)
    assert code(*again) == "wrong_receiver"
    foreign = refund(books, CLIENT, b"\2" * 16, books.booked(posted).transaction_id)
    assert (foreign.state, foreign.reason) == (DECLINED, reasons.NOT_POSTED)
    same = (refund, books, CLIENT, back.id, books.booked(posted).transaction_id)
    assert code(*same) == "wrong_receiver"
    assert books.booked(held).state == PENDING
    assert seen(books, CLIENT) == {foreign.id.hex()}


def test_the_next_client_ends_what_the_former_began(books: Books) -> None:
    """A terminal was exchanged: the journal is the same, its TLS certificate another."""
    posted, held = books.post(1), books.buy(2)
    again = books.record(2)
    enrol(books, OTHER)
    current = caller(books, OTHER)
    assert authorise(books, OTHER, again, NOW) == reasons.OK
    assert ledger.confirm(books.store, current, held, NOW).state == POSTED
    assert refund(books, OTHER, b"\1" * 16, books.booked(posted).transaction_id).state == POSTED
    assert {posted.hex(), held.hex()} <= seen(books, OTHER)


def test_a_former_client_begins_nothing(books: Books) -> None:
    booked, again = books.record(1), books.record(2)
    assert authorise(books, CLIENT, booked, NOW) == reasons.OK
    enrol(books, OTHER)
    assert authorise(books, CLIENT, booked, NOW) == reasons.OK
    assert code(authorise, books, CLIENT, again, NOW) == "wrong_receiver"


def test_a_client_that_lost_only_its_binding_begins_nothing(books: Books) -> None:
    """The receiver's own certificate is good still."""
    bindings.renew(books.store, CLIENT, OTHER, MOVED)
    assert code(authorise, books, CLIENT, books.record(1), NOW) == "wrong_receiver"
    assert authorise(books, OTHER, books.record(1), NOW) == reasons.OK


def test_a_stone_names_the_till_once_its_approval_came(books: Books) -> None:
    found = books.evidence(1, till=5)
    books.reverse(found.approval_id)
    assert statements.one(books.store, books.caller, found.approval_id).till is None
    assert books.authorise(found) == reasons.REVERSED
    assert statements.one(books.store, books.caller, found.approval_id).till == 5


# As of the time of acceptance


@pytest.fixture
def allowed(books: Books) -> Books:
    """Books with one offline record in them to be sent, accepted at NOW."""
    books.store.run("UPDATE buyers SET offline_floor = ?", evidence.AMOUNT)
    offline.set_limits(
        books.store, evidence.RECEIVER_ID, Limits(evidence.AMOUNT, 90_000, 9, 24), NOW - DAY
    )
    books.credential = evidence.credential(
        books.keys,
        books.phone,
        NOW,
        **dict(zip(("id", "recipient"), _credential(books), strict=True)),
        offline_floor=evidence.AMOUNT,
    )
    return books


def _credential(books: Books) -> tuple[Any, ...]:
    row = books.store.one("SELECT id, recipient FROM credentials")
    assert row is not None
    return row


def upload(books: Books, client: str, now: int, accepted: int = NOW) -> int:
    data = books.record(1)
    return authorise(books, client, data, now, mode=messages.OFFLINE, accepted=accepted)


@pytest.mark.parametrize("client", [CLIENT, OTHER])
def test_an_upload_after_the_receiver_moved(allowed: Books, client: str) -> None:
    enrol(allowed, OTHER)
    assert upload(allowed, client, NOW + 5 * DAY) == reasons.OK
    booked = allowed.booked(allowed.evidence(1).approval_id)
    assert (booked.state, booked.client) == (PENDING, client)


def test_what_was_accepted_after_the_move_is_not_the_former_clients(allowed: Books) -> None:
    bindings.renew(allowed.store, CLIENT, OTHER, NOW + 1)
    assert code(upload, allowed, CLIENT, NOW + DAY, NOW + 1) == "wrong_receiver"
    assert upload(allowed, CLIENT, NOW + DAY, NOW) == reasons.OK


def test_an_upload_after_the_receivers_certificate_ended(allowed: Books) -> None:
    assert upload(allowed, CLIENT, NOW + YEAR + DAY) == reasons.OK


def test_an_upload_after_the_receivers_certificate_was_replaced(allowed: Books) -> None:
    """By one with another key, for another company."""
    key = host.ed25519_public(evidence.seed("new key"))
    enrol(allowed, CLIENT, public_key=key, invoice_issuer=8)
    assert upload(allowed, CLIENT, NOW + 5 * DAY) == reasons.OK
    assert allowed.store.value("SELECT invoice_issuer FROM transactions") == 7


def test_a_refund_after_the_receivers_certificate_named_another_company(
    books: Books, sale: bytes
) -> None:
    """Who took the money gives it back."""
    enrol(books, CLIENT, invoice_issuer=8)
    back = refund(books, CLIENT, b"\1" * 16, books.booked(sale).transaction_id)
    assert back.state == POSTED
    issuers = books.store.rows("SELECT invoice_issuer FROM transactions WHERE kind = 1")
    assert issuers == [(7,)]


# A renewed certificate


def test_a_renewed_certificate_is_the_same_client(books: Books) -> None:
    held, sale = books.buy(1), books.evidence(2)
    moved = b"moved..."
    enrol(books, CLIENT, NOW, public_key=bytes(32), receiver_id=moved)
    enrol(books, OTHER, MOVED, public_key=bytes(32), receiver_id=moved)
    for _ in range(2):
        assert bindings.renew(books.store, CLIENT, "renewed", MOVED) == CLIENT
    assert shown(books, "renewed") == [
        (evidence.RECEIVER_ID.hex(), NOW, None),
        (moved.hex(), NOW, MOVED),
    ]
    assert bindings.client_of(books.store, evidence.RECEIVER_ID) == "renewed"
    renewed, old = caller(books, "renewed"), caller(books, CLIENT)
    assert renewed == Caller(CLIENT, evidence.RECEIVER_ID)
    assert old == Caller(CLIENT, evidence.RECEIVER_ID, MOVED)
    assert ledger.confirm(books.store, old, held, NOW).state == POSTED
    receipt = ledger.authorise(books.store, books.keys, renewed, sale, NOW)
    assert evidence.receipt(receipt, books.keys.pins()).reason == reasons.OK
    assert bindings.renew(books.store, "renewed", "newest", MOVED + 1) == CLIENT
    assert caller(books, "newest").until is None
    assert caller(books, "renewed").until == MOVED + 1


def test_a_receiver_is_enrolled_under_the_renewed_certificate(books: Books) -> None:
    bindings.renew(books.store, CLIENT, "renewed", MOVED)
    enrol(books, "renewed")
    assert books.store.rows("SELECT client, until FROM bindings") == [(CLIENT, None)]
    assert code(enrol, books, CLIENT) == "conflict"


def test_a_certificate_renews_one_client(books: Books) -> None:
    enrol(books, OTHER, public_key=bytes(32), receiver_id=b"another.")
    assert bindings.renew(books.store, THIRD, "renewed", NOW) is None
    assert code(bindings.renew, books.store, CLIENT, OTHER, NOW) == "conflict"
    assert bindings.renew(books.store, CLIENT, "renewed", NOW) == CLIENT
    assert code(bindings.renew, books.store, CLIENT, THIRD, NOW) == "conflict"
    assert code(bindings.renew, books.store, OTHER, "renewed", NOW) == "conflict"
    assert code(bindings.renew, books.store, OTHER, CLIENT, NOW) == "conflict"
    assert code(bindings.renew, books.store, "renewed", CLIENT, NOW) == "conflict"


def test_a_certificate_that_was_issued_names_its_caller_at_once(books: Books) -> None:
    """On a sale's path they are asked for in one statement."""
    hashed = identifiers.certificate_hash(books.certificate)
    issued = receivers.issued(books.store, hashed)
    assert receivers.presented(books.store, hashed, CLIENT) == (issued, books.caller)
    assert receivers.presented(books.store, hashed, THIRD) == (issued, None)
    assert receivers.presented(books.store, bytes(32), CLIENT) == (None, None)
