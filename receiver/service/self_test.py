"""Test what a sale needs, with known answers, and measure how long it takes.

The vectors are of RFC 8032 §7.1, RFC 6979 §A.2.5 (with s in its low form) and RFC 7748 §6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.link.service_wire import Tested

if TYPE_CHECKING:
    from typing import TypeVar

    from receiver.crypto.interface import Crypto
    from receiver.crypto.job import Job

    from .ports import Device, Store

    T = TypeVar("T")

STORE_NAME = "self.test"
STORE_VALUE = bytes(range(64))

SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
MESSAGE = b"\x72"
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
PHONE = bytes.fromhex("0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6")
PHONE_MESSAGE = b"sample"
PHONE_SIGNATURE = bytes.fromhex(
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9"
)
PRIVATE = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
PEER = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
SHARED = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")


class SelfTest:
    """The order SELF_TEST."""

    def __init__(self, crypto: Crypto, store: Store, device: Device) -> None:
        self._crypto = crypto
        self._store = store
        self._device = device
        self._ms = 0  # of the part that runs
        self._reason = reasons.OK

    def run_job(self, _order: object) -> Job[Tested]:
        """Test each part, also after one that failed; the first failure is the reason."""
        self._reason = reasons.OK
        crypto = self._crypto
        signature = yield from self._timed_job(crypto.ed25519_sign_job(SEED, MESSAGE))
        sign = self._took(signature == SIGNATURE, reasons.BAD_SIGNATURE)
        holds = yield from self._timed_job(self._ed25519_job())
        check = self._took(holds, reasons.BAD_SIGNATURE)
        holds = yield from self._timed_job(self._p256_job())
        phone = self._took(holds, reasons.BAD_SIGNATURE)
        shared = yield from self._timed_job(crypto.x25519_job(PRIVATE, PEER))
        agree = self._took(shared == SHARED, reasons.BAD_KEY)
        holds = yield from self._timed_job(self._store_job())
        store = self._took(holds, reasons.STORE_FAILED)
        radio = self._device.start_radio()
        self._took(radio, reasons.RADIO_FAILED)
        free, largest = self._device.memory()
        return Tested(sign, check, phone, agree, store, free, largest, int(radio), self._reason)

    def _took(self, holds: bool, reason: int) -> int:
        """Keep the first reason; return the time of the part that has run."""
        if not holds and not self._reason:
            self._reason = reason
        return self._ms

    def _timed_job(self, job: Job[T]) -> Job[T]:
        """Run `job`; count its slices alone, not what the board does in between."""
        self._ms = 0
        while True:
            began = self._device.clock()
            try:
                next(job)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                self._ms += self._device.clock() - began
            yield

    def _ed25519_job(self) -> Job[bool]:
        ready = yield from self._crypto.ed25519_key_job(PUBLIC)
        return (yield from self._crypto.ed25519_check_job(ready, MESSAGE, SIGNATURE))

    def _p256_job(self) -> Job[bool]:
        ready = yield from self._crypto.p256_key_job(PHONE)
        return (yield from self._crypto.p256_check_job(ready, PHONE_MESSAGE, PHONE_SIGNATURE))

    def _store_job(self) -> Job[bool]:
        try:
            self._store.put(STORE_NAME, STORE_VALUE)
            yield
            holds = self._store.get(STORE_NAME) == STORE_VALUE
            self._store.erase(STORE_NAME)
        except OSError:
            return False
        return holds
