"""What makes certificate, offer, credential and approval acceptable, on chip and bridge alike."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from receiver import reasons
from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.encoding import cose
from receiver.protocol import identifiers, messages, signed, validation
from receiver.protocol.validation import Offered
from simulator.authority.keys import Keys
from simulator.phone.wallet.keys import ED25519, KINDS, P256
from tests.support.values import evidence
from tests.support.values.refusals import reason_of

NOW = 1_800_000_000
RECEIVER, PHONE = evidence.seed("receiver"), evidence.seed("phone")


class Case:
    """A sound purchase by a phone with this kind of key."""

    def __init__(self, keys: Keys, kind: str) -> None:
        self.keys = keys
        self.pins = keys.pins()
        self.certificate = evidence.certificate(keys, RECEIVER, NOW)
        self.offer = evidence.offer(RECEIVER, self.certificate, NOW)
        self.credential = evidence.credential(keys, PHONE, NOW, kind=kind)

    def offered(self, data: bytes | None = None) -> Offered:
        holder = validation.certificate(host, self.pins, self.certificate, NOW)
        return validation.offer(host, holder, self.certificate, data or self.offer)

    def approve(self, data: bytes, least_app: int = 0) -> validation.Approved:
        holder = validation.credential(host, self.pins, self.credential, NOW)
        return validation.approval(host, self.offered(), self.submission(holder, data), least_app)

    def submission(self, holder: messages.Credential, data: bytes) -> validation.Submission:
        return validation.Submission(evidence.ENC, self.credential, holder, data)

    def approval(self, **changes: Any) -> bytes:
        return evidence.approval(PHONE, self.certificate, self.offer, self.credential, **changes)


@pytest.fixture(scope="module", params=KINDS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(Keys(tmp_path_factory.mktemp("authority") / "keys.json"), request.param)


# Certificate.


def test_certificate(case: Case) -> None:
    value = validation.certificate(host, case.pins, case.certificate, NOW)
    assert (value.receiver_id, value.store) == (evidence.RECEIVER_ID, 101)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOW + evidence.LIFE_S - 1, 0),
        (NOW + evidence.LIFE_S, reasons.CERTIFICATE_EXPIRED),
        (None, 0),
    ],
)
def test_certificates_end(case: Case, now: int | None, reason: int) -> None:
    attempt = partial(validation.certificate, host, case.pins, case.certificate, now)
    if reason:
        assert reason_of(attempt) == reason
    else:
        attempt()


def test_certificate_of_an_issuer_that_is_not_pinned(case: Case) -> None:
    pins = {kid: key for kid, key in case.pins.items() if kid[0] != signed.ROLE_RECEIVER}
    attempt = partial(validation.certificate, host, pins, case.certificate, NOW)
    assert reason_of(attempt) == reasons.UNKNOWN_ISSUER


def test_certificate_that_is_a_credential(case: Case) -> None:
    attempt = partial(validation.certificate, host, case.pins, case.credential, NOW)
    assert reason_of(attempt) == reasons.WRONG_ROLE


# Offer.


def test_offer(case: Case) -> None:
    offered = case.offered()
    assert offered.offer.amount == evidence.AMOUNT
    assert offered.certificate_hash == identifiers.certificate_hash(case.certificate)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"version": 2}, reasons.WRONG_VERSION), ({"currency": 978}, reasons.WRONG_CURRENCY)],
)
def test_offer_with_another(case: Case, changes: dict[str, int], reason: int) -> None:
    data = evidence.offer(RECEIVER, case.certificate, NOW, **changes)
    assert reason_of(case.offered, data) == reason


def test_offer_by_another_key(case: Case) -> None:
    data = evidence.offer(evidence.seed("thief"), case.certificate, NOW)
    assert reason_of(case.offered, data) == reasons.BAD_SIGNATURE


def test_offer_under_another_certificate(case: Case) -> None:
    other = evidence.certificate(case.keys, RECEIVER, NOW, store=9)
    data = evidence.offer(RECEIVER, other, NOW)
    assert reason_of(case.offered, data) == reasons.WRONG_RECEIVER


# Credential.


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (0, reasons.OK),
        (evidence.LIFE_S - 1, reasons.OK),
        (evidence.LIFE_S, reasons.CREDENTIAL_EXPIRED),
        (-evidence.LIFE_S, reasons.OK),
        (-evidence.LIFE_S - 1, reasons.CREDENTIAL_NOT_YET_VALID),
    ],
)
def test_credentials_have_their_time(case: Case, at: int, reason: int) -> None:
    attempt = partial(validation.credential, host, case.pins, case.credential, NOW + at)
    if reason:
        assert reason_of(attempt) == reason
    else:
        attempt()


def test_without_a_clock_any_time_is_good(case: Case) -> None:
    old = evidence.credential(case.keys, PHONE, NOW, expires=1)
    validation.credential(host, case.pins, old, None)


def test_credential_of_another_authority(case: Case, tmp_path: Path) -> None:
    other = evidence.credential(Keys(tmp_path / "keys.json"), PHONE, NOW)
    attempt = partial(validation.credential, host, case.pins, other, NOW)
    assert reason_of(attempt) == reasons.BAD_SIGNATURE


# Approval.


def test_approval(case: Case) -> None:
    data = case.approval()
    approved = case.approve(data)
    assert approved.approval.amount == evidence.AMOUNT
    named = evidence.approval_id(case.certificate, case.offer, case.credential, data)
    assert approved.id == named


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 0}, reasons.WRONG_VERSION),
        ({"amount": evidence.AMOUNT + 1}, reasons.WRONG_AMOUNT),
        ({"currency": 978}, reasons.WRONG_CURRENCY),
        ({"recipient": 2}, reasons.WRONG_RECIPIENT),
        ({"app": 0}, reasons.OLD_APP),
        ({"enc": bytes(32)}, reasons.BAD_SIGNATURE),
    ],
)
def test_approval_with_another(case: Case, changes: dict[str, Any], reason: int) -> None:
    assert reason_of(case.approve, case.approval(**changes)) == reason


def test_the_stricter_of_two_least_apps_counts(case: Case) -> None:
    data = case.approval()
    case.approve(data, least_app=evidence.APP)
    assert reason_of(case.approve, data, least_app=evidence.APP + 1) == reasons.OLD_APP


def test_approval_id_is_not_over_the_signature(case: Case) -> None:
    """Signatures can be rewritten; the content under them is what is approved."""
    data = case.approval()
    holder = signed.parse(messages.CREDENTIAL, case.credential).value
    parsed = signed.parse(messages.APPROVAL, data, signed.algorithm(holder.key))
    context = evidence.approval_context(case.certificate, case.offer, case.credential)
    structure = signed.structure(messages.APPROVAL, parsed, context)
    assert parsed.sign1.signature not in structure
    assert case.approve(data).id == identifiers.approval_id(structure)
    named = validation.named(case.offered(), case.submission(holder, data))
    assert named.id == case.approve(data).id


def test_every_bit_of_an_approval_counts(case: Case) -> None:
    data = case.approval()
    for at in range(len(data)):
        reason_of(case.approve, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def test_an_approval_under_the_other_algorithm(case: Case) -> None:
    """The credential says which; there is nothing to choose."""
    holder = signed.parse(messages.CREDENTIAL, case.credential).value
    other = ED25519 if signed.algorithm(holder.key) == cose.ALG_ESP256 else P256
    foreign = evidence.credential(case.keys, PHONE, NOW, kind=other)
    data = evidence.approval(PHONE, case.certificate, case.offer, foreign)
    assert reason_of(case.approve, data) == reasons.MALFORMED


def test_a_phone_key_that_is_none(case: Case) -> None:
    """Whoever it is named by: no signature can hold under it."""
    for key in (b"\2" + bytes([255] * 32), bytes(32)):
        attempt = partial(finish, signed.prepare_job(host, key))
        assert reason_of(attempt) == reasons.BAD_SIGNATURE


def test_a_signature_rewritten_without_the_key_is_refused(case: Case) -> None:
    """ECDSA allows (r, n - s) as well as (r, s); here only the low one holds."""
    data = case.approval()
    r, s = data[-64:-32], int.from_bytes(data[-32:], "big")
    rewritten = data[:-64] + r + ((evidence.P256_ORDER - s) % 2**256).to_bytes(32, "big")
    assert reason_of(case.approve, rewritten) == reasons.BAD_SIGNATURE


# In slices.


class Counting:
    """The host's back end, with a slice before each long step, and a count of them."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def __getattr__(self, name: str) -> Any:
        work = getattr(host, name)

        def job(*arguments: Any) -> Any:
            self.steps.append(name)
            yield
            return (yield from work(*arguments))

        return job if name.endswith("_job") else work


def test_an_approval_in_slices(case: Case) -> None:
    crypto: Any = Counting()
    ring = signed.Ring(crypto, case.pins)
    holder = finish(validation.credential_job(ring, case.credential, NOW))
    key = finish(signed.prepare_job(crypto, holder.key))
    crypto.steps.clear()
    submission = case.submission(holder, case.approval())
    approved = finish(validation.approval_job(key, case.offered(), submission, 0))
    assert approved == case.approve(case.approval())
    assert len(crypto.steps) == 1


def test_comparisons_come_before_the_signature(case: Case) -> None:
    crypto: Any = Counting()
    ring = signed.Ring(crypto, case.pins)
    late = validation.credential_job(ring, case.credential, NOW + evidence.LIFE_S)
    assert reason_of(finish, late) == reasons.CREDENTIAL_EXPIRED
    old = validation.certificate_job(ring, case.certificate, NOW + evidence.LIFE_S)
    assert reason_of(finish, old) == reasons.CERTIFICATE_EXPIRED
    holder = signed.parse(messages.CREDENTIAL, case.credential).value
    key = finish(signed.prepare_job(crypto, holder.key))
    crypto.steps.clear()
    wrong = case.submission(holder, case.approval(amount=1))
    job = validation.approval_job(key, case.offered(), wrong, 0)
    assert reason_of(finish, job) == reasons.WRONG_AMOUNT
    assert crypto.steps == []


def test_the_credentials_issuer_is_made_ready_once(case: Case) -> None:
    crypto: Any = Counting()
    ring = signed.Ring(crypto, case.pins)
    finish(ring.prepare_job())
    assert crypto.steps == ["ed25519_key_job"]
    for _ in range(2):
        crypto.steps.clear()
        finish(validation.credential_job(ring, case.credential, NOW))
        assert crypto.steps == ["ed25519_check_job"]
        crypto.steps.clear()
        finish(validation.certificate_job(ring, case.certificate, NOW))
        assert crypto.steps == ["ed25519_key_job", "ed25519_check_job"]


def test_a_key_of_the_other_algorithm_verifies_nothing(case: Case) -> None:
    parsed = signed.parse(messages.CREDENTIAL, case.credential)
    wrong = parsed._replace(sign1=parsed.sign1._replace(alg=cose.ALG_ESP256))
    public = case.pins[parsed.sign1.kid]
    attempt = partial(signed.verify, messages.CREDENTIAL, wrong, public, host)
    assert reason_of(attempt) == reasons.BAD_SIGNATURE
