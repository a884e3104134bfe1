"""What was accepted without a network is judged by how things stood then."""

from __future__ import annotations

from typing import Any

import pytest

from receiver import reasons
from receiver.crypto import host
from receiver.encoding import cbor, schema
from receiver.protocol import identifiers, messages, signed
from simulator.authority.accounts import offline, people, receivers
from simulator.authority.accounts.limits import OFF, Limits
from simulator.authority.ledger import ledger
from simulator.authority.ledger.decline_rules import TRIES_MOST
from simulator.authority.ledger.record_verification import ONLINE_WINDOW_S
from simulator.authority.storage.schema import PENDING
from tests.support.shop.authority_books import NOW, WRONG, Books
from tests.support.values import evidence
from tests.support.values.refusals import reason_of

DAY = 24 * 3600
LIMITS = Limits(evidence.AMOUNT, 10 * evidence.AMOUNT, 10, 48)


def phone_of(books: Books) -> people.Phone:
    row = books.store.one("SELECT id, buyer, key FROM phones")
    assert row is not None
    return people.Phone(*row)


def credential(books: Books, now: int = NOW) -> messages.Credential:
    """A fresh one, which the books' phone uses from now on."""
    [books.credential] = people.issue_credentials(
        books.store, books.keys, phone_of(books), books.recipient, 1, now=now
    )
    value: messages.Credential = signed.from_authority(
        messages.CREDENTIAL, books.credential, books.keys.pins(), host
    )
    return value


@pytest.fixture
def allowed(books: Books) -> Books:
    """Books in which the receiver may sell offline and the phone's credential has a floor."""
    assert books.authorise(books.evidence(100)) == reasons.OK
    books.store.run("UPDATE buyers SET offline_floor = ?", evidence.AMOUNT)
    offline.set_limits(books.store, evidence.RECEIVER_ID, LIMITS, NOW - DAY)
    assert credential(books).offline_floor == evidence.AMOUNT
    return books


def upload(books: Books, data: bytes, now: int = NOW + DAY, **changes: Any) -> int:
    """The reason in the receipt of a record that was accepted offline."""
    record = schema.decode(messages.RECORD, data, messages.Record)
    record = record._replace(**({"mode": messages.OFFLINE} | changes))
    found = books.verified(schema.encode(messages.RECORD, record))
    receipt = ledger.authorise(books.store, books.keys, books.caller, found, now)
    return evidence.receipt(receipt, books.keys.pins()).reason


def refused(books: Books, data: bytes, now: int = NOW + DAY, **changes: Any) -> str:
    """The reason for which a record is no evidence of an offline purchase."""
    return reasons.name(reason_of(upload, books, data, now, **changes))


def test_uploaded_days_later_it_is_held(allowed: Books) -> None:
    data = allowed.record(1)
    assert upload(allowed, data, NOW + 5 * DAY) == reasons.OK
    assert allowed.booked(allowed.verified(data).approval_id).state == PENDING
    row = allowed.store.one("SELECT mode, accepted FROM transactions WHERE sequence = 1")
    assert row == (messages.OFFLINE, NOW)


def test_online_it_would_be_too_late(allowed: Books) -> None:
    assert refused(allowed, allowed.record(1), mode=messages.ONLINE) == "offer_expired"


@pytest.mark.parametrize("first", [messages.ONLINE, messages.OFFLINE])
def test_one_approval_however_it_comes(allowed: Books, first: int) -> None:
    """The bridge never heard the answer, accepted it offline, and now sends it again."""
    space, data = allowed.credit_space(), allowed.record(1)
    assert upload(allowed, data, NOW, mode=first) == reasons.OK
    for mode in (messages.OFFLINE, messages.ONLINE):
        assert upload(allowed, data, NOW + DAY, mode=mode, accepted=NOW + 5) == reasons.OK
    assert allowed.credit_space() == space - evidence.AMOUNT


def test_a_wrong_code_is_still_wrong(allowed: Books) -> None:
    assert upload(allowed, allowed.record(1, k=WRONG)) == reasons.CODE_WRONG
    assert allowed.tries() == 1


def test_off_by_default(books: Books) -> None:
    assert offline.limits_of(books.store, evidence.RECEIVER_ID, NOW) == OFF
    assert upload(books, books.record(1)) == reasons.PURCHASE_LIMIT


def test_over_the_receivers_floor_or_the_credentials(allowed: Books) -> None:
    amount = evidence.AMOUNT + 1
    assert upload(allowed, allowed.record(1, amount=amount)) == reasons.PURCHASE_LIMIT
    higher = LIMITS._replace(floor=2 * amount)
    offline.set_limits(allowed.store, evidence.RECEIVER_ID, higher, NOW - 1)
    assert upload(allowed, allowed.record(2, amount=amount)) == reasons.PURCHASE_LIMIT
    allowed.store.run("UPDATE buyers SET offline_floor = ?", amount)
    credential(allowed)
    assert upload(allowed, allowed.record(3, amount=amount)) == reasons.OK


def test_a_state_holds_for_its_day(allowed: Books) -> None:
    """The receiver may go by the last state that it got; after a day by none."""
    floors = {
        shift: offline.floor_at(allowed.store, evidence.RECEIVER_ID, NOW + shift)
        for shift in (-DAY - 1, -DAY, 0)
    }
    assert floors == {-DAY - 1: 0, -DAY: evidence.AMOUNT, 0: evidence.AMOUNT}
    offline.set_limits(allowed.store, evidence.RECEIVER_ID, OFF, NOW)
    assert offline.limits_of(allowed.store, evidence.RECEIVER_ID, NOW) == OFF
    for shift, floor in ((DAY - 1, evidence.AMOUNT), (DAY, 0)):
        assert offline.floor_at(allowed.store, evidence.RECEIVER_ID, NOW + shift) == floor


def test_what_could_not_have_happened_offline(allowed: Books) -> None:
    future = NOW + ONLINE_WINDOW_S + 1
    assert refused(allowed, allowed.record(1), NOW, accepted=future) == "offer_expired"
    assert refused(allowed, allowed.record(2, issued=NOW - 3600)) == "offer_expired"
    assert refused(allowed, allowed.record(3, issued=0)) == "stale_state"
    original: dict[str, Any] = {"kind": messages.REFUND, "original": bytes(16)}
    assert refused(allowed, allowed.record(4, **original)) == "wrong_kind"
    ended = NOW + people.CREDENTIAL_LIFE_S
    assert refused(allowed, allowed.record(5), ended + DAY, accepted=ended) == "credential_expired"


@pytest.mark.parametrize(("when", "wanted"), [(NOW, "wrong_receiver"), (NOW + 1, "ok")])
def test_a_certificate_counts_until_it_was_replaced(allowed: Books, when: int, wanted: str) -> None:
    data = allowed.record(1)
    value = receivers.certificate_for(
        host.ed25519_public(evidence.seed("receiver")),
        evidence.RECEIVER_ID,
        receivers.Terms(1, "Another name", 7, evidence.SEK),
        when,
    )
    receivers.enrol(allowed.store, allowed.keys, value, "client")
    issued = receivers.issued(allowed.store, identifiers.certificate_hash(allowed.certificate))
    assert issued is not None
    assert issued.replaced == when
    if wanted == "ok":
        assert upload(allowed, data) == reasons.OK
    else:
        assert refused(allowed, data) == wanted


@pytest.mark.parametrize(("when", "wanted"), [(NOW, "credential_revoked"), (NOW + 1, "ok")])
def test_a_credential_counts_until_it_was_revoked(allowed: Books, when: int, wanted: str) -> None:
    allowed.store.run("UPDATE credentials SET revoked = ?", when)
    assert reasons.name(upload(allowed, allowed.record(1))) == wanted
    assert reasons.name(allowed.authorise(allowed.evidence(2))) == "credential_revoked"


# Floors of credentials


def test_a_floor_wants_a_right_code_within_a_day(books: Books) -> None:
    books.store.run("UPDATE buyers SET offline_floor = 700")
    assert credential(books).offline_floor == 0
    assert books.authorise(books.evidence(1, k=WRONG)) == reasons.CODE_WRONG
    assert credential(books).offline_floor == 0
    assert books.authorise(books.evidence(2)) == reasons.OK
    assert credential(books, NOW + DAY).offline_floor == 700
    assert credential(books, NOW + DAY + 1).offline_floor == 0


def test_a_right_code_of_long_ago_is_not_of_today(allowed: Books) -> None:
    """Uploaded late, it says when it was given."""
    data = allowed.record(1)
    allowed.store.run("UPDATE phones SET code_at = 0")
    assert upload(allowed, data, NOW + 5 * DAY) == reasons.OK
    assert allowed.store.value("SELECT code_at FROM phones") == NOW


# Revocations


def test_the_list_names_who_is_blocked(allowed: Books) -> None:
    store, good = allowed.store, credential(allowed).id
    assert cbor.decode(offline.revocations(store, NOW)) == []
    for change, back in (
        ("buyers SET blocked = 1", "buyers SET blocked = 0"),
        ("recipients SET closed = 1", "recipients SET closed = 0"),
        (f"phones SET tries = {TRIES_MOST}", "phones SET tries = 0"),
    ):
        store.run(f"UPDATE {change}")
        assert good in list_of(allowed), change
        store.run(f"UPDATE {back}")
        assert list_of(allowed) == []
    store.run("UPDATE credentials SET revoked = ?", NOW)
    listed = list_of(allowed)
    assert good in listed
    assert listed == sorted(listed)
    assert len(listed) == 3  # whatever their floor
    assert cbor.decode(offline.revocations(store, NOW + people.CREDENTIAL_LIFE_S)) == []


def list_of(books: Books) -> list[bytes]:
    listed = cbor.decode(offline.revocations(books.store, NOW))
    assert isinstance(listed, list)
    return [one for one in listed if isinstance(one, bytes)]


def test_too_many_revocations_end_offline_sales(
    allowed: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "REVOKED_MOST", 1)
    allowed.store.run("UPDATE credentials SET revoked = ? WHERE offline_floor > 0", NOW)
    assert offline.terms(allowed.store, evidence.RECEIVER_ID, NOW)[0] == LIMITS
    allowed.store.run("UPDATE credentials SET revoked = ?", NOW)
    limits, listed = offline.terms(allowed.store, evidence.RECEIVER_ID, NOW)
    assert limits == OFF
    assert listed == offline.revocations(allowed.store, NOW)


def test_the_longest_list_fits() -> None:
    ids = [n.to_bytes(8, "big") for n in range(offline.REVOKED_MOST)]
    assert len(offline._listed(ids)) <= offline.REVOCATIONS_MOST
    assert cbor.decode(offline._listed(ids), offline.REVOCATIONS_MOST) == ids
