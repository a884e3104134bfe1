"""What makes certificate, offer, credential and approval acceptable, on chip and bridge alike."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from receiver import checks, messages, reasons, session, signed
from receiver.checks import Offered
from receiver.crypto import host
from receiver.errors import Error
from simulator.authority.keys import Keys
from tests import evidence

NOW = 1_800_000_000
RECEIVER, PHONE = evidence.seed("receiver"), evidence.seed("phone")


class Case:
    """A sound purchase."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.pins = keys.pins()
        self.certificate = evidence.certificate(keys, RECEIVER, NOW)
        self.offer = evidence.offer(RECEIVER, self.certificate, NOW)
        self.credential = evidence.credential(keys, PHONE, NOW)

    def offered(self, data: bytes | None = None) -> Offered:
        holder = checks.certificate(host, self.pins, self.certificate, NOW)
        return checks.offer(host, holder, self.certificate, data or self.offer)

    def approve(self, data: bytes, least_app: int = 0) -> checks.Approved:
        holder = checks.credential(host, self.pins, self.credential, NOW)
        return checks.approval(host, self.offered(), self.credential, holder, b"", data, least_app)

    def approval(self, **changes: Any) -> bytes:
        return evidence.approval(PHONE, self.certificate, self.offer, self.credential, **changes)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(Keys(tmp_path_factory.mktemp("authority") / "keys.json"))


def reason_of(attempt: Any, *arguments: Any, **named: Any) -> int:
    with pytest.raises(Error) as caught:
        attempt(*arguments, **named)
    assert caught.value.detail
    return caught.value.code


# Certificate.


def test_certificate(case: Case) -> None:
    value = checks.certificate(host, case.pins, case.certificate, NOW)
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
    attempt = partial(checks.certificate, host, case.pins, case.certificate, now)
    if reason:
        assert reason_of(attempt) == reason
    else:
        attempt()


def test_certificate_of_an_issuer_that_is_not_pinned(case: Case) -> None:
    pins = {kid: key for kid, key in case.pins.items() if kid[0] != signed.ROLE_RECEIVER}
    attempt = partial(checks.certificate, host, pins, case.certificate, NOW)
    assert reason_of(attempt) == reasons.UNKNOWN_ISSUER


def test_certificate_that_is_a_credential(case: Case) -> None:
    attempt = partial(checks.certificate, host, case.pins, case.credential, NOW)
    assert reason_of(attempt) == reasons.WRONG_ROLE


# Offer.


def test_offer(case: Case) -> None:
    offered = case.offered()
    assert offered.offer.amount == evidence.AMOUNT
    assert offered.certificate_hash == session.certificate_hash(case.certificate)


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
    attempt = partial(checks.credential, host, case.pins, case.credential, NOW + at)
    if reason:
        assert reason_of(attempt) == reason
    else:
        attempt()


def test_without_a_clock_any_time_is_good(case: Case) -> None:
    old = evidence.credential(case.keys, PHONE, NOW, expires=1)
    checks.credential(host, case.pins, old, None)


def test_credential_of_another_authority(case: Case, tmp_path: Path) -> None:
    other = evidence.credential(Keys(tmp_path / "keys.json"), PHONE, NOW)
    attempt = partial(checks.credential, host, case.pins, other, NOW)
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
        ({"enc": b"\0"}, reasons.BAD_SIGNATURE),
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
    parsed = signed.parse(messages.APPROVAL, data)
    context = evidence.approval_context(case.certificate, case.offer, case.credential)
    structure = signed.structure(messages.APPROVAL, parsed, context)
    assert parsed.sign1.signature not in structure
    assert case.approve(data).id == session.approval_id(structure)


def test_every_bit_of_an_approval_counts(case: Case) -> None:
    data = case.approval()
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        reason_of(case.approve, changed)
