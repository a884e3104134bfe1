"""The host's cryptography, with the latest results cached.

A receiver's certificate comes with every sale, and a phone's credential with several. Checks depend
on their arguments alone, so a cached result is always correct.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any, cast

from receiver.crypto import host
from receiver.crypto.host import at_once
from receiver.crypto.interface import Crypto
from receiver.crypto.job import finish

REMEMBERED = 4096  # of each kind; some megabytes in all


@lru_cache(REMEMBERED)
def _ed25519_key(public: bytes) -> Any:
    return finish(host.ed25519_key_job(public))


@lru_cache(REMEMBERED)
def _ed25519_check(key: Any, message: bytes, signature: bytes) -> bool:
    return finish(host.ed25519_check_job(key, message, signature))


@lru_cache(REMEMBERED)
def _p256_key(public: bytes) -> Any:
    return finish(host.p256_key_job(public))


CRYPTO = cast(
    "Crypto",
    SimpleNamespace(
        **{
            **vars(host),
            "ed25519_key_job": at_once(_ed25519_key),
            "ed25519_check_job": at_once(_ed25519_check),
            "p256_key_job": at_once(_p256_key),
        }
    ),
)
