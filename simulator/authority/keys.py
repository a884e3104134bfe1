"""The authority's secret keys, and everything that it signs.

One Ed25519 key per role and epoch, its `kid` being those two bytes; the newest epoch signs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

from receiver.crypto import host
from receiver.encoding import cbor
from receiver.protocol import messages, signed
from simulator.authority.accounts.limits import OFF, Limits
from simulator.crypto import code_proof, pki
from simulator.crypto.p256 import p256_private, p256_public

ISSUER = "Tillsign demo authority"
ROLES = (
    signed.ROLE_RECEIVER,
    signed.ROLE_CREDENTIAL,
    signed.ROLE_RECEIPT,
    signed.ROLE_STATE,
)
LEAST_PROTOCOL = 1
LEAST_APP = 1
NO_REVOCATIONS = sha256(cbor.encode([])).digest()

_FIRST_EPOCH = 1
_SEED_SIZE = 32


# Beside the private file: the public keys of who signs firmware (`tillsign update key`), kid and
# key in hexadecimal digits. The private ones are never at the authority.
FIRMWARE_KEYS = "firmware-keys.json"


class Keys:
    """Signing seeds by kid, and the X25519 key behind code proofs, from one private file."""

    def __init__(self, path: Path, entropy: Callable[[int], bytes] = os.urandom) -> None:
        """`entropy(n)` gives the n bytes of each new signing seed."""
        if not path.exists():
            _create(path, entropy)
        stored = json.loads(path.read_text())
        self._seeds = {
            bytes.fromhex(kid): bytes.fromhex(seed) for kid, seed in stored["sign"].items()
        }
        self._code = bytes.fromhex(stored["code"])
        self._firmware = firmware_keys(path.with_name(FIRMWARE_KEYS))

    def pins(self) -> dict[bytes, bytes]:
        """Return the public keys by kid, for verification; those of firmware's signers too."""
        own = {kid: host.ed25519_public(seed) for kid, seed in self._seeds.items()}
        return {**own, **self._firmware}

    @property
    def code_public(self) -> bytes:
        """Return the P-256 public key with which phones agree K."""
        return p256_public(self._code)

    def code_key(self, phone: bytes, code: str) -> bytes:
        """Derive K for a phone's P-256 public key and code; ValueError as in `code_proof`."""
        return code_proof.code_key(self._code, phone, code)

    def certificate(self, value: messages.Certificate) -> bytes:
        return self._sign(messages.CERTIFICATE, value)

    def credential(self, value: messages.Credential) -> bytes:
        return self._sign(messages.CREDENTIAL, value)

    def receipt(self, value: messages.Receipt) -> bytes:
        return self._sign(messages.RECEIPT, value)

    def state(
        self,
        version: int,
        receiver_id: bytes,
        nonce: bytes,
        now: int,
        *,
        limits: Limits = OFF,
        revocations: bytes = NO_REVOCATIONS,
    ) -> bytes:
        """Sign a state for a receiver; `revocations` is the hash of the list."""
        value = messages.State(
            version,
            receiver_id,
            nonce,
            now,
            LEAST_PROTOCOL,
            LEAST_APP,
            limits.floor,
            limits.total,
            limits.sales,
            limits.hours,
            revocations,
        )
        return self._sign(messages.STATE, value)

    def _sign(self, kind: signed.Kind, value: tuple[object, ...]) -> bytes:
        kid = max(kid for kid in self._seeds if kid[0] == kind.role)
        return signed.encode(kind, value, kid, partial(host.ed25519_sign, self._seeds[kid]))


def firmware_keys(path: Path) -> dict[bytes, bytes]:
    """Read the public firmware keys, none where there is no file; raises ValueError."""
    if not path.exists():
        return {}
    found = {bytes.fromhex(kid): bytes.fromhex(key) for kid, key in _items(path)}
    for kid, key in found.items():
        is_kid = len(kid) == signed.AUTHORITY_KID_SIZE and kid[0] == signed.ROLE_FIRMWARE
        if not is_kid or len(key) != _SEED_SIZE:
            raise ValueError(f"{path}: {kid.hex()} is no firmware key (tillsign update key)")
    return found


def _items(path: Path) -> list[tuple[str, str]]:
    value = json.loads(path.read_text())
    if not isinstance(value, dict):
        raise ValueError(f"{path}: not a JSON object of keys (tillsign update key)")
    return [(str(kid), str(key)) for kid, key in value.items()]


def _create(path: Path, entropy: Callable[[int], bytes]) -> None:
    seeds = {bytes((role, _FIRST_EPOCH)).hex(): entropy(_SEED_SIZE).hex() for role in ROLES}
    data = json.dumps({"sign": seeds, "code": p256_private().hex()})
    pki.write_private(path, data.encode())
