"""Messages as tables: which keys a CBOR map holds, and of what kind and size each value is.

A message has exactly the keys of its table, none missing, none extra (design §3.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver.errors import Error
from receiver.reasons import MALFORMED

from . import cbor

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

UINT_MOST = 0xFFFFFFFF

# Kinds of value; `low` and `high` bound the number, or the length in bytes.
UINT = 0
BYTES = 1
TEXT = 2
KEY = 3  # a COSE_Key inside a cnf claim (RFC 8747 §3.2)
ATTACHED = 4  # bytes whose key is there exactly where the number before them is not 0

ED25519_SIZE = 32  # of a public key; its length tells its algorithm
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
    """Bytes that belong to the field before, a number: b"" and no key where that is 0."""
    return Field(key, name, ATTACHED, size, size)


def text(key: int, name: str, high: int) -> Field:
    return Field(key, name, TEXT, 0, high)


def confirmation(key: int, name: str) -> Field:
    """An Ed25519 key."""
    return Field(key, name, KEY, ED25519_SIZE, ED25519_SIZE)


def phone_key(key: int, name: str) -> Field:
    """A P-256 or an Ed25519 key."""
    return Field(key, name, KEY, ED25519_SIZE, P256_SIZE)


def encode(fields: tuple[Field, ...], value: Any) -> bytes:
    """`value` (a namedtuple with the fields' names) as a deterministic CBOR map."""
    mapping: dict[int, Any] = {}
    before = None
    for field in fields:
        item = getattr(value, field.name)
        if not _is_absent(field, before):
            mapping[field.key] = _put(field, item)
        elif item:
            raise ValueError(field.name + " without what it belongs to")
        before = item
    return cbor.encode(mapping)


def decode(fields: tuple[Field, ...], data: bytes, make: Callable[..., Any]) -> Any:
    """The map in `data` as `make(*values in the order of fields)`; raises Error(MALFORMED)."""
    return from_map(fields, cbor.decode(data), make)


def from_map(fields: tuple[Field, ...], mapping: Any, make: Callable[..., Any]) -> Any:
    """As `decode`, from a map that is already decoded."""
    if not isinstance(mapping, dict):
        raise Error(MALFORMED, "not a map")
    values: list[Any] = []
    keys = len(mapping)
    for field in fields:
        if values and _is_absent(field, values[-1]):
            values.append(b"")
        else:
            values.append(_get(field, mapping))
            keys -= 1
    if keys:
        raise Error(MALFORMED, "a key too many")
    return make(*values)


def _is_absent(field: Field, before: Any) -> bool:
    return field.kind == ATTACHED and not before


def _put(field: Field, value: Any) -> Any:
    put = _cose_key(value) if field.kind == KEY else value
    if not _fits(field, value) or (field.kind == KEY and _key_bytes(put) != value):
        raise ValueError("%s does not fit its field" % field.name)
    return put


def _get(field: Field, mapping: dict[int, Any]) -> Any:
    value = mapping.get(field.key)
    if field.kind == KEY:
        value = _key_bytes(value)
    if not _fits(field, value):
        raise Error(MALFORMED, "%s is missing or out of bounds" % field.name)
    return value


def _fits(field: Field, value: Any) -> bool:
    if field.kind == UINT:
        number = isinstance(value, int) and not isinstance(value, bool)
        return number and field.low <= value <= field.high
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


def _cose_key(public: bytes) -> dict[int, Any]:
    if len(public) != P256_SIZE:
        return {_COSE_KEY: {_KTY: _OKP, _CRV: _ED25519, _X: public}}
    odd = public[0] != _EVEN
    return {_COSE_KEY: {_KTY: _EC2, _CRV: _P256, _X: public[1:], _Y: odd}}


def _key_bytes(value: Any) -> Any:
    """The public key in a cnf claim, or None where it is anything else."""
    key = value.get(_COSE_KEY) if isinstance(value, dict) else None
    public = key.get(_X) if isinstance(key, dict) else None
    if not isinstance(key, dict) or not isinstance(public, bytes):
        return None
    odd = key.get(_Y)
    if isinstance(odd, bool):
        public = bytes([_EVEN + odd]) + public
    # Compared as bytes, so that nothing but the one spelling passes (true is not 1 there).
    return public if cbor.encode(value) == cbor.encode(_cose_key(public)) else None
