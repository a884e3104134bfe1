"""Name the device's back end, for MicroPython and CPython alike."""

from __future__ import annotations

from .chacha import open_ as chacha_open
from .chacha import seal as chacha_seal
from .ed25519 import check_job as ed25519_check_job
from .ed25519 import key_job as ed25519_key_job
from .ed25519 import public as ed25519_public
from .ed25519 import sign_job as ed25519_sign_job
from .p256 import check_job as p256_check_job
from .p256 import key_job as p256_key_job
from .x25519 import public_job as x25519_public_job
from .x25519 import shared_job as x25519_job

__all__ = [
    "chacha_open",
    "chacha_seal",
    "ed25519_check_job",
    "ed25519_key_job",
    "ed25519_public",
    "ed25519_sign_job",
    "p256_check_job",
    "p256_key_job",
    "x25519_job",
    "x25519_public_job",
]
