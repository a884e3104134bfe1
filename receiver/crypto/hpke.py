"""HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.

Both back ends share it. The receiver is the recipient, the phone the sender.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .hkdf import Keyed, expand, hmac_sha256, keyed
from .job import finish

if TYPE_CHECKING:
    from .interface import Crypto
    from .job import Job

KEY_SIZE = 32
NONCE_SIZE = 12
# As many messages as there are nonces, except the last one (RFC 9180 §5.2).
MESSAGE_LIMIT = 2 ** (8 * NONCE_SIZE) - 1

_SECRET_SIZE = 32
_VERSION = b"HPKE-v1"
_KEM_SUITE = b"KEM\x00\x20"
_SUITE = b"HPKE\x00\x20\x00\x01\x00\x03"
_BASE_MODE = b"\x00"
_NO_PSK = b""

# A context's role; sealing in both directions would repeat nonces (RFC 9180 §9.8).
_SENDER = 0
_RECIPIENT = 1
_ERASED = 2


def recipient_job(
    crypto: Crypto, enc: bytes, private: bytes, public: bytes, info: bytes
) -> Job[Context | None]:
    """Return the context for the encapsulated key `enc` (§5.1.1); None if the secret is zero.

    `private` and `public` are the recipient's own. An `enc` that is not 32 bytes gives None too.
    """
    shared = yield from crypto.x25519_job(private, enc)
    if shared is None:
        return None
    yield
    secret = _shared_secret(shared, enc, public)
    yield
    context = Context(crypto, _RECIPIENT, secret, info)
    yield
    return context


def sender(
    crypto: Crypto, public: bytes, info: bytes, ephemeral_private: bytes
) -> tuple[bytes, Context] | None:
    """Return the encapsulated key and a context towards `public`, the recipient's key (§5.1.1).

    `ephemeral_private` is fresh each time. None if the shared secret is zero.
    """
    shared = finish(crypto.x25519_job(ephemeral_private, public))
    if shared is None:
        return None
    enc = finish(crypto.x25519_public_job(ephemeral_private))
    return enc, Context(crypto, _SENDER, _shared_secret(shared, enc, public), info)


class Messages:
    """Messages under one key, in order: the n-th has the nonce `base` xor n (§5.2).

    Beyond its message limit or once erased it raises ValueError.
    """

    def __init__(self, crypto: Crypto, key: bytes, base: bytes) -> None:
        self._crypto = crypto
        self._key = bytearray(key)
        self._base = bytearray(base)
        self._count = 0

    def seal(self, plaintext: bytes, aad: bytes = b"") -> bytes:
        """Seal the next message, 16 bytes longer."""
        sealed = self._crypto.chacha_seal(cast("bytes", self._key), self._nonce(), plaintext, aad)
        self._count += 1
        return sealed

    def open(self, sealed: bytes, aad: bytes = b"") -> bytes | None:
        """Open the next message; None if `sealed` is not that one."""
        plaintext = self._crypto.chacha_open(cast("bytes", self._key), self._nonce(), sealed, aad)
        if plaintext is not None:
            self._count += 1
        return plaintext

    def erase(self) -> None:
        """Overwrite key and base nonce; harmless the second time.

        What they were derived through lies in the heap until its memory is used again.
        """
        self._count = MESSAGE_LIMIT
        for secret in (self._key, self._base):
            secret[:] = bytes(len(secret))

    def _nonce(self) -> bytes:
        if self._count >= MESSAGE_LIMIT:
            raise ValueError("no message is left: erased, or at the message limit")
        nonce = int.from_bytes(self._base, "big") ^ self._count
        return nonce.to_bytes(NONCE_SIZE, "big")


class Context(Messages):
    """One direction of sealed messages, and secrets for other uses (§5.2, §5.3).

    Using it in the other role raises ValueError too.
    """

    def __init__(self, crypto: Crypto, role: int, shared_secret: bytes, info: bytes) -> None:
        """Run the key schedule (§5.1)."""
        schedule = _BASE_MODE + _NO_PSK_HASH + _extract(_NO_SALT, b"info_hash", info)
        secret = keyed(_extract(keyed(shared_secret), b"secret", _NO_PSK))
        key = _expand(secret, b"key", schedule, KEY_SIZE)
        super().__init__(crypto, key, _expand(secret, b"base_nonce", schedule, NONCE_SIZE))
        self._role = role
        self._exporter_secret = bytearray(_expand(secret, b"exp", schedule, _SECRET_SIZE))

    def seal(self, plaintext: bytes, aad: bytes = b"") -> bytes:
        """Seal the next message; senders only."""
        self._must_be((_SENDER,))
        return super().seal(plaintext, aad)

    def open(self, sealed: bytes, aad: bytes = b"") -> bytes | None:
        """Open the next message; recipients only."""
        self._must_be((_RECIPIENT,))
        return super().open(sealed, aad)

    def export(self, label: bytes, length: int) -> bytes:
        """Derive `length` bytes for `label`, the same and secret on both sides (§5.3)."""
        self._must_be((_SENDER, _RECIPIENT))
        return _expand(keyed(cast("bytes", self._exporter_secret)), b"sec", label, length)

    def erase(self) -> None:
        """Overwrite every secret; harmless the second time."""
        super().erase()
        self._role = _ERASED
        self._exporter_secret[:] = bytes(_SECRET_SIZE)

    def _must_be(self, roles: tuple[int, ...]) -> None:
        if self._role not in roles:
            raise ValueError("HPKE context is erased, or of the other role")


def _shared_secret(shared: bytes, enc: bytes, public: bytes) -> bytes:
    """Derive DHKEM's shared secret from the result of X25519 (§4.1)."""
    secret = _extract(_NO_SALT, b"eae_prk", shared, _KEM_SUITE)
    return _expand(keyed(secret), b"shared_secret", enc + public, _SECRET_SIZE, _KEM_SUITE)


def _extract(salt: Keyed, label: bytes, ikm: bytes, suite: bytes = _SUITE) -> bytes:
    """Run LabeledExtract (§4)."""
    return hmac_sha256(salt, _VERSION + suite + label + ikm)


def _expand(secret: Keyed, label: bytes, info: bytes, length: int, suite: bytes = _SUITE) -> bytes:
    """Run LabeledExpand (§4)."""
    return expand(secret, length.to_bytes(2, "big") + _VERSION + suite + label + info, length)


_NO_SALT = keyed(b"")
_NO_PSK_HASH = _extract(_NO_SALT, b"psk_id_hash", b"")
