"""Messages as tables: exactly the keys, kinds and bounds that are listed."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import reasons
from receiver.crypto import host
from receiver.encoding import cbor, schema
from receiver.errors import Error
from tests.support.values.refusals import reason_of, refused_as

PUBLIC = host.ed25519_public(bytes(32))
POINT = b"\3" + bytes(range(32))  # no one looks whether it is on the curve


class Sample(NamedTuple):
    number: int
    name: str
    blob: bytes
    key: bytes


FIELDS = (
    schema.uint(1, "number", 1, 100),
    schema.text(-1, "name", 4),
    schema.blob(3, "blob", 3, 1),
    schema.confirmation(8, "key"),
)
PHONE = (schema.phone_key(8, "key"),)
GOOD = Sample(7, "Åh", b"ab", PUBLIC)
MAP: dict[int, Any] = {1: 7, -1: "Åh", 3: b"ab", 8: {1: {1: 1, -1: 6, -2: PUBLIC}}}


def decode(pairs: Any) -> Any:
    return schema.decode(FIELDS, cbor.encode(pairs), Sample)


def test_there_and_back() -> None:
    assert schema.encode(FIELDS, GOOD) == cbor.encode(MAP)
    assert decode(MAP) == GOOD
    assert schema.from_map(FIELDS, MAP, Sample) == GOOD


class Phone(NamedTuple):
    key: bytes


P256 = {1: 2, -1: 1, -2: POINT[1:], -3: True}


@pytest.mark.parametrize(
    ("key", "claim"),
    [(PUBLIC, MAP[8][1]), (POINT, P256), (b"\2" + POINT[1:], {**P256, -3: False})],
)
def test_a_phones_key_is_of_either_kind(key: bytes, claim: dict[int, Any]) -> None:
    data = cbor.encode({8: {1: claim}})
    assert schema.encode(PHONE, Phone(key)) == data
    assert schema.decode(PHONE, data, Phone) == Phone(key)


@pytest.mark.parametrize(
    "claim",
    [
        {**P256, -3: 1},
        {**P256, -3: POINT[1:]},
        {**P256, -1: 6},
        {**P256, 1: 1},
        {**P256, -2: POINT[2:]},
        {**P256, -2: POINT},
        {**P256, 3: -9},
        {1: 1, -1: 6, -2: POINT},
        {1: 1, -1: 6, -2: PUBLIC, -3: True},
        {at: value for at, value in P256.items() if at != -3},
    ],
)
def test_no_other_phone_key(claim: dict[int, Any]) -> None:
    with refused_as(reasons.MALFORMED):
        schema.decode(PHONE, cbor.encode({8: {1: claim}}), Phone)


@pytest.mark.parametrize("key", [b"", PUBLIC[:-1], b"\4" + POINT[1:], b"\0" + PUBLIC, POINT + b"x"])
def test_no_phone_key_of_ours(key: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        schema.encode(PHONE, Phone(key))


@pytest.mark.parametrize("key", [*MAP])
def test_missing_or_another_key(key: int) -> None:
    rest = {at: value for at, value in MAP.items() if at != key}
    assert reason_of(decode, rest) == reasons.MALFORMED
    assert reason_of(decode, {**rest, 9: MAP[key]}) == reasons.MALFORMED


MISFITS: list[tuple[int, list[Any]]] = [
    (1, [0, 101, True, "7", b"7", [7], -7]),
    (-1, ["Åhh!", b"Ah", 1, ["A"]]),
    (3, [b"", b"abcd", "ab", 3, {}]),
    (8, [PUBLIC, 1, {}, {1: {}}, {1: {1: True, -1: 6, -2: PUBLIC}}, {2: MAP[8][1]}]),
    (8, [{1: {1: 2, -1: 1, -2: PUBLIC, -3: False}}]),
    (8, [{1: {1: 1, -1: 6, -2: PUBLIC[:-1]}}, {**MAP[8], 2: 0}, {1: {**MAP[8][1], 2: b"kid"}}]),
]


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in MISFITS for value in values]
)
def test_value_that_does_not_fit(key: int, value: Any) -> None:
    assert reason_of(decode, {**MAP, key: value}) == reasons.MALFORMED


class Tail(NamedTuple):
    kind: int
    tail: bytes


TAILED = (schema.uint(1, "kind", 0, 2), schema.attached(2, "tail", 3))


@pytest.mark.parametrize(
    ("value", "pairs"), [(Tail(0, b""), {1: 0}), (Tail(2, b"abc"), {1: 2, 2: b"abc"})]
)
def test_bytes_that_belong_to_a_number(value: Tail, pairs: dict[int, Any]) -> None:
    assert schema.encode(TAILED, value) == cbor.encode(pairs)
    assert schema.from_map(TAILED, pairs, Tail) == value


@pytest.mark.parametrize(
    "pairs",
    [
        {1: 0, 2: b"abc"},
        {1: 0, 2: b""},
        {1: 1},
        {1: 1, 2: b""},
        {1: 1, 2: b"ab"},
        {1: 1, 2: "abc"},
        {1: 1, 3: b"abc"},
        {1: 0, 3: b"abc"},
        {2: b"abc"},
        {1: 3, 2: b"abc"},
    ],
)
def test_bytes_without_their_number_or_the_number_without_them(pairs: dict[int, Any]) -> None:
    with refused_as(reasons.MALFORMED):
        schema.from_map(TAILED, pairs, Tail)


@pytest.mark.parametrize("value", [Tail(0, b"abc"), Tail(1, b""), Tail(1, b"ab")])
def test_our_own_mistakes_with_attached_bytes(value: Tail) -> None:
    with pytest.raises(ValueError, match="tail"):
        schema.encode(TAILED, value)


@pytest.mark.parametrize("value", [[], 1, b"", "x", True, {**MAP, 9: 0}])
def test_no_map_or_one_with_an_extra_key(value: Any) -> None:
    assert reason_of(decode, value) == reasons.MALFORMED


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": True},
        {"name": "12345"},
        {"blob": b""},
        {"key": bytes(31)},
        {"key": POINT},
    ],
)
def test_our_own_mistakes(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        schema.encode(FIELDS, GOOD._replace(**changes))


@given(
    st.integers(1, 100),
    st.text(max_size=4).filter(lambda text: len(text.encode()) <= 4),
    st.binary(min_size=1, max_size=3),
    st.binary(min_size=32, max_size=32),
)
def test_whatever_fits_goes_there_and_back(number: int, name: str, blob: bytes, key: bytes) -> None:
    value = Sample(number, name, blob, key)
    assert schema.decode(FIELDS, schema.encode(FIELDS, value), Sample) == value


NESTED = st.recursive(
    st.integers(-10, 10) | st.booleans() | st.binary(max_size=3) | st.text("ab", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([1, -1, 3, 8, -2]), inner, max_size=4)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([1, -1, 3, 8]), NESTED, min_size=4))
def test_nothing_but_errors(pairs: dict[int, Any]) -> None:
    with contextlib.suppress(Error):
        schema.from_map(FIELDS, pairs, Sample)
