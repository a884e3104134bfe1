"""Writes manifests.json with cbor2 and OpenSSL: signed manifests of firmware, sharing nothing.

Key and signature are those of `make_messages`; the map and COSE_Sign (RFC 9052 §4.1) are said here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cbor2
from make_messages import Case, digest, public, sign

KEYS = {bytes((5, n)): f"firmware {n}" for n in (1, 2, 3)}
ONE, TWO, THREE = KEYS
ALG = -19
U32 = 2**32 - 1
TABLES = {
    "smallest": (0, 0, "x", "x", bytes(20), [["a", 0, bytes(32)]]),
    "largest": (
        *(U32, U32, "x" * 24, "x" * 24, b"\xff" * 20),
        [[f"{n:02}" * 32, 0x200000, b"\xff" * 32] for n in range(16)],
    ),
    "release": (
        *(7, 3, "esp32c3-littlefs", "1.2.0", digest(b"commit")[:20]),
        [["firmware/device/boot.mpy", 3, digest(b"abc")], ["lib/typing.py", 0, digest(b"")]],
    ),
}
NAMES = ("release", "least_release", "board_class", "version", "git", "files")
SIGNERS = {"smallest": (ONE, TWO), "largest": (ONE, TWO, THREE), "release": (ONE, THREE)}


def pairs(of: str = "release") -> dict[int, Any]:
    return {1: 1, **dict(enumerate(TABLES[of], 2))}


def protected(kid: bytes, alg: int = ALG) -> bytes:
    return cbor2.dumps({1: alg, 4: kid})


def signer(payload: bytes, kid: bytes, name: str = "", kind: bytes = b"firmware") -> list[Any]:
    """One row of COSE_Sign (RFC 9052 §4.1, §4.4)."""
    external = digest(b"tillsign/1 " + kind)
    structure = cbor2.dumps(["Signature", b"", protected(kid), external, payload])
    return [protected(kid), {}, sign(name or KEYS[kid], structure)]


def joined(payload: bytes, rows: list[Any]) -> bytes:
    return cbor2.dumps([b"", {}, payload, rows])


def signed(payload: bytes, *kids: bytes) -> bytes:
    return joined(payload, [signer(payload, kid) for kid in kids])


def valid_cases() -> list[Case]:
    found = []
    for name, table in TABLES.items():
        payload = cbor2.dumps(pairs(name))
        fields = dict(zip(NAMES, table, strict=True))
        fields["git"] = table[4].hex()
        fields["files"] = [[path, size, hashed.hex()] for path, size, hashed in table[5]]
        message = signed(payload, *SIGNERS[name]).hex()
        found.append({"name": name, "fields": fields, "payload": payload.hex(), "message": message})
    return found


def by_two(changes: dict[int, Any]) -> bytes:
    """A payload with other values, signed as it should be."""
    return signed(cbor2.dumps({**pairs(), **changes}), ONE, TWO)


def refused_cases() -> list[Case]:
    payload = cbor2.dumps(pairs())
    good = signed(payload, ONE, TWO)
    first, second = signer(payload, ONE), signer(payload, TWO)
    stranger = signer(payload, b"\5\x09", "firmware 9")
    false = signer(payload, THREE, "firmware 2")
    few, bad, malformed = "too_few_signatures", "bad_signature", "malformed"
    cases = {
        "one signature": (signed(payload, ONE), few),
        "one, and an unknown key's": (joined(payload, [first, stranger]), few),
        "two, and a false one": (joined(payload, [first, second, false]), bad),
        "of another payload": (joined(payload, [first, signer(b"\xa0", TWO)]), bad),
        "in another context": (joined(payload, [first, signer(payload, TWO, kind=b"state")]), bad),
        "a key of another role": (
            joined(payload, [signer(payload, b"\4\1", "authority 4"), first]),
            "wrong_role",
        ),
        "one key twice": (joined(payload, [first, first]), malformed),
        "no signer": (joined(payload, []), malformed),
        "nine signers": (
            joined(payload, [signer(payload, bytes((5, n)), "x") for n in range(9)]),
            malformed,
        ),
        "a header of the body": (cbor2.dumps([b"\xa0", {}, payload, [first, second]]), malformed),
        "unprotected": (cbor2.dumps([b"", {4: ONE}, payload, [first, second]]), malformed),
        "a signer's unprotected": (
            joined(payload, [[first[0], {4: ONE}, first[2]], second]),
            malformed,
        ),
        "EdDSA by its old number": (
            joined(payload, [[protected(ONE, -8), {}, first[2]], second]),
            malformed,
        ),
        "63 bytes": (joined(payload, [[*first[:2], first[2][:63]], second]), malformed),
        "tagged": (b"\xd8\x62" + good, malformed),
        "COSE_Sign1": (cbor2.dumps([protected(ONE), {}, payload, first[2]]), malformed),
        "trailing byte": (good + b"\0", malformed),
        "cut short": (good[:-1], malformed),
        "of another version": (by_two({1: 2}), "wrong_version"),
        "release: true": (by_two({2: True}), malformed),
        "release: negative": (by_two({2: -1}), malformed),
        "no board": (by_two({4: ""}), malformed),
        "a long board": (by_two({4: "x" * 25}), malformed),
        "a short commit": (by_two({6: bytes(19)}), malformed),
        "another key": (by_two({8: 0}), malformed),
        "no files": (by_two({7: []}), malformed),
        "17 files": (by_two({7: [[f"{n}", 0, bytes(32)] for n in range(17)]}), malformed),
        "one file twice": (by_two({7: [["a", 0, bytes(32)]] * 2}), malformed),
        "a file too large": (by_two({7: [["a", 0x200001, bytes(32)]]}), malformed),
        "a short hash": (by_two({7: [["a", 0, bytes(31)]]}), malformed),
        "a path out of its slot": (by_two({7: [["../a", 0, bytes(32)]]}), malformed),
        "the manifest itself": (by_two({7: [["manifest", 0, bytes(32)]]}), malformed),
    }
    return [
        {"why": why, "reason": reason, "message": data.hex()}
        for why, (data, reason) in cases.items()
    ]


def main() -> None:
    """One case a line, so that a change can be read."""
    keys = {kid.hex(): public(name).hex() for kid, name in KEYS.items()}
    keys[b"\4\1".hex()] = public("authority 4").hex()
    parts = [f'"keys": {json.dumps(keys)}']
    for title, cases in (("valid", valid_cases()), ("refused", refused_cases())):
        lines = ",\n".join("  " + json.dumps(case) for case in cases)
        parts.append(f'"{title}": [\n{lines}\n]')
    Path(__file__).with_name("manifests.json").write_text("{" + ",\n".join(parts) + "}\n")


if __name__ == "__main__":
    main()
