"""Whatever a body holds, it is taken as meant or refused as a problem."""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable
from types import new_class
from typing import Annotated, Any, NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from bridge import contracts
from bridge.authority import enrolment_messages
from bridge.authority.messages import Number
from bridge.contracts import MalformedError, MismatchError, Octets, Request
from simulator.authority.api import models, requests
from simulator.authority.api.requests import RequestError

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
SURROGATES = st.characters(min_codepoint=0xD7FF, max_codepoint=0xE000)


class Both(Request):
    a: int
    b: int


class Part(Request):
    a: int | UnsetType = UNSET
    b: int | UnsetType = UNSET


class Odd(Octets):
    """One byte, or three."""

    SIZES = (1, 3)


class Two(Octets):
    SIZES = (2,)


def asked(data: bytes, content_type: str = "application/json") -> web.Request:
    request = make_mocked_request("POST", "/", headers={"Content-Type": content_type})
    request._read_bytes = data
    return request


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 4000,
        b'{"a": 1}',
        b'{"a": 1, "b": 2, "c": 3}',
        b'{"a": 1, "c": 3}',
        b"null",
        b'{"a": 1, "b": ' + b"9" * 5000 + b"}",
        b'{"a": 1, "b": NaN}',
        b'{"a": 1, "b": 2} {}',
        b'{"a": 1, "b": 2, "\\ud800": 3}',
    ],
    ids=lambda data: repr(data[:24]),
)
async def test_other_bodies_are_refused(data: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        await requests.body_of(asked(data), Both)
    assert caught.value.status == 400


async def test_wanted_bodies_are_taken() -> None:
    assert await requests.body_of(asked(b'{"a": 1, "b": 2}'), Both) == Both(1, 2)
    assert await requests.body_of(asked(b'{"b": 2}'), Part) == Part(b=2)
    with pytest.raises(RequestError) as caught:
        await requests.body_of(asked(b"{}", "text/plain"), Part)
    assert caught.value.status == 415


async def test_of_a_key_that_comes_twice_the_last_value_counts() -> None:
    assert await requests.body_of(asked(b'{"a": "x", "b": 2, "a": 1}'), Both) == Both(1, 2)


class Field(NamedTuple):
    """One kind of field: how it is read, what it means, and values near what it takes."""

    type: Any
    means: Callable[[Any], Any]  # None for what is to be refused
    near: st.SearchStrategy[Any]


def number_in(value: Any) -> int | None:
    return value if type(value) is int and value in range(1, 10) else None


def flag_in(value: Any) -> bool | None:
    return value if type(value) is bool else None


def text_in(value: Any) -> str | None:
    """Up to five characters, all of which can be written."""
    fits = type(value) is str and 1 <= len(value) <= 5
    return value if fits and not any("\ud800" <= one <= "\udfff" for one in value) else None


def octets_in(value: Any) -> bytes | None:
    """One byte, or three."""
    fits = type(value) is str and len(value) in (2, 6) and set(value) <= set(HEX)
    return binascii.unhexlify(value) if fits else None


HEX = "0123456789abcdefABCDEF"
FIELDS = {
    "number": Field(Annotated[int, Meta(ge=1, le=9)], number_in, st.integers()),
    "flag": Field(bool, flag_in, st.sampled_from([0, 1])),
    "text": Field(Annotated[str, Meta(min_length=1, max_length=5)], text_in, st.text(max_size=7)),
    "octets": Field(
        Odd,
        octets_in,
        st.text(HEX, max_size=7) | st.text(HEX + "g _+٣", min_size=6, max_size=6),
    ),
}


def read(type_: Any, value: Any) -> Any:
    """A member called `it`, out of the text in which it is sent."""
    body: Any = new_class(
        "Body", (Request,), {}, lambda members: members.update(__annotations__={"it": type_})
    )
    return contracts.decode(json.dumps({"it": value}).encode(), body).it


def is_json(value: Any) -> bool:
    """Whether every number and text in it can be written (RFC 8259)."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", FIELDS)
@given(data=st.data())
def test_fields_are_taken_as_meant_or_refused(name: str, data: st.DataObject) -> None:
    field = FIELDS[name]
    value = data.draw(ANYTHING | field.near | st.integers(-1, 11) | st.text(SURROGATES, max_size=6))
    value = json.loads(json.dumps(value))  # as it arrives: pairs of surrogates are one character
    wanted = field.means(value)
    if not is_json(value):
        with pytest.raises(MalformedError):
            read(field.type, value)
    elif wanted is None:
        with pytest.raises(MismatchError) as caught:
            read(field.type, value)
        assert str(caught.value).startswith("it: Expected ")
    else:
        taken = read(field.type, value)
        assert (taken, isinstance(taken, type(wanted))) == (wanted, True)
        assert type(taken) is not bool or field.type is bool


@pytest.mark.parametrize(
    ("type_", "value", "taken"),
    [
        (Number, 0, 0),
        (Number, 0xFFFFFFFF, 0xFFFFFFFF),
        (Annotated[int, Meta(ge=1, le=9)], 1, 1),
        (Annotated[int, Meta(ge=1, le=9)], 9, 9),
        (bool, False, False),
        (bool, True, True),
        (enrolment_messages.Name, "å" * 80, "å" * 80),
        (Two, "00fF", b"\x00\xff"),
        (Odd, "0aFf10", b"\x0a\xff\x10"),
    ],
)
def test_what_is_just_allowed_is_taken(type_: Any, value: Any, taken: bytes | str | int) -> None:
    assert read(type_, value) == taken


REFUSED: list[tuple[Any, list[Any]]] = [
    (Two, ["0", "00", "0g0", "0 0 ", "00  ", " 0000", "0000\n", "００００", "00000", None, 1]),
    (Annotated[int, Meta(ge=1, le=9)], [True, 1.0, "1", 0, 10, None]),
]


@pytest.mark.parametrize(
    ("type_", "value"), [(type_, value) for type_, values in REFUSED for value in values]
)
def test_hex_has_exactly_its_digits_and_a_number_is_a_number(type_: Any, value: Any) -> None:
    with pytest.raises(MismatchError):
        read(type_, value)


@pytest.mark.parametrize(
    "value", ["", "-1", "+1", "1.0", "1e3", " 1", "1_0", "٣", "4294967296", "9" * 5000]
)
def test_a_number_in_a_query_is_digits(value: str) -> None:
    class Query(Request):
        it: Number

    assert contracts.query({"it": "007"}, Query) == Query(7)
    with pytest.raises(MismatchError):
        contracts.query({"it": value}, Query)


def test_a_name_is_bounded_in_bytes() -> None:
    good = {
        "receiver_id": "00" * 8,
        "key": "00" * 32,
        "store": 1,
        "store_name": "å" * 20,
        "invoice_issuer": 7,
        "currency": 752,
        "client_fingerprint": "00" * 32,
    }
    assert contracts.convert(good, models.NewReceiver).store_name == "å" * 20
    with pytest.raises(MismatchError, match="store_name is over 40 bytes"):
        contracts.convert({**good, "store_name": "å" * 20 + "a"}, models.NewReceiver)
