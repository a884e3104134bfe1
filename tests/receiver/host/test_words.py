"""The six words: the same on both sides, others for anything else."""

from __future__ import annotations

from hashlib import sha256

from mnemonic import Mnemonic

from receiver.host import words


def test_words_are_bip_39s_for_the_first_66_bits() -> None:
    """Compared with the library: twelve words of 128 bits begin with the same six."""
    hashed = sha256(b"tillsign/1 words" + b"request" + b"pins").digest()
    assert (
        words.six(b"request", b"pins") == Mnemonic("english").to_mnemonic(hashed[:16]).split()[:6]
    )


def test_every_bit_counts() -> None:
    ours = words.six(b"request", b"pins")
    assert words.six(b"Request", b"pins") != ours
    assert words.six(b"request", b"pinz") != ours
