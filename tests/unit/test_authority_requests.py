"""Whatever a body holds, it is taken as meant or refused as a problem."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from simulator.authority.api import requests
from simulator.authority.api.requests import RequestError

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
SURROGATES = st.characters(min_codepoint=0xD7FF, max_codepoint=0xE000)


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
    ],
)
async def test_other_bodies_are_refused(data: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        await requests.json_body(asked(data), "a", "b")
    assert caught.value.status == 400


async def test_wanted_bodies_are_taken() -> None:
    assert await requests.json_body(asked(b'{"a": 1, "b": 2}'), "a", "b") == {"a": 1, "b": 2}
    assert await requests.json_body(asked(b'{"b": 2}'), "a", "b", partly=True) == {"b": 2}
    with pytest.raises(RequestError) as caught:
        await requests.json_body(asked(b"{}", "text/plain"))
    assert caught.value.status == 415


class Field(NamedTuple):
    """One kind of field: how it is read, what it means, and values near what it takes."""

    read: Callable[[Any], Any]
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
    "number": Field(lambda value: requests.number(value, "it", 1, 9), number_in, st.integers()),
    "flag": Field(lambda value: requests.flag(value, "it"), flag_in, st.sampled_from([0, 1])),
    "text": Field(lambda value: requests.text(value, "it", 5), text_in, st.text(max_size=7)),
    "octets": Field(
        lambda value: requests.octets(value, "it", 1, 3),
        octets_in,
        st.text(HEX, max_size=7) | st.text(HEX + "g _+٣", min_size=6, max_size=6),
    ),
}


@pytest.mark.parametrize("name", FIELDS)
@given(data=st.data())
def test_fields_are_taken_as_meant_or_refused(name: str, data: st.DataObject) -> None:
    field = FIELDS[name]
    value = data.draw(ANYTHING | field.near | st.integers(-1, 11) | st.text(SURROGATES, max_size=6))
    wanted = field.means(value)
    if wanted is None:
        with pytest.raises(RequestError) as caught:
            field.read(value)
        assert (caught.value.status, "it is" in caught.value.detail) == (400, True)
    else:
        taken = field.read(value)
        assert (taken, type(taken)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("read", "value", "taken"),
    [
        (lambda value: requests.number(value, "it"), 0, 0),
        (lambda value: requests.number(value, "it"), requests.NUMBER_MOST, 0xFFFFFFFF),
        (lambda value: requests.number(value, "it", 1, 9), 1, 1),
        (lambda value: requests.number(value, "it", 1, 9), 9, 9),
        (lambda value: requests.flag(value, "it"), False, False),
        (lambda value: requests.flag(value, "it"), True, True),
        (lambda value: requests.text(value, "it"), "å" * 80, "å" * 80),
        (lambda value: requests.octets(value, "it", 1, 3), "0aFf10", b"\x0a\xff\x10"),
    ],
)
def test_what_is_just_allowed_is_taken(
    read: Callable[[Any], Any], value: Any, taken: bytes | str | int
) -> None:
    assert read(value) == taken


@pytest.mark.parametrize(
    "value", ["0", "00", "0g0", "0 0 ", "00  ", " 0000", "００００", "00000", None, 1]
)
def test_hex_has_exactly_its_digits(value: Any) -> None:
    with pytest.raises(RequestError):
        requests.octets(value, "it", 2)


def test_hex_is_read() -> None:
    assert requests.octets("00fF", "it", 2) == b"\x00\xff"


@pytest.mark.parametrize("value", [True, 1.0, "1", 0, 10, None])
def test_number_is_a_number(value: Any) -> None:
    with pytest.raises(RequestError):
        requests.number(value, "it", 1, 9)
