"""Keys and signatures as targets: both back ends take the same ones, and each has one form."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from receiver.crypto import edwards25519, host, portable
from receiver.crypto.job import finish
from receiver.encoding import schema
from tests.fuzz import near, seeds
from tests.fuzz.target import Target
from tests.receiver.crypto.back_ends import VERIFY, x25519

_PRIVATE = bytes(range(32))  # of the receiver that agrees on keys here
_KEY_SIZE = 32
_SIZES = {"ed25519": schema.ED25519_SIZE, "p256": schema.P256_SIZE}
_SIGNATURE_SIZE = 64


def targets() -> Iterator[tuple[str, Target]]:
    keys = {name: partial(seeds.publics, name) for name in _SIZES}
    yield "ed25519-point", Target(_decoded, _encoded, seeds.points, near=near.points)
    yield "ed25519-key", Target(_ed25519_key, bytes, keys["ed25519"], near=near.points, slow=True)
    yield "p256-key", Target(_p256_key, _compressed, keys["p256"], near=near.p256_keys, slow=True)
    for name in _SIZES:
        good, bad = (partial(part.signatures, name) for part in (seeds, near))
        yield (
            f"{name}-signature",
            Target(partial(_signature, name), None, good, near=bad, slow=True),
        )
    yield "x25519-key", Target(_agreed, None, seeds.x25519, slow=True)


def _decoded(data: bytes) -> tuple[int, int] | None:
    return edwards25519.decode(edwards25519.machine(), data)


def _encoded(point: tuple[int, int]) -> bytes:
    return edwards25519.encode_open(edwards25519.load(*point))


def _ed25519_key(data: bytes) -> bytes | None:
    key: bytes | None = finish(host.ed25519_key_job(data))
    assert (finish(portable.ed25519_key_job(data)) is None) == (key is None)
    return key


def _p256_key(data: bytes) -> EllipticCurvePublicKey | None:
    key: EllipticCurvePublicKey | None = finish(host.p256_key_job(data))
    assert (finish(portable.p256_key_job(data)) is None) == (key is None)
    return key


def _compressed(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def _signature(name: str, data: bytes) -> bool | None:
    """Public key, signature and message in one: both hold it good or neither."""
    size = _SIZES[name]
    public, rest = data[:size], data[size:]
    given = (public, rest[_SIGNATURE_SIZE:], rest[:_SIGNATURE_SIZE])
    one, other = (VERIFY[name](crypto, *given) for crypto in (host, portable))
    assert one == other
    return one or None


def _agreed(data: bytes) -> bool | None:
    """A phone's key: the same secret for both, or none."""
    secret = x25519(host, _PRIVATE, data)
    assert x25519(portable, _PRIVATE, data) == secret
    assert secret != bytes(_KEY_SIZE)
    return None if secret is None else True
