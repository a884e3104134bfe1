"""Sign and verify messages: a table of fields in a COSE_Sign1, one signer's role (design §3.3).

Verification is long work for a chip: functions ending in `_job` run in slices (`crypto.job`).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from receiver.crypto.job import finish
from receiver.encoding import cose, schema
from receiver.errors import Error
from receiver.reasons import BAD_SIGNATURE, UNKNOWN_ISSUER, WRONG_ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from receiver.crypto.interface import Crypto, Ready
    from receiver.crypto.job import Job
    from receiver.encoding.schema import Field

# The authority's keys serve one role each; `kid` is role and epoch.
ROLE_RECEIVER = 1
ROLE_CREDENTIAL = 2
ROLE_RECEIPT = 3
ROLE_STATE = 4
ROLE_FIRMWARE = 5
AUTHORITY_KID_SIZE = 2

ID_SIZE = 16

# A kind of signed message. `role` is 0 where the signer is not the authority.
Kind = NamedTuple(
    "Kind",
    [
        ("type", str),
        ("role", int),
        ("kid_size", int),
        ("fields", "tuple[Field, ...]"),
        ("make", "Callable[..., Any]"),
    ],
)

# A parsed message whose signature is unverified.
Signed = NamedTuple("Signed", [("sign1", cose.Sign1), ("value", "Any")])


# A public key prepared for checks: the back end's function for its algorithm, and what that needs.
Key = NamedTuple(
    "Key", [("alg", int), ("check_job", "Callable[..., Job[bool]]"), ("ready", "Ready")]
)


def digest(data: bytes) -> bytes:
    """Return SHA-256, the only hash for identifiers here."""
    hashed: bytes = sha256(data).digest()
    return hashed


def algorithm(public: bytes) -> int:
    """Return the COSE algorithm of a public key, which its length tells."""
    return cose.ALG_ESP256 if len(public) == schema.P256_SIZE else cose.ALG_ED25519


def encode(
    kind: Kind,
    value: object,
    kid: bytes,
    sign: Callable[[bytes], bytes],
    *,
    context: bytes = b"",
    alg: int = cose.ALG_ED25519,
) -> bytes:
    """Build and sign one message; `sign` maps the Sig_structure to 64 bytes."""
    payload = schema.encode(kind.fields, value)
    return cose.build(_header(kind, alg, kid), payload, kind.type, context, sign)


def encode_job(
    kind: Kind, value: object, kid: bytes, sign_job: Callable[[bytes], Job[bytes]]
) -> Job[bytes]:
    """Build as `encode` without a context; `sign_job` signs in slices."""
    header = _header(kind, cose.ALG_ED25519, kid)
    payload = schema.encode(kind.fields, value)
    signed = cose.to_be_signed(kind.type, b"", header, payload)
    yield
    signature = yield from sign_job(signed)
    return cose.join(header, payload, signature)


def _header(kind: Kind, alg: int, kid: bytes) -> bytes:
    if len(kid) != kind.kid_size or (kind.role and kid[0] != kind.role):
        raise ValueError("kid does not belong to a " + kind.type)
    return cose.protected_header(alg, kid)


def parse(kind: Kind, data: bytes, alg: int = cose.ALG_ED25519) -> Signed:
    """Parse strictly, without verifying the signature; raise Error."""
    sign1 = cose.parse(data, alg, kind.kid_size)
    if kind.role and sign1.kid[0] != kind.role:
        raise Error(WRONG_ROLE, "%s under role %d" % (kind.type, sign1.kid[0]))
    return Signed(sign1, schema.decode(kind.fields, sign1.payload, kind.make))


def structure(kind: Kind, signed: Signed, context: bytes = b"") -> bytes:
    """Return the Sig_structure of a parsed message (RFC 9052 §4.4)."""
    return cose.to_be_signed(kind.type, context, signed.sign1.protected, signed.sign1.payload)


def prepare_job(crypto: Crypto, public: bytes) -> Job[Key]:
    """Prepare `public` for checks; raise Error(BAD_SIGNATURE) if nothing could verify under it."""
    alg = algorithm(public)
    key_job, check_job = crypto.ed25519_key_job, crypto.ed25519_check_job
    if alg == cose.ALG_ESP256:
        key_job, check_job = crypto.p256_key_job, crypto.p256_check_job
    ready = yield from key_job(public)
    if ready is None:
        raise Error(BAD_SIGNATURE, "unusable public key")
    return Key(alg, check_job, ready)


def check_job(key: Key, kind: Kind, signed: Signed, message: bytes) -> Job[None]:
    """Raise Error(BAD_SIGNATURE) unless `key` signed this; `message` is its Sig_structure."""
    holds = yield from key.check_job(key.ready, message, signed.sign1.signature)
    if not holds or signed.sign1.alg != key.alg:
        raise Error(BAD_SIGNATURE, kind.type)


def verify(
    kind: Kind, signed: Signed, public: bytes, crypto: Crypto, context: bytes = b""
) -> bytes:
    """Check at once, with an unprepared key; return the Sig_structure."""
    message = structure(kind, signed, context)
    finish(check_job(finish(prepare_job(crypto, public)), kind, signed, message))
    return message


class Ring:
    """The authority's pinned keys (`kid` → public key), each prepared when needed.

    Keys of the roles in `keep` stay prepared: on a chip the credential's alone, as every sale
    needs it; tables of the others would only fill the heap.
    """

    def __init__(
        self,
        crypto: Crypto,
        pins: Mapping[bytes, bytes],
        keep: tuple[int, ...] = (ROLE_CREDENTIAL,),
    ) -> None:
        self.crypto = crypto
        self.pins = pins
        self._keep = keep
        self._ready: dict[bytes, Key] = {}

    def prepare_job(self) -> Job[None]:
        """Prepare the keys that every sale needs."""
        for kid in self.pins:
            if kid[0] == ROLE_CREDENTIAL:
                yield from self._key_job(kid)

    def read_job(self, kind: Kind, data: bytes) -> Job[Any]:
        """Return the value of a message signed by a pinned key; raise Error."""
        signed = parse(kind, data)
        yield from self.verify_job(kind, signed)
        return signed.value

    def verify_job(self, kind: Kind, signed: Signed) -> Job[None]:
        """Raise Error(UNKNOWN_ISSUER, BAD_SIGNATURE) unless a pinned key signed this."""
        kid = signed.sign1.kid
        if kid not in self.pins:
            raise Error(UNKNOWN_ISSUER, "%s under kid %s" % (kind.type, kid.hex()))
        key = yield from self._key_job(kid)
        yield from check_job(key, kind, signed, structure(kind, signed))

    def _key_job(self, kid: bytes) -> Job[Key]:
        if kid in self._ready:
            return self._ready[kid]
        key = yield from prepare_job(self.crypto, self.pins[kid])
        if kid[0] in self._keep:
            self._ready[kid] = key
        return key


def from_authority(kind: Kind, data: bytes, pins: Mapping[bytes, bytes], crypto: Crypto) -> Any:
    """Read as `Ring.read_job`, at once."""
    return finish(Ring(crypto, pins).read_job(kind, data))
