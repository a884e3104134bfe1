"""COSE_Sign1: the shared vectors, what parsing must refuse, and what a context is for."""

from __future__ import annotations

import contextlib
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import reasons
from receiver.crypto import host
from receiver.encoding import cbor, cose
from receiver.errors import Error
from tests.receiver.crypto.back_ends import ed25519_verify, p256_verify
from tests.support.values.vectors import load, parts

VECTORS = load("cose.json")
KEYS = {name: bytes.fromhex(key) for name, key in VECTORS["keys"].items()}

valid = pytest.mark.parametrize(
    "case", VECTORS["valid"], ids=lambda case: f"{case['kind']}{case['alg']}"
)


def refusal(data: bytes, alg: int = cose.ALG_ED25519, kid_size: int = 2) -> int:
    with pytest.raises(Error) as caught:
        cose.parse(data, alg, kid_size)
    return caught.value.code


def message(payload: bytes = b"\xa0", kid: bytes = b"\1\2") -> bytes:
    return cose.build(
        cose.protected_header(cose.ALG_ED25519, kid), payload, cose.OFFER, b"", lambda _: bytes(64)
    )


@valid
def test_build(case: dict[str, Any]) -> None:
    kid, payload, context, signature = parts(case, "kid", "payload", "context", "signature")
    signed = []

    def sign(data: bytes) -> bytes:
        signed.append(data.hex())
        return signature

    built = cose.build(
        cose.protected_header(case["alg"], kid), payload, case["kind"], context, sign
    )
    assert built.hex() == case["message"]
    assert signed == [case["sig_structure"]]


@valid
def test_parse(case: dict[str, Any]) -> None:
    data, kid, *rest = parts(case, "message", "kid", "protected", "payload", "signature")
    for view in (data, bytearray(data), memoryview(data)):
        parsed = cose.parse(view, case["alg"], len(kid))
        assert parsed == cose.Sign1(rest[0], case["alg"], kid, rest[1], rest[2])


@valid
def test_signature(case: dict[str, Any]) -> None:
    context, protected, payload, signature = parts(
        case, "context", "protected", "payload", "signature"
    )
    signed = cose.to_be_signed(case["kind"], context, protected, payload)
    if case["alg"] == cose.ALG_ED25519:
        assert ed25519_verify(host, KEYS["ed25519"], signed, signature)
    else:
        assert p256_verify(host, KEYS["p256"], signed, signature)


@valid
def test_another_role_is_refused(case: dict[str, Any]) -> None:
    data, kid = parts(case, "message", "kid")
    other = cose.ALG_ESP256 if case["alg"] == cose.ALG_ED25519 else cose.ALG_ED25519
    assert refusal(data, other, len(kid)) == reasons.MALFORMED
    for size in {0, 1, 2, 3, 7, 8, 9, 16, 1000} - {len(kid)}:
        assert refusal(data, case["alg"], size) == reasons.MALFORMED


@pytest.mark.parametrize("case", VECTORS["invalid"], ids=lambda case: case["why"])
def test_invalid(case: dict[str, str]) -> None:
    assert refusal(bytes.fromhex(case["message"])) == reasons.MALFORMED


def test_header_of_a_shorter_kid_than_asked_for() -> None:
    """A header whose own length is what the missing bytes of the kid would make it."""
    header = cose.protected_header(cose.ALG_ED25519, b"\1\2")
    data = cbor.encode([header, {}, b"\xa0", bytes(64)])
    assert refusal(data, kid_size=len(header) + 2) == reasons.MALFORMED


def test_oversize() -> None:
    assert refusal(bytes(cbor.SIZE_MAX + 1)) == reasons.OVERSIZE


def test_largest_message_can_be_verified() -> None:
    """The Sig_structure of whatever parses is within the limit itself."""
    room = cbor.SIZE_MAX - len(message(bytes(256))) + 256
    parsed = cose.parse(message(bytes(room)), cose.ALG_ED25519, 2)
    assert cose.to_be_signed(cose.APPROVAL, bytes(128), parsed.protected, parsed.payload)


def test_kind_and_context_cannot_be_mistaken() -> None:
    """They are joined without a separator, so no kind may begin another."""
    assert not any(one.startswith(other) for one, other in permutations(cose.KINDS, 2))
    made = {cose.to_be_signed(kind, c, b"", b"") for kind in cose.KINDS for c in (b"", b"\0", b"r")}
    assert len(made) == 3 * len(cose.KINDS)


def test_our_own_mistakes() -> None:
    with pytest.raises(ValueError, match="kind"):
        cose.to_be_signed("invoice", b"", b"", b"")
    with pytest.raises(ValueError, match="64"):
        cose.build(
            cose.protected_header(cose.ALG_ED25519, b""), b"\xa0", cose.OFFER, b"", lambda _: b""
        )


@given(st.binary(max_size=120), st.integers(0, 12))
def test_arbitrary_bytes(data: bytes, kid_size: int) -> None:
    with contextlib.suppress(Error):
        cose.parse(data, cose.ALG_ED25519, kid_size)


@given(st.data())
def test_changed_bytes(data: st.DataObject) -> None:
    """Refused, or else a message that builds back to exactly those bytes."""
    changed = bytearray(message())
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Error):
        parsed = cose.parse(changed, cose.ALG_ED25519, 2)
        _, _, _, payload, signature = parsed
        assert cbor.encode([parsed.protected, {}, payload, signature]) == bytes(changed)
