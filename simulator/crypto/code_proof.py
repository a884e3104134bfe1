"""The code proof: only the phone with the code, or the authority, can compute it (design §3.3).

With the other half of K, a proof gives away the six digits: never log it.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .p256 import p256_agree

KEY_SIZE = 32
PROOF_SIZE = 16
CODE_DIGITS = 6

_INFO = b"tillsign/1 code"


def code_key(private: bytes, peer: bytes, code: str) -> bytes:
    """Derive K, 32 bytes, from our P-256 private key, the peer's public one, and the code.

    The phone's key is in its hardware, as is the one that signs. ValueError for a code that is not
    six digits, or an invalid key.
    """
    if len(code) != CODE_DIGITS or not (code.isascii() and code.isdigit()):
        raise ValueError("a code has six digits")
    shared = p256_agree(private, peer)
    return HKDF(SHA256(), KEY_SIZE, salt=None, info=_INFO + code.encode()).derive(shared)


def prove(key: bytes, context: bytes) -> bytes:
    """Prove, in 16 bytes, that K was known for this approval context."""
    return hmac.digest(key, context, sha256)[:PROOF_SIZE]


def holds(key: bytes, context: bytes, proof: bytes) -> bool:
    """Check in constant time whether `proof` was made with K for this context."""
    return hmac.compare_digest(prove(key, context), proof)
