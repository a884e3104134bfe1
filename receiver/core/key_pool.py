"""Make ephemeral X25519 keys in idle time, so that each offer finds one (design §3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.crypto.interface import Crypto
    from receiver.crypto.job import Job

SIZE = 2  # a sale and its first new offer come faster than a key can be made
KEY_SIZE = 32


class Pair:
    """A key pair for one offer. Its user must erase it: only then is the secret gone."""

    def __init__(self, private: bytearray, public: bytes) -> None:
        self.private = private
        self.public = public

    def erase(self) -> None:
        """Overwrite the private key. Harmless the second time."""
        self.private[:] = bytes(len(self.private))


class Pool:
    """A few unused pairs; `entropy(n)` gives n random bytes."""

    def __init__(self, crypto: Crypto, entropy: Callable[[int], bytes]) -> None:
        self._crypto = crypto
        self._entropy = entropy
        self._pairs: list[Pair] = []

    def is_full(self) -> bool:
        return len(self._pairs) >= SIZE

    def take(self) -> Pair | None:
        """Hand over a pair, which the caller must erase, or None."""
        return self._pairs.pop(0) if self._pairs else None

    def fill_job(self) -> Job[None]:
        """Make one more pair."""
        pair = Pair(bytearray(self._entropy(KEY_SIZE)), b"")
        try:
            private = cast("bytes", pair.private)
            pair.public = yield from self._crypto.x25519_public_job(private)
        except GeneratorExit:
            pair.erase()
            raise
        self._pairs.append(pair)

    def erase(self) -> None:
        while self._pairs:
            self._pairs.pop().erase()
