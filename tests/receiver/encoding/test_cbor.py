"""Strict CBOR: the shared vectors, properties on random values and bytes, and our own mistakes."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import reasons
from receiver.encoding import cbor
from receiver.errors import Error
from tests.support.values.refusals import reason_of
from tests.support.values.vectors import load, plain

VECTORS = load("cbor.json")

ints = st.integers(cbor.INT_MIN, cbor.INT_MAX)
leaves = ints | st.booleans() | st.binary(max_size=40) | st.text(max_size=20)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=6) | st.dictionaries(ints, inner, max_size=6)


values = leaves | containers(leaves | containers(leaves | containers(leaves)))


def same(one: Any, other: Any) -> bool:
    """Equal, and True is not 1."""
    return one == other and repr(one) == repr(other)


@pytest.mark.parametrize("case", VECTORS["valid"], ids=lambda case: case["hex"][:40])
def test_valid(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    value = plain(case["value"])
    assert cbor.encode(value) == data
    for view in (data, bytearray(data), memoryview(data)):
        assert same(cbor.decode(view), value)


@pytest.mark.parametrize("case", VECTORS["valid"], ids=lambda case: case["hex"][:40])
def test_every_cut_and_every_extension_is_refused(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    for size in range(len(data)):
        assert reason_of(cbor.decode, data[:size]) == reasons.MALFORMED
    assert reason_of(cbor.decode, data + b"\0") == reasons.MALFORMED


@pytest.mark.parametrize("case", VECTORS["invalid"], ids=lambda case: case["why"])
def test_invalid(case: dict[str, Any]) -> None:
    assert reason_of(cbor.decode, bytes.fromhex(case["hex"])) == reasons.MALFORMED


def test_size_limit() -> None:
    whole = cbor.encode(bytes(cbor.SIZE_MAX - 3))
    assert cbor.decode(whole) == bytes(cbor.SIZE_MAX - 3)
    assert reason_of(cbor.decode, whole + b"\0") == reasons.OVERSIZE
    assert reason_of(cbor.decode, b"\x40", 0) == reasons.OVERSIZE
    assert len(cbor.encode(bytes(5000), 6000)) == 5003


@given(values)
def test_decode_undoes_encode(value: Any) -> None:
    assert cbor.decode(cbor.encode(value, 10**6), 10**6) == value


@given(st.binary(max_size=64))
def test_arbitrary_bytes(data: bytes) -> None:
    assert_strict(data)


@given(values, st.data())
def test_changed_bytes(value: Any, data: st.DataObject) -> None:
    encoded = bytearray(cbor.encode(value, 10**6))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] = data.draw(st.integers(0, 255))
    assert_strict(bytes(encoded))


def assert_strict(data: bytes) -> None:
    """Refused by Error, or else exactly what the encoder makes of the value."""
    with contextlib.suppress(Error):
        assert cbor.encode(cbor.decode(data)) == data


def test_map_order_does_not_depend_on_insertion() -> None:
    assert cbor.encode({-1: 0, 100: 0, 10: 0}) == bytes.fromhex("a30a001864002000")


def test_tuple_is_an_array() -> None:
    assert cbor.encode((1, (2,))) == cbor.encode([1, [2]])


@pytest.mark.parametrize(
    "value", [2**32, -(2**32) - 1, "\ud800", [[[[[]]]]], {2**32: 0}, bytes(2048)]
)
def test_our_values_out_of_range(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        cbor.encode(value)


@pytest.mark.parametrize("value", [None, 1.5, {"1": 0}, {True: 0}, {b"": 0}, bytearray(1), {1}])
def test_our_values_of_no_type(value: Any) -> None:
    with pytest.raises(TypeError):
        cbor.encode(value)
