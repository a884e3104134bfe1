"""Six words that two people compare before a key is trusted (docs/enrolment.md).

They stand for 66 bits of a hash over a request and the authority's keys: for another request with
the same words an attacker has to make 2^65 of them, and each takes a signature.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

WORDS = 6
BITS_OF_A_WORD = 11  # the list has 2,048 words
DOMAIN = b"tillsign/1 words"


def six(request: bytes, pins: bytes) -> list[str]:
    """Return the words for a request and the encoded pins that came with the challenge."""
    hashed = int.from_bytes(sha256(DOMAIN + request + pins).digest(), "big")
    first = hashed >> (256 - WORDS * BITS_OF_A_WORD)
    most = (1 << BITS_OF_A_WORD) - 1
    shifts = range((WORDS - 1) * BITS_OF_A_WORD, -1, -BITS_OF_A_WORD)
    return [_list()[first >> shift & most] for shift in shifts]


@cache
def _list() -> list[str]:
    from mnemonic import Mnemonic  # BIP-39: no two words begin with the same four letters

    return list(Mnemonic("english").wordlist)
