"""What a receiver knows of itself."""

from __future__ import annotations

from itertools import count

import pytest

from receiver import reasons
from receiver.core import identity
from receiver.core.identity import NOT_ENROLLED, Enrolment, Identity
from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.link import wire
from receiver.protocol import identifiers, messages, signed, validation
from simulator.authority.keys import Keys
from tests.support.values import evidence
from tests.support.values.refusals import reason_of

EPOCH = 1_800_000_000
RECEIVER = evidence.seed("receiver")
EPHEMERAL = bytes(range(32))
ORDER = wire.Open(evidence.REFERENCE, messages.PURCHASE, 100, evidence.SEK, 3, 60, b"")


def make(keys: Keys, certificate: bytes | None = None, reserved: int = 1) -> Identity:
    numbers = count(1)
    if certificate is None:
        certificate = evidence.certificate(keys, RECEIVER, EPOCH)
    entropy = lambda size: evidence.seed(str(next(numbers)))[:size]  # noqa: E731
    return Identity(Enrolment(RECEIVER, certificate, keys.pins(), 0, 0), host, entropy, reserved)


@pytest.fixture
def known(keys: Keys) -> Identity:
    return make(keys)


def offer(known: Identity, order: wire.Open = ORDER, now: int = 0) -> validation.Offered:
    return finish(known.offer_job(order, EPHEMERAL, now))


def learn(known: Identity, keys: Keys, now: int) -> None:
    finish(known.state_job(keys.state(1, evidence.RECEIVER_ID, known.nonce, EPOCH), now))


def why_not(known: Identity, order: wire.Open = ORDER, now: int = 0) -> int:
    """Why no offer is made, as it is said before the work and in it."""
    reason = reason_of(known.may_offer, order, now)
    assert reason_of(offer, known, order, now) == reason
    return reason


def test_a_board_that_was_never_enrolled(keys: Keys) -> None:
    known = make(keys, b"")
    assert known.receiver_id == bytes(8)
    assert known.problem is None
    assert known.seconds(0) is None
    assert why_not(known) == reasons.NO_CERTIFICATE


def test_a_certificate_that_does_not_hold_is_not_in_use(keys: Keys) -> None:
    known = make(keys, evidence.certificate(keys, evidence.seed("another"), EPOCH))
    assert known.problem is not None
    assert (known.problem.code, known.certificate_data) == (reasons.WRONG_RECEIVER, b"")
    assert why_not(known) == reasons.NO_CERTIFICATE


def test_offers_differ_in_number_and_hold_the_key_they_are_given(keys: Keys) -> None:
    known = make(keys, reserved=65)
    first, second = (offer(known).offer for _ in range(2))
    assert (first.sequence, second.sequence) == (65, 66)
    assert (first.ephemeral, first.issued) == (EPHEMERAL, 0)


def test_an_offer_holds(known: Identity) -> None:
    offered = offer(known)
    assert known.certificate is not None
    assert offered == validation.offer(
        host, known.certificate, known.certificate_data, offered.data
    )


def test_offer_names_its_certificate_and_time(keys: Keys, known: Identity) -> None:
    learn(known, keys, 10_000)
    offered = offer(known, ORDER, 13_999)
    assert offered.offer.issued == EPOCH + 3
    kid = signed.parse(messages.OFFER, offered.data).sign1.kid
    assert kid == identifiers.certificate_hash(known.certificate_data)[: len(kid)]


def test_blocks_of_sequence_numbers(known: Identity) -> None:
    reserving = []
    for _ in range(2 * identity.SEQUENCE_BLOCK + 1):
        reserving.append(known.must_reserve())
        assert offer(known).offer.sequence < known.reserved
    assert [at for at, asked in enumerate(reserving) if asked] == [0, 64, 128]
    assert known.reserved == 1 + 3 * identity.SEQUENCE_BLOCK


def test_another_currency(keys: Keys) -> None:
    assert why_not(make(keys), ORDER._replace(currency=978)) == reasons.WRONG_CURRENCY


def test_state_brings_time_and_least_app(keys: Keys, known: Identity) -> None:
    assert known.least_app == 0
    learn(known, keys, 5_000)
    assert known.least_app == 1
    assert known.seconds(5_999) == EPOCH
    assert known.seconds(6_000) == EPOCH + 1


def test_nonces_are_fresh_at_each_boot() -> None:
    numbers = count(1)
    entropy = lambda size: next(numbers).to_bytes(size, "big")  # noqa: E731
    nonces = {Identity(NOT_ENROLLED, host, entropy, 1).nonce for _ in range(3)}
    assert len(nonces) == 3
