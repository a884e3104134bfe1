"""The cryptography of a chip, as results and times: the host computes, the chip's work is charged.

A job has as many slices as on the chip, each charged as it begins. The result comes with the step
after the last one: when the time of that slice has passed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from receiver.crypto import host
from receiver.crypto.job import finish

if TYPE_CHECKING:
    from receiver.crypto.interface import Ready
    from receiver.crypto.job import Job
    from simulator.hardware.radio.model.chip import ChipProfile

T = TypeVar("T")

_AEAD_BYTES = 200  # of the measured case


class ChipCrypto:
    """A back end (`receiver.crypto.interface.Crypto`); `charge` takes instructions."""

    def __init__(self, chip: ChipProfile, charge: Callable[[int], None]) -> None:
        self._chip = chip
        self._charge = charge

    def ed25519_public(self, seed: bytes) -> bytes:
        self._charge(self._chip.ed25519_sign)  # both multiply the base point once
        return host.ed25519_public(seed)

    def ed25519_sign_job(self, seed: bytes, message: bytes) -> Job[bytes]:
        return self._sliced(self._chip.ed25519_sign, host.ed25519_sign_job(seed, message))

    def ed25519_key_job(self, public: bytes) -> Job[Ready]:
        return self._sliced(self._chip.ed25519_prepare, host.ed25519_key_job(public))

    def ed25519_check_job(self, key: Ready, message: bytes, signature: bytes) -> Job[bool]:
        work = host.ed25519_check_job(key, message, signature)
        return self._sliced(self._chip.ed25519_check, work)

    def p256_key_job(self, public: bytes) -> Job[Ready]:
        return self._sliced(self._chip.p256_prepare, host.p256_key_job(public))

    def p256_check_job(self, key: Ready, message: bytes, signature: bytes) -> Job[bool]:
        work = host.p256_check_job(key, message, signature)
        return self._sliced(self._chip.p256_check, work)

    def x25519_public_job(self, private: bytes) -> Job[bytes]:
        return self._sliced(self._chip.x25519, host.x25519_public_job(private))

    def x25519_job(self, private: bytes, public: bytes) -> Job[bytes | None]:
        return self._sliced(self._chip.x25519, host.x25519_job(private, public))

    def chacha_seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        self._charge_aead(len(plaintext))
        return host.chacha_seal(key, nonce, plaintext, aad)

    def chacha_open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
        self._charge_aead(len(sealed))
        return host.chacha_open(key, nonce, sealed, aad)

    def _sliced(self, instructions: int, work: Job[T]) -> Job[T]:
        slices = -(-instructions // self._chip.slice_most)
        for _ in range(slices):
            self._charge(instructions // slices)
            yield
        return finish(work)

    def _charge_aead(self, size: int) -> None:
        self._charge(self._chip.aead_200 * size // _AEAD_BYTES)
