"""Inputs that are refused for one thing alone, from the shared vectors: good to begin at, too."""

from __future__ import annotations

from typing import Any

from receiver.encoding import cbor as codec
from receiver.encoding import cose
from receiver.protocol import signed
from tests.fuzz import seeds

_SIGNATURES = 30  # of hundreds, spread over them: other tests go through them all


def cbor() -> list[bytes]:
    return [bytes.fromhex(case["hex"]) for case in seeds.vectors("cbor")["invalid"]]


def sign1(alg: int, kid_size: int) -> list[bytes]:
    """Messages that spoil the one form of a header for which there are vectors."""
    if (alg, kid_size) != (cose.ALG_ED25519, signed.AUTHORITY_KID_SIZE):
        return []
    return [bytes.fromhex(case["message"]) for case in seeds.vectors("cose")["invalid"]]


def message(kind: signed.Kind, alg: int) -> list[bytes]:
    """Messages whose payload alone is wrong."""
    sign1 = signed.parse(kind, seeds.message(kind, alg)[0], alg).sign1
    payloads = plain(kind.type)
    return [codec.encode([sign1.protected, {}, data, sign1.signature]) for data in payloads]


def plain(of: int | str) -> list[bytes]:
    """Maps with one thing wrong; of a channel, a signed kind, or one of `message_vectors.MAPS`."""
    names = (of, f"unsigned {of}")
    every = seeds.vectors("messages")["invalid"]
    return [bytes.fromhex(case["payload"]) for case in every if case["of"] in names]


def points() -> list[bytes]:
    """Ed25519: x = 0 with a sign, y = p and above, no point at all, other sizes."""
    one, top = b"\x01" + bytes(31), b"\xff" * 31
    signs = [one[:31] + b"\x80", b"\xec" + top]
    high = [bytes([low]) + top[:30] + b"\x7f" for low in (0xED, 0xEE, 0xFF)]
    return [*signs, *high, b"\x02" + bytes(31), b"", one[:31], one + b"\0"]


def p256_keys() -> list[bytes]:
    cases = seeds.vectors("p256")["keys"]
    return [bytes.fromhex(case["public"]) for case in cases if not case["valid"]]


def signatures(name: str) -> list[bytes]:
    """Public key, signature and message of signatures that do not hold, in one.

    Without those of a wrong size: where all three are in one, no such thing is to be seen.
    """
    cases = seeds.vectors(name)["verify"]
    sizes = {_sizes(case) for case in cases if case["valid"]}
    bad = [case for case in cases if not case["valid"] and _sizes(case) in sizes]
    return [seeds.whole_signature(case) for case in bad[:: len(bad) // _SIGNATURES + 1]]


def _sizes(case: dict[str, Any]) -> tuple[int, int]:
    return len(case["public"]), len(case["signature"])
