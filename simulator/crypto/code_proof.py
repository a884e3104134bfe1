"""The code proof: what only the phone with the code, or the authority, can compute (design §3.3).

A proof is six digits away from the code for whoever holds K's other half: it belongs in no log.
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
    """K, 32 bytes, from our P-256 private key, the other side's public one, and the code.

    The phone's key lies in its hardware, as the one that signs. ValueError for a code that is not
    six digits, or a key that is none.
    """
    if len(code) != CODE_DIGITS or not (code.isascii() and code.isdigit()):
        raise ValueError("a code has six digits")
    shared = p256_agree(private, peer)
    return HKDF(SHA256(), KEY_SIZE, salt=None, info=_INFO + code.encode()).derive(shared)


def prove(key: bytes, context: bytes) -> bytes:
    """The proof, 16 bytes, that K was known for this approval context."""
    return hmac.digest(key, context, sha256)[:PROOF_SIZE]


def holds(key: bytes, context: bytes, proof: bytes) -> bool:
    """Whether `proof` was made with K for this context, in constant time."""
    return hmac.compare_digest(prove(key, context), proof)
