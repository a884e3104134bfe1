"""Declared types: whatever comes is taken as meant, or the mistake is named by its key."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from bridge import contracts
from bridge.authority.messages import PositionClaim, ReceiverId
from bridge.contracts import Answer, Fault, MalformedError, MismatchError, Request, words
from bridge.till.rest import requests
from bridge.till.rest.requests import AcknowledgementRequest, NewRefund, NewSale

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


Colour = Annotated[str, words("red", "blue")]


class Row(Request):
    number: Annotated[int, Meta(ge=1, extra={"must": "a number from 1"})]
    colour: Colour | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.number == 7 and self.colour is UNSET:
            raise ValueError("number 7 needs a colour")


class Shop(Request):
    name: str
    rows: Annotated[list[Row], Meta(extra={"must": "a list of rows"})]
    first: Row | None = None


@pytest.mark.parametrize(
    ("value", "fault", "path", "text"),
    [
        ({}, Fault.MISSING, ("name",), "name is missing"),
        ([], Fault.WRONG, (), "Expected `object`, got `array`"),
        (
            {"name": "a", "rows": [], "x": 1},
            Fault.UNKNOWN,
            ("x",),
            "unknown key 'x'; known are name, rows, first",
        ),
        ({"name": "a", "rows": {}}, Fault.WRONG, ("rows",), "rows must be a list of rows"),
        ({"name": "a", "rows": [5]}, Fault.WRONG, ("rows",), "rows must be a list of rows"),
        (
            {"name": "a", "rows": [{"number": 1}, {"number": 0}]},
            Fault.WRONG,
            ("rows", 1, "number"),
            "rows.1.number must be a number from 1",
        ),
        ({"name": "a", "rows": [{}]}, Fault.MISSING, ("rows", 0, "number"), "rows.0.number is"),
        (
            {"name": "a", "rows": [{"number": 1, "a`b": 1}]},
            Fault.UNKNOWN,
            ("rows", 0, "a`b"),
            "unknown key 'a`b'; known are number, colour",
        ),
        ({"name": "a", "rows": [{"number": 7}]}, Fault.RULE, ("rows", 0), "number 7 needs a c"),
        (
            {"name": "a", "rows": [], "first": {"number": 1, "colour": "green"}},
            Fault.WRONG,
            ("first", "colour"),
            "first.colour must be one of red, blue",
        ),
    ],
)
def test_a_mistake_is_named(
    value: Any, fault: Fault, path: tuple[str | int, ...], text: str
) -> None:
    with pytest.raises(MismatchError) as caught:
        contracts.convert(value, Shop)
    assert (caught.value.fault, caught.value.path) == (fault, path)
    assert str(caught.value).startswith(text)


def test_a_later_version_may_answer_more() -> None:
    class Told(Answer):
        state: str

    assert contracts.decode(b'{"state": "a", "more": 1}', Told) == Told("a")


@pytest.mark.parametrize("type_", [NewSale, NewRefund, AcknowledgementRequest, PositionClaim, Shop])
@given(st.data())
def test_nothing_but_a_mismatch_comes_of_other_values(
    type_: type[Request], data: st.DataObject
) -> None:
    names = st.sampled_from(list(contracts.schemas(type_)[type_.__name__]["properties"]))
    value = data.draw(st.dictionaries(names | st.text(), ANYTHING, max_size=6) | ANYTHING)
    with suppress(MismatchError, MalformedError):
        assert isinstance(contracts.decode(json.dumps(value).encode(), type_), type_)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000, b"{} {}", b'{"rows": NaN}'),
        *(b'{"name": "\\ud800"}', b'{"\\ud800": 1}', b'{"rows": ["\\udfff\\ud800"]}'),
    ],
)
def test_what_is_not_json(data: bytes) -> None:
    with pytest.raises(MalformedError):
        contracts.decode(data, Shop)


def test_a_newline_at_the_end_belongs_to_no_id() -> None:
    """`$` would match before it."""
    good = {"sale_id": "sale-0123456789ab", "amount": 1, "currency": "SEK"}
    assert contracts.convert(good, NewSale).sale_id == good["sale_id"]
    with pytest.raises(MismatchError, match="sale_id must be 16 to 64"):
        contracts.convert({**good, "sale_id": "sale-0123456789ab\n"}, NewSale)
    for digits in ("0f" * 16 + "\n", "0F" * 16, "0f" * 15 + "0\n"):
        refund = {"refund_id": "refund-0123456789", "amount": 1, "currency": "SEK"}
        with pytest.raises(MismatchError, match="transaction_id must be 32"):
            contracts.convert({**refund, "transaction_id": digits}, NewRefund)
    with pytest.raises(MismatchError):
        contracts.convert("00" * 8 + "\n", ReceiverId)


def test_schemas_are_closed_and_have_patterns_as_ecma_writes_them() -> None:
    found = contracts.schemas(NewSale, PositionClaim)
    assert all(not schema["additionalProperties"] for schema in found.values())
    pattern = f"^{requests.SALE_ID.pattern}$"
    assert found["NewSale"]["properties"]["sale_id"]["pattern"] == pattern
    assert "\\\\A" not in json.dumps(found)
