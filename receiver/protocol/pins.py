"""Encode the authority's public keys on a device or bridge: a CBOR map, kid as number → key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.encoding import cbor
from receiver.encoding.schema import ED25519_SIZE
from receiver.errors import Error
from receiver.reasons import MALFORMED

from .signed import AUTHORITY_KID_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping

KID_MOST = 0xFFFF  # two bytes: role and epoch


def encode(pins: Mapping[bytes, bytes]) -> bytes:
    """Return the file form of `pins` (kid of two bytes → Ed25519 key of 32)."""
    return cbor.encode({int.from_bytes(kid, "big"): key for kid, key in pins.items()})


def decode(data: bytes) -> dict[bytes, bytes]:
    """Parse what `encode` wrote; raise Error(MALFORMED)."""
    value = cbor.decode(data)
    if not isinstance(value, dict):
        raise Error(MALFORMED, "pins are not a map")
    pins = {}
    for kid, key in value.items():
        if not 0 <= kid <= KID_MOST or not isinstance(key, bytes) or len(key) != ED25519_SIZE:
            raise Error(MALFORMED, "pin %d" % kid)
        pins[kid.to_bytes(AUTHORITY_KID_SIZE, "big")] = key
    return pins
