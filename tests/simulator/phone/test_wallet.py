"""The wallet: what it keeps, what it uses up, and what it does not believe."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from receiver import reasons
from receiver.errors import Error
from simulator.authority.keys import Keys
from simulator.phone.wallet import wallet as wallets
from simulator.phone.wallet.keys import KINDS
from simulator.phone.wallet.wallet import Pending, Wallet
from tests.support.machines.phone import EPOCH, PHONE, RECIPIENT, batch, wallet
from tests.support.values import evidence
from tests.support.values.refusals import refused_as

PENDING = Pending(b"saleref1", bytes(16), 1, b"\x04approval", 100, 752, 101, 3, EPOCH)


@pytest.fixture
def held(keys: Keys) -> Wallet:
    return wallet(keys)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wallet_survives_its_file(keys: Keys, tmp_path: Path, kind: str) -> None:
    held = wallet(keys, kind=kind)
    held.path = tmp_path / "wallet.json"
    held.remember(PENDING)
    assert wallets.load(held.path) == held
    assert held.path.stat().st_mode & 0o777 == 0o600


def test_a_wallet_with_a_key_of_no_kind(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "wallet.json"
    path.write_bytes(msgspec.json.encode(wallet(keys, kind="rsa", credentials=0)))
    with pytest.raises(ValueError, match="key"):
        wallets.load(path)


def test_a_pending_approval_is_on_disk_with_its_bytes(tmp_path: Path, held: Wallet) -> None:
    held.path = tmp_path / "wallet.json"
    held.remember(PENDING)
    (stored,) = wallets.load(held.path).pending.values()
    assert stored.message == PENDING.message


def test_a_counter_is_signed_once(held: Wallet) -> None:
    held.remember(PENDING)
    with pytest.raises(ValueError, match="once"):
        held.remember(PENDING._replace(message=b"other"))
    assert held.counter == 2


def test_a_counter_stays_used_up_when_its_approval_is_settled(held: Wallet) -> None:
    held.remember(PENDING)
    held.settle(PENDING)
    assert (held.pending, held.counter) == ({}, 2)


def test_a_credential_is_used_once(keys: Keys) -> None:
    held = wallet(keys, credentials=2)
    taken = {held.take_credential(RECIPIENT, EPOCH) for _ in range(2)}
    assert len(taken) == 2
    with refused_as(reasons.CREDENTIAL_EXPIRED):
        held.take_credential(RECIPIENT, EPOCH)


def test_a_credential_that_has_ended_is_dropped(held: Wallet) -> None:
    later = EPOCH + evidence.LIFE_S
    assert held.stock(RECIPIENT, later) == 0
    with pytest.raises(Error):
        held.take_credential(RECIPIENT, later)
    assert held.credentials[RECIPIENT] == []


@pytest.mark.parametrize(
    ("phone", "recipient"), [(evidence.seed("another"), RECIPIENT), (PHONE, RECIPIENT + 1)]
)
def test_a_credential_for_another_phone_or_recipient(
    keys: Keys, phone: bytes, recipient: int, held: Wallet
) -> None:
    credential = evidence.credential(keys, phone, EPOCH, recipient=recipient)
    with refused_as(reasons.WRONG_CREDENTIAL):
        held.add_credentials(RECIPIENT, [credential], EPOCH)
    assert credential not in held.credentials[RECIPIENT]


def test_a_batch_that_is_good_offline_takes_the_place_of_one_that_is_not(
    keys: Keys, held: Wallet
) -> None:
    assert not held.buys_offline(RECIPIENT, EPOCH)
    fresh = batch(keys, 2, offline_floor=100)
    held.add_credentials(RECIPIENT, fresh, EPOCH, instead=True)
    assert held.buys_offline(RECIPIENT, EPOCH)
    assert held.credentials[RECIPIENT] == fresh
    assert not held.buys_offline(RECIPIENT, EPOCH + evidence.LIFE_S)
    assert not held.buys_offline(RECIPIENT + 1, EPOCH)


def test_a_certificate_is_known_by_the_offers_that_name_it(keys: Keys, held: Wallet) -> None:
    certificate = evidence.certificate(keys, evidence.seed("receiver"), EPOCH)
    offer = evidence.offer(evidence.seed("receiver"), certificate, EPOCH)
    assert held.certificate(offer) is None
    held.know(certificate)
    assert held.certificate(offer) == certificate
    assert held.certificate(b"no offer") is None
    assert held.certificate(b"") is None


def test_the_newest_certificates_are_kept(held: Wallet) -> None:
    made = [number.to_bytes(4, "big") for number in range(wallets.CERTIFICATES_MOST + 2)]
    for certificate in made:
        held.know(certificate)
    assert list(held.certificates.values()) == made[2:]
