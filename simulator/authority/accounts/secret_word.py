"""Secret words: tickets, activations and tokens, which people copy and give to commands."""

from __future__ import annotations

import secrets

# Crockford's Base32: i, l, o and u are not in it, which are read or heard as others. A word of it
# is one word everywhere: no command takes it for an option, no shell or terminal splits it.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
SIZE = 26  # characters of five bits: 130 bits cannot be guessed


def new() -> str:
    """Return a word of SIZE characters that was never used before."""
    return "".join(secrets.choice(ALPHABET) for _ in range(SIZE))
