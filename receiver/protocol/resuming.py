"""Prove that a new link goes on with the exchange of a lost one (docs/protocol.md, "A lost link").

The phone's key is on the air for all to hear. Without a proof any listener could take a buyer's
exchange over, cut the buyer's link, or say "leave" for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from receiver.crypto.hkdf import HASH_SIZE, hmac_sha256, keyed

if TYPE_CHECKING:
    from receiver.crypto.hpke import Context

NUMBER_SIZE = 1
TAG_SIZE = 16  # as long as every tag of the exchange
PROOF_SIZE = NUMBER_SIZE + TAG_SIZE
PROOFS_MOST = 256  # numbers: a link every half second for the whole life of an offer

_LABEL = b"tillsign/1 resume"


class Proofs:
    """The proofs of one exchange: the phone makes them, the receiver checks them.

    Each number serves once, so that a proof that was heard on the air serves no other link.
    """

    def __init__(self, context: Context) -> None:
        self._key = bytearray(context.export(_LABEL, HASH_SIZE))
        self.used = 0  # numbers, in order

    def make(self) -> bytes:
        """Return the next proof; raise ValueError when no number is left or it is erased."""
        number = self.used
        tag = self._tag(number)
        self.used = number + 1
        return bytes([number]) + tag

    def check(self, proof: bytes) -> bool:
        """Return whether a proof holds and its number is new; proofs before it hold no more."""
        number = proof[0]
        if number < self.used or not _equal(self._tag(number), proof[NUMBER_SIZE:]):
            return False
        self.used = number + 1
        return True

    def erase(self) -> None:
        """Overwrite the key; harmless the second time."""
        self.used = PROOFS_MOST
        self._key[:] = bytes(len(self._key))

    def _tag(self, number: int) -> bytes:
        if self.used >= PROOFS_MOST:
            raise ValueError("no proof is left: erased, or all numbers used")
        return hmac_sha256(keyed(cast("bytes", self._key)), bytes([number]))[:TAG_SIZE]


def _equal(made: bytes, said: bytes) -> bool:
    """Compare tags in a time that does not depend on where they differ."""
    difference = len(made) ^ len(said)
    for x, y in zip(made, said):  # noqa: B905  (MicroPython's has no `strict`)
        difference |= x ^ y
    return difference == 0
