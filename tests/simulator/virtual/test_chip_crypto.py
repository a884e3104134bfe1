"""A chip's cryptography: results as the host's, times as the chip's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from receiver.crypto import host
from receiver.crypto.job import finish
from simulator.hardware.radio.model.chip import CHIP
from simulator.phone.wallet.keys import P256, PhoneKey
from simulator.virtual.chip_crypto import ChipCrypto
from simulator.virtual.enrolled import seed_of

if TYPE_CHECKING:
    from receiver.crypto.job import Job

SEED, OTHER = seed_of("one"), seed_of("other")
PHONE = PhoneKey(P256, SEED)
MESSAGE = b"message"
SIGNED = host.ed25519_sign(SEED, MESSAGE)
PUBLIC = host.ed25519_public(SEED)
POINT = finish(host.x25519_public_job(OTHER))

Start = Callable[[Any], "Job[Any]"]

CASES: dict[str, tuple[Start, int]] = {
    "sign": (lambda c: c.ed25519_sign_job(SEED, MESSAGE), CHIP.ed25519_sign),
    "key": (lambda c: c.ed25519_key_job(PUBLIC), CHIP.ed25519_prepare),
    "check": (lambda c: c.ed25519_check_job(PUBLIC, MESSAGE, SIGNED), CHIP.ed25519_check),
    "forged": (lambda c: c.ed25519_check_job(PUBLIC, b"other", SIGNED), CHIP.ed25519_check),
    "p256": (
        lambda c: c.p256_check_job(
            finish(host.p256_key_job(PHONE.public)), MESSAGE, PHONE.sign(MESSAGE)
        ),
        CHIP.p256_check,
    ),
    "public": (lambda c: c.x25519_public_job(SEED), CHIP.x25519),
    "agree": (lambda c: c.x25519_job(SEED, POINT), CHIP.x25519),
}


@pytest.mark.parametrize("name", CASES)
def test_a_job_has_the_chips_slices_and_the_hosts_result(name: str) -> None:
    start, total = CASES[name]
    charged: list[int] = []
    job = start(ChipCrypto(CHIP, charged.append))
    result: Any = None
    steps = 0
    try:
        while True:
            next(job)
            steps += 1
            assert len(charged) == steps  # each before the pause after it
            assert result is None
    except StopIteration as end:
        result = end.value
    assert result == finish(start(host))
    assert steps == -(-total // CHIP.slice_most)
    assert all(0 < one <= CHIP.slice_most for one in charged)
    assert total - steps < sum(charged) <= total


def test_the_preparation_of_a_phones_key_is_charged() -> None:
    charged: list[int] = []
    key = finish(ChipCrypto(CHIP, charged.append).p256_key_job(PHONE.public))
    assert finish(host.p256_check_job(key, MESSAGE, PHONE.sign(MESSAGE)))
    assert sum(charged) == pytest.approx(CHIP.p256_prepare, abs=len(charged))


def test_a_seal_is_charged_by_its_size() -> None:
    charged: list[int] = []
    crypto = ChipCrypto(CHIP, charged.append)
    key, nonce = bytes(32), bytes(12)
    sealed = crypto.chacha_seal(key, nonce, bytes(200), b"")
    assert crypto.chacha_open(key, nonce, sealed, b"") == bytes(200)
    assert charged[0] == CHIP.aead_200
    assert charged[1] > charged[0]
