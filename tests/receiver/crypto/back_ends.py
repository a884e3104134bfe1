"""What tests of the cryptography share: both back ends, and the vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from receiver.crypto import host, portable
from receiver.crypto.interface import Crypto
from receiver.crypto.job import finish

Case = dict[str, Any]

PUBLISHED = Path(cryptography_vectors.__file__).parent

unhex = bytes.fromhex
BACK_ENDS: dict[str, Crypto] = {"host": host, "portable": portable}
both = pytest.mark.parametrize("crypto", BACK_ENDS.values(), ids=BACK_ENDS)
both_at_length = pytest.mark.parametrize(
    "crypto",
    [
        pytest.param(host, id="host"),
        pytest.param(portable, id="portable", marks=pytest.mark.curves),
    ],
)


def ed25519_sign(crypto: Crypto, seed: bytes, message: bytes) -> bytes:
    return finish(crypto.ed25519_sign_job(seed, message))


def ed25519_verify(crypto: Crypto, public: bytes, message: bytes, signature: bytes) -> bool:
    key = finish(crypto.ed25519_key_job(public))
    return finish(crypto.ed25519_check_job(key, message, signature))


def p256_verify(crypto: Crypto, public: bytes, message: bytes, signature: bytes) -> bool:
    key = finish(crypto.p256_key_job(public))
    return finish(crypto.p256_check_job(key, message, signature))


VERIFY = {"ed25519": ed25519_verify, "p256": p256_verify}


def x25519_public(crypto: Crypto, private: bytes) -> bytes:
    return finish(crypto.x25519_public_job(private))


def x25519(crypto: Crypto, private: bytes, public: bytes) -> bytes | None:
    return finish(crypto.x25519_job(private, public))


def pairs(path: str, section: str = "") -> Iterator[Case]:
    """The blocks of `name = value` lines in a published file, after the line `section`."""
    text = (PUBLISHED / path).read_text()
    if section:
        text = text.split(section + "\n")[1].split("\n[")[0]
    for block in text.split("\n\n"):
        lines = (line.partition("=") for line in block.splitlines() if line[:1] not in ("#", "["))
        case = {name.strip(): value.strip() for name, _, value in lines if name}
        if case:
            yield case
