"""Writes sealed.json: the purchases of messages.json as they cross the air, sealed.

HPKE (RFC 9180) is spelled out here with HMAC, X25519 and ChaCha20-Poly1305 of OpenSSL, sharing
nothing with the product.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from make_messages import Case, digest, private, x25519_public

KEM = b"KEM" + (0x0020).to_bytes(2, "big")
SUITE = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x0020, 0x0001, 0x0003))
CREDENTIAL_ROOM, APPROVAL_ROOM, RECEIPT_ROOM = 165, 130, 165
EXPIRED = 3


def extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, sha256)


def expand(suite: bytes, secret: bytes, label: bytes, info: bytes, size: int) -> bytes:
    labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    found, block = b"", b""
    while len(found) < size:
        block = hmac.digest(secret, block + labelled + bytes([len(found) // 32 + 1]), sha256)
        found += block
    return found[:size]


class Sender:
    """A base-mode context (RFC 9180 §5.1) of the ephemeral key `name`."""

    def __init__(self, name: str, to: bytes, info: bytes) -> None:
        ephemeral = X25519PrivateKey.from_private_bytes(private(name))
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(to))
        prk = extract(KEM, b"", b"eae_prk", shared)
        secret = expand(KEM, prk, b"shared_secret", x25519_public(name) + to, 32)
        schedule = b"\0" + extract(SUITE, b"", b"psk_id_hash", b"")
        schedule += extract(SUITE, b"", b"info_hash", info)
        secret = extract(SUITE, secret, b"secret", b"")
        self.key = expand(SUITE, secret, b"key", schedule, 32)
        self.base = expand(SUITE, secret, b"base_nonce", schedule, 12)
        self.exporter = expand(SUITE, secret, b"exp", schedule, 32)

    def export(self, label: bytes, size: int) -> bytes:
        return expand(SUITE, self.exporter, b"sec", label, size)


def seal(key: bytes, base: bytes, number: int, data: bytes) -> bytes:
    nonce = (int.from_bytes(base, "big") ^ number).to_bytes(12, "big")
    return ChaCha20Poly1305(key).encrypt(nonce, data, b"")


def padded(message: str, room: int) -> bytes:
    data = bytes.fromhex(message)
    return (bytes([len(data)]) + data).ljust(room, b"\0")


def exchange(purchase: Any) -> Case:
    """What is written and notified, in order; the last is a refusal after the result."""
    info = b"tillsign/1" + digest(bytes.fromhex(purchase["offer"]))
    sender = Sender("enc", x25519_public("ephemeral"), info)
    result_key = sender.export(b"tillsign/1 result", 44)
    key, base = result_key[:32], result_key[32:]
    credential = padded(purchase["credential"], CREDENTIAL_ROOM)
    approval = padded(purchase["approval"], APPROVAL_ROOM)
    receipt = padded(purchase["receipt"], RECEIPT_ROOM)
    made = {
        "receiver_private": private("ephemeral"),
        "phone_private": private("enc"),
        "info": info,
        "result_key": result_key,
        "key": b"\2" + x25519_public("enc"),
        "credential": b"\3" + seal(sender.key, sender.base, 0, credential),
        "approval": b"\4" + seal(sender.key, sender.base, 1, approval),
        "result": b"\5" + seal(key, base, 0, receipt),
        "refusal": b"\6" + seal(key, base, 1, bytes([EXPIRED])),
    }
    return {"phone": purchase["phone"], **{name: data.hex() for name, data in made.items()}}


def main() -> None:
    """One case a line, so that a change can be read."""
    here = Path(__file__)
    purchases = json.loads(here.with_name("messages.json").read_text())["purchases"]
    lines = ",\n".join("  " + json.dumps(exchange(purchase)) for purchase in purchases)
    here.with_name("sealed.json").write_text(f'{{"exchanges": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
