"""The device's back end: plain Python, on MicroPython and CPython alike."""

from __future__ import annotations

from .ed25519 import public as ed25519_public
from .ed25519 import sign as ed25519_sign
from .ed25519 import verify as ed25519_verify
from .sha512 import sha512

__all__ = ["ed25519_public", "ed25519_sign", "ed25519_verify", "sha512"]
