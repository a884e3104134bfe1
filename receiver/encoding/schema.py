"""Describe messages as tables: the keys of a CBOR map, and the kind and size of each value.

A message has exactly the keys of its table, none missing, none extra (design §3.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver.errors import Error
from receiver.reasons import MALFORMED

from . import cbor

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

UINT_MOST = 0xFFFFFFFF  # 32 bits, as in `cbor`

# Kinds of value; `low` and `high` bound the number, or the length in bytes.
UINT = 0
BYTES = 1
TEXT = 2
KEY = 3  # a COSE_Key inside a cnf claim (RFC 8747 §3.2)
ATTACHED = 4  # bytes whose key is present exactly if the number before them is not 0

ED25519_SIZE = 32  # of a public key; the length of a key tells its algorithm
P256_SIZE = 33  # compressed (SEC 1 §2.3.3)

Field = NamedTuple(
    "Field", [("key", int), ("name", str), ("kind", int), ("low", int), ("high", int)]
)


def uint(key: int, name: str, low: int = 0, high: int = UINT_MOST) -> Field:
    return Field(key, name, UINT, low, high)


def fixed(key: int, name: str, size: int) -> Field:
    return Field(key, name, BYTES, size, size)


def blob(key: int, name: str, high: int, low: int = 0) -> Field:
    return Field(key, name, BYTES, low, high)


def attached(key: int, name: str, size: int) -> Field:
    """Describe bytes that belong to the number before them: b"" and no key if that is 0."""
    return Field(key, name, ATTACHED, size, size)


def text(key: int, name: str, high: int) -> Field:
    return Field(key, name, TEXT, 0, high)


def confirmation(key: int, name: str) -> Field:
    """Describe an Ed25519 key."""
    return Field(key, name, KEY, ED25519_SIZE, ED25519_SIZE)


def phone_key(key: int, name: str) -> Field:
    """Describe a P-256 or an Ed25519 key."""
    return Field(key, name, KEY, ED25519_SIZE, P256_SIZE)


def encode(fields: tuple[Field, ...], value: object) -> bytes:
    """Encode `value` (a namedtuple with the fields' names) as a deterministic CBOR map."""
    mapping: dict[int, cbor.Encodable] = {}
    before = None
    for field in fields:
        item = getattr(value, field.name)
        if before or field.kind != ATTACHED:
            mapping[field.key] = _put(field, item)
        elif item:
            raise ValueError(field.name + " without its number")
        before = item
    return cbor.encode(mapping)


def decode(fields: tuple[Field, ...], data: bytes, make: Callable[..., T]) -> T:
    """Decode `data` as `make(*values in the order of fields)`; raise Error(MALFORMED)."""
    return from_map(fields, cbor.decode(data), make)


def from_map(fields: tuple[Field, ...], mapping: object, make: Callable[..., T]) -> T:
    """Decode as `decode`, from a map that is already parsed."""
    if not isinstance(mapping, dict):
        raise Error(MALFORMED, "not a map")
    values: list[object] = []
    keys = len(mapping)
    for field in fields:
        if field.kind == ATTACHED and values and not values[-1]:
            values.append(b"")
            continue
        value = mapping.get(field.key)
        if field.kind == KEY:
            value = _key_bytes(value)
        if not _fits(field, value):
            raise Error(MALFORMED, "%s is missing or out of bounds" % field.name)
        values.append(value)
        keys -= 1
    if keys:
        raise Error(MALFORMED, "unexpected key")
    return make(*values)


def _put(field: Field, value: Any) -> Any:
    if not _fits(field, value):
        raise ValueError("%s does not fit its field" % field.name)
    if field.kind != KEY:
        return value
    put = _cose_key(value)
    if _key_bytes(put) != value:
        raise ValueError("%s does not fit its field" % field.name)
    return put


def _fits(field: Field, value: object) -> bool:
    if field.kind == UINT:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return field.low <= value <= field.high
    if field.kind == TEXT:
        return isinstance(value, str) and field.low <= len(value.encode()) <= field.high
    return isinstance(value, bytes) and field.low <= len(value) <= field.high


# COSE_Key of a public key (RFC 9053): kty OKP and crv Ed25519 (§7.2), or kty EC2 and crv P-256 with
# y as its sign (§7.1).
_KTY, _CRV, _X, _Y = 1, -1, -2, -3
_OKP, _ED25519 = 1, 6
_EC2, _P256 = 2, 1
_COSE_KEY = 1  # the member of cnf, RFC 8747 §3.1
_EVEN = 2  # first byte of a compressed point; the next number is odd


def _cose_key(public: bytes) -> dict[int, cbor.Encodable]:
    if len(public) != P256_SIZE:
        return {_COSE_KEY: {_KTY: _OKP, _CRV: _ED25519, _X: public}}
    odd = public[0] != _EVEN
    return {_COSE_KEY: {_KTY: _EC2, _CRV: _P256, _X: public[1:], _Y: odd}}


def _key_bytes(value: object) -> bytes | None:
    """Return the public key in a cnf claim; None if the claim has any other form."""
    key = value.get(_COSE_KEY) if isinstance(value, dict) else None
    public = key.get(_X) if isinstance(key, dict) else None
    if not isinstance(value, dict) or not isinstance(key, dict) or not isinstance(public, bytes):
        return None
    odd = key.get(_Y)
    if isinstance(odd, bool):
        public = bytes([_EVEN + odd]) + public
    # Compare as bytes, so that only one spelling passes (true is not 1 there).
    return public if cbor.encode(value) == cbor.encode(_cose_key(public)) else None
