"""P-256 as a phone's hardware has it: Secure Enclave and StrongBox offer no other curve."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PUBLIC_SIZE = 33

_SIZE = 32
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def p256_private() -> bytes:
    """Create a private key, 32 bytes."""
    return generate_private_key(SECP256R1()).private_numbers().private_value.to_bytes(_SIZE, "big")


def p256_public(private: bytes) -> bytes:
    """Return the public key of a 32-byte private key: 33 bytes, compressed (SEC 1 §2.3.3)."""
    point = _key(private).public_key()
    return point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def p256_sign(private: bytes, message: bytes) -> bytes:
    """Sign: r ‖ s over SHA-256(message), s in its low form; deterministic (RFC 6979)."""
    algorithm = ECDSA(SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(_key(private).sign(message, algorithm))
    return r.to_bytes(_SIZE, "big") + min(s, _ORDER - s).to_bytes(_SIZE, "big")


def p256_agree(private: bytes, public: bytes) -> bytes:
    """Return the shared x coordinate, 32 bytes (SEC 1 §3.3.1); ValueError for a wrong `public`."""
    if len(public) != PUBLIC_SIZE:
        raise ValueError("public key is not a compressed point")
    point = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
    return _key(private).exchange(ECDH(), point)


def _key(private: bytes) -> EllipticCurvePrivateKey:
    """Load a key; ValueError unless it is 32 bytes and in 1..n-1."""
    if len(private) != _SIZE:
        raise ValueError("private key is not 32 bytes")
    return derive_private_key(int.from_bytes(private, "big"), SECP256R1())
