"""Build and parse COSE_Sign (RFC 9052 §4.1), untagged: several Ed25519 signers of one payload.

As strict as `cose`: no header of the body, exactly {alg, kid} of a signer, a context always.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.errors import Error

from . import cbor, cose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIGNERS_MOST = 8  # more than any rule asks for: each costs a check

Signature = NamedTuple("Signature", [("kid", bytes), ("signature", bytes)])
Sign = NamedTuple("Sign", [("payload", bytes), ("signatures", "tuple[Signature, ...]")])


def parse(data: bytes, kid_size: int) -> Sign:
    """Parse without verifying; raise Error(MALFORMED). No two signatures have one kid."""
    parts = cbor.decode(data)
    if not isinstance(parts, list) or len(parts) != 4:
        raise _malformed("not an array of four")
    protected, unprotected, payload, signers = parts
    if protected != b"" or unprotected != {} or not isinstance(unprotected, dict):
        raise _malformed("the body's headers are not empty")
    if not isinstance(payload, bytes) or not isinstance(signers, list):
        raise _malformed("payload or signers")
    if not 1 <= len(signers) <= SIGNERS_MOST:
        raise _malformed("%d signers" % len(signers))
    found = tuple([_signer(each, kid_size) for each in signers])
    if len({each.kid for each in found}) != len(found):
        raise _malformed("a signer twice")
    return Sign(payload, found)


def to_be_signed(kind: str, context: bytes, kid: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure of one signer (RFC 9052 §4.4)."""
    external = hashlib.sha256((cose.DOMAIN + kind).encode() + context).digest()
    header = cose.protected_header(cose.ALG_ED25519, kid)
    return cbor.encode(["Signature", b"", header, external, payload])


def build(
    kind: str,
    context: bytes,
    payload: bytes,
    signers: Sequence[tuple[bytes, Callable[[bytes], bytes]]],
) -> bytes:
    """Return an encoded COSE_Sign; `signers` map their Sig_structure to 64 bytes, by kid."""
    return join(
        payload,
        [Signature(kid, sign(to_be_signed(kind, context, kid, payload))) for kid, sign in signers],
    )


def join(payload: bytes, signatures: Sequence[Signature]) -> bytes:
    """Return a COSE_Sign of its parts, the signers in order of their kid."""
    rows: list[cbor.Encodable] = [
        [cose.protected_header(cose.ALG_ED25519, each.kid), {}, each.signature]
        for each in sorted(signatures, key=lambda each: each.kid)
    ]
    return cbor.encode([b"", {}, payload, rows])


def _signer(row: object, kid_size: int) -> Signature:
    if not isinstance(row, list) or len(row) != 3:
        raise _malformed("a signer is not an array of three")
    protected, unprotected, signature = row
    if not isinstance(protected, bytes) or unprotected != {} or not isinstance(unprotected, dict):
        raise _malformed("a signer's header")
    if not isinstance(signature, bytes) or len(signature) != cose.SIGNATURE_SIZE:
        raise _malformed("signature is not 64 bytes")
    kid = protected[len(protected) - kid_size :]
    if protected != cose.protected_header(cose.ALG_ED25519, kid):
        raise _malformed("wrong algorithm or header")
    return Signature(kid, signature)


def _malformed(detail: str) -> Error:
    return Error(reasons.MALFORMED, "cose: " + detail)
