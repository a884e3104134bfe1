"""Build and parse COSE_Sign1 (RFC 9052 §4), untagged: one header a role, always a context."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.errors import Error

from . import cbor

if TYPE_CHECKING:
    from collections.abc import Callable

ALG_ED25519 = -19  # RFC 9864: Ed25519, no other curve
ALG_ESP256 = -9  # RFC 9864: ECDSA with P-256 and SHA-256

# Kinds of signature. None is a prefix of another, so kind and context join without a separator.
CERTIFICATE = "certificate"
OFFER = "offer"
CREDENTIAL = "credential"
APPROVAL = "approval"
RECEIPT = "receipt"
PROVISIONAL = "provisional"
STATE = "state"
ENROLMENT = "enrolment"
INSTALLED = "installed"
FIRMWARE = "firmware"
KINDS = (
    CERTIFICATE,
    OFFER,
    CREDENTIAL,
    APPROVAL,
    RECEIPT,
    PROVISIONAL,
    STATE,
    ENROLMENT,
    INSTALLED,
    FIRMWARE,
)

SIGNATURE_SIZE = 64  # both algorithms: R and S, or r and s, of 32 bytes each

DOMAIN = "tillsign/1 "
_starts: dict[tuple[int, int], bytes] = {}  # first bytes of headers, by alg and size of kid
_ALG = 1  # header parameters, RFC 9052 §3.1
_KID = 4

Sign1 = NamedTuple(
    "Sign1",
    [
        ("protected", bytes),  # encoded header
        ("alg", int),
        ("kid", bytes),  # b"" when absent
        ("payload", bytes),
        ("signature", bytes),
    ],
)


def parse(data: bytes | bytearray | memoryview, alg: int, kid_size: int) -> Sign1:
    """Parse the message in `data`, with this alg and a kid of kid_size bytes (0: none), or raise.

    The signature is not verified: check `signature` over `to_be_signed`.
    """
    parts = cbor.decode(data)
    if not isinstance(parts, list) or len(parts) != 4:
        raise _malformed("not an array of four")
    protected, unprotected, payload, signature = parts
    if not isinstance(protected, bytes) or not isinstance(payload, bytes):
        raise _malformed("header or payload is not a byte string")
    if not isinstance(signature, bytes) or len(signature) != SIGNATURE_SIZE:
        raise _malformed("signature is not 64 bytes")
    if unprotected != {} or not isinstance(unprotected, dict):
        raise _malformed("unprotected header is not an empty map")
    kid = protected[len(protected) - kid_size :]
    if len(kid) != kid_size or protected != protected_header(alg, kid):
        raise _malformed("wrong algorithm or header")
    return Sign1(protected, alg, kid, payload, signature)


def protected_header(alg: int, kid: bytes) -> bytes:
    """Return the only header for this algorithm and key id (b"": none)."""
    form = alg, len(kid)
    if form not in _starts:
        whole = cbor.encode({_ALG: alg, _KID: kid} if kid else {_ALG: alg})
        _starts[form] = whole[: len(whole) - len(kid)]
    return _starts[form] + kid


def to_be_signed(kind: str, context: bytes, protected: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure (RFC 9052 §4.4): it is signed, and hashed for an approval id."""
    if kind not in KINDS:
        raise ValueError("unknown kind of signature")
    external = hashlib.sha256((DOMAIN + kind).encode() + context).digest()
    return cbor.encode(["Signature1", protected, external, payload])


def build(
    protected: bytes, payload: bytes, kind: str, context: bytes, sign: Callable[[bytes], bytes]
) -> bytes:
    """Return an encoded COSE_Sign1; `sign` maps the Sig_structure to 64 bytes."""
    return join(protected, payload, sign(to_be_signed(kind, context, protected, payload)))


def join(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """Return a COSE_Sign1 of its parts."""
    if len(signature) != SIGNATURE_SIZE:
        raise ValueError("signature is not 64 bytes")
    return cbor.encode([protected, {}, payload, signature])


def _malformed(detail: str) -> Error:
    return Error(reasons.MALFORMED, "cose: " + detail)
