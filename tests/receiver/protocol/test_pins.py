"""The file of pinned keys."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import reasons
from receiver.encoding import cbor
from receiver.errors import Error
from receiver.protocol import pins
from tests.support.values.refusals import refused_as

PINS = {b"\1\1": bytes(32), b"\2\xff": b"\1" * 32, b"\xff\xff": b"\2" * 32, b"\0\0": b"\3" * 32}


def test_there_and_back() -> None:
    assert pins.decode(pins.encode(PINS)) == PINS
    assert pins.decode(pins.encode({})) == {}


@pytest.mark.parametrize(
    "value",
    [
        [],
        1,
        {1: bytes(31)},
        {1: bytes(33)},
        {1: "x" * 32},
        {1: 1},
        {-1: bytes(32)},
        {0x10000: bytes(32)},
    ],
)
def test_what_is_no_file_of_pins(value: object) -> None:
    with refused_as(reasons.MALFORMED):
        pins.decode(cbor.encode(value))  # type: ignore[arg-type]


@given(st.binary(max_size=100))
def test_arbitrary_bytes(data: bytes) -> None:
    with contextlib.suppress(Error):
        assert pins.encode(pins.decode(data)) == data
