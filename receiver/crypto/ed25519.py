"""Sign and verify Ed25519 (RFC 8032 §5.1), as strictly as any verifier in use.

With a secret scalar, every column of the comb reads the whole table, and no branch depends on the
scalar. Products modulo the group's order use Python's integers, whose time reveals a little: an
offer is signed before a phone arrives, so an attacker on the air cannot time it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import edwards25519 as curve
from .ed25519_base import TABLE
from .field import run
from .job import finish
from .native import NATIVE
from .scratch import wipe
from .sha512 import sha512

if NATIVE:
    from receiver.crypto.kernels.limbs import comb
else:
    from receiver.crypto.twins.limbs import comb

if TYPE_CHECKING:
    from .job import Job

SEED_SIZE = 32
SIGNATURE_SIZE = 64

_L = 2**252 + 27742317777372353535851937790883648493  # order of the base point
_SLICE = 16  # columns between yields: about 1.3 M instructions

# A public key prepared for many checks: the comb of its negative.
Ed25519Key = NamedTuple("Ed25519Key", [("public", bytes), ("table", bytearray)])
_Signer = NamedTuple(
    "_Signer", [("seed", bytes), ("scalar", int), ("prefix", bytes), ("public", bytes)]
)
_signers: list[_Signer] = []  # the last one only: a receiver signs with one key all its life


def public(seed: bytes) -> bytes:
    """Return the public key of a 32-byte seed."""
    return finish(_signer_job(seed)).public


def sign_job(seed: bytes, message: bytes) -> Job[bytes]:
    """Return the signature, 64 bytes (RFC 8032 §5.1.6)."""
    signer = yield from _signer_job(seed)
    nonce = _hash(signer.prefix + message)
    r = yield from _times_base_job(nonce)
    s = (nonce + _hash(r + signer.public + message) * signer.scalar) % _L
    return r + s.to_bytes(32, "little")


def key_job(public: bytes) -> Job[Ed25519Key | None]:
    """Prepare a key for checks; None if no signature can verify under it."""
    point = curve.machine()
    decoded = curve.decode(point, public)
    if decoded is None:
        return None
    yield
    x, y = curve.PRIME - decoded[0], decoded[1]
    curve.set_affine(point, x, y)
    if curve.is_small(point):
        return None
    curve.set_affine(point, x, y)
    table = yield from curve.comb_job(point)
    return Ed25519Key(public, table)


def check_job(key: Ed25519Key | None, message: bytes, signature: bytes) -> Job[bool]:
    """Verify the signature (RFC 8032 §5.1.7, without the cofactor); never raise.

    `key` is what `key_job` prepared. Refuse, even if the equation holds, a key or R that is not in
    its shortest form or has an order of 8 or less, and S not below L.
    """
    if key is None or len(signature) != SIGNATURE_SIZE:
        return False
    r = bytes(signature[:32])
    s = bytes(signature[32:])
    if int.from_bytes(s, "little") >= _L:
        return False
    base = _columns(s)
    own = _columns(_hash(b"".join((r, key.public, message))).to_bytes(32, "little"))
    point = curve.machine()
    registers, table = point.registers, key.table
    for at in range(curve.COLUMNS):
        if at % _SLICE == 0:
            yield
        run(base[at] * curve.ENTRY, registers, curve.STEP_OPEN, TABLE)
        run(own[at] * curve.ENTRY, registers, curve.ADD_OPEN, table)
    yield
    return curve.encode_open(point) == r and not curve.is_small(point)


def _signer_job(seed: bytes) -> Job[_Signer]:
    """Return the secret scalar, the prefix for nonces and the public key (RFC 8032 §5.1.5)."""
    if _signers and _signers[0].seed == seed:
        return _signers[0]
    if len(seed) != SEED_SIZE:
        raise ValueError("seed is not 32 bytes")
    digest = sha512(seed)
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    signer = _Signer(seed, scalar, digest[32:], (yield from _times_base_job(scalar)))
    _signers[:] = [signer]
    return signer


def _times_base_job(scalar: int) -> Job[bytes]:
    """Return the encoding of a secret multiple of the base point."""
    point, digits = curve.machine(), _columns(scalar.to_bytes(32, "little"))
    try:
        for at in range(curve.COLUMNS):
            run(digits[at], point.registers, curve.STEP_SECRET, TABLE)
            if (at + 1) % _SLICE == 0:
                yield
        return curve.encode_secret(point)
    finally:
        point.erase()
        wipe(digits, curve.COLUMNS)


def _columns(scalar: bytes) -> bytearray:
    """Return, for each column of the comb from the highest down, its four bits of a scalar."""
    digits = bytearray(curve.COLUMNS)
    comb(digits, curve.COLUMNS, scalar, curve.TEETH)
    return digits


def _hash(data: bytes) -> int:
    return int.from_bytes(sha512(data), "little") % _L
