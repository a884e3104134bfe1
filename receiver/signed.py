"""Signed messages: a table of fields inside a COSE_Sign1 with one signer's role (design §3.3)."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from . import cose, layout
from .errors import Error
from .reasons import BAD_SIGNATURE, UNKNOWN_ISSUER, WRONG_ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .crypto import Crypto
    from .layout import Field

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

# A parsed message whose signature nobody has looked at yet.
Signed = NamedTuple("Signed", [("sign1", cose.Sign1), ("value", "Any")])


def digest(data: bytes) -> bytes:
    """SHA-256, the only hash that names things here."""
    hashed: bytes = sha256(data).digest()
    return hashed


def encode(
    kind: Kind, value: Any, kid: bytes, sign: Callable[[bytes], bytes], context: bytes = b""
) -> bytes:
    """Build and sign one message; `sign` takes the Sig_structure and gives 64 bytes."""
    if len(kid) != kind.kid_size or (kind.role and kid[0] != kind.role):
        raise ValueError("kid does not belong to a " + kind.type)
    payload = layout.encode(kind.fields, value)
    return cose.build(cose.ALG_ED25519, kid, payload, kind.type, context, sign)


def parse(kind: Kind, data: bytes) -> Signed:
    """Strictly parse; says nothing about the signature. Raises Error."""
    sign1 = cose.parse(data, cose.ALG_ED25519, kind.kid_size)
    if kind.role and sign1.kid[0] != kind.role:
        raise Error(WRONG_ROLE, "%s under role %d" % (kind.type, sign1.kid[0]))
    return Signed(sign1, layout.decode(kind.fields, sign1.payload, kind.make))


def structure(kind: Kind, signed: Signed, context: bytes = b"") -> bytes:
    """The Sig_structure of a parsed message (RFC 9052 §4.4)."""
    return cose.to_be_signed(kind.type, context, signed.sign1.protected, signed.sign1.payload)


def verify(
    kind: Kind, signed: Signed, public: bytes, crypto: Crypto, context: bytes = b""
) -> bytes:
    """Raise Error(BAD_SIGNATURE) unless `public` signed this; else the Sig_structure."""
    message = structure(kind, signed, context)
    if not crypto.ed25519_verify(public, message, signed.sign1.signature):
        raise Error(BAD_SIGNATURE, kind.type)
    return message


def from_authority(kind: Kind, data: bytes, pins: Mapping[bytes, bytes], crypto: Crypto) -> Any:
    """The verified value of a message that a pinned key (`kid` → public key) must have signed."""
    signed = parse(kind, data)
    public = pins.get(signed.sign1.kid)
    if public is None:
        raise Error(UNKNOWN_ISSUER, "%s under kid %s" % (kind.type, signed.sign1.kid.hex()))
    verify(kind, signed, public, crypto)
    return signed.value
