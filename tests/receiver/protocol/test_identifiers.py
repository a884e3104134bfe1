"""Names made from hashes, against the shared vectors and by hand."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from receiver.protocol import identifiers
from tests.support.values import message_vectors


@pytest.mark.parametrize(
    "case", message_vectors.VECTORS["purchases"], ids=lambda case: str(case["phone"])
)
def test_names_of_a_purchase(case: dict[str, Any]) -> None:
    message_vectors.check_names(case)


def test_tag_without_an_offer() -> None:
    assert identifiers.tag(b"") == bytes(3)


def test_match_code_has_two_digits() -> None:
    codes = {identifiers.match_code(bytes([number])) for number in range(250)}
    assert all(len(code) == 2 and code.isdigit() for code in codes)
    assert any(code.startswith("0") for code in codes)
    assert identifiers.match_code(b"x") == f"{int(sha256(b'x').hexdigest(), 16) % 100:02d}"


def test_everything_stands_in_the_approvals_context() -> None:
    parts = [bytes(32), b"offer", bytes(32), b"credential"]
    contexts = {identifiers.approval_context(*parts)}
    for at, other in enumerate((b"\1" * 32, b"offer2", b"\1" * 32, b"credential2")):
        contexts.add(identifiers.approval_context(*[*parts[:at], other, *parts[at + 1 :]]))
    assert len(contexts) == 5


@pytest.mark.parametrize(
    "other", [(b"bridge02", 7, "sale"), (b"bridge01", 8, "sale"), (b"bridge01", 7, "sale2")]
)
def test_references_differ(other: tuple[bytes, int, str]) -> None:
    assert identifiers.sale_reference(*other) != identifiers.sale_reference(b"bridge01", 7, "sale")


def test_reference_of_a_sale_with_letters_of_any_kind() -> None:
    assert len(identifiers.sale_reference(b"bridge01", 65535, "köp-ß")) == 8
