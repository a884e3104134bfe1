"""Whatever a body holds, it is taken as meant or refused as a problem."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from simulator.authority import requests
from simulator.authority.requests import RequestError

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


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


@given(ANYTHING)
@pytest.mark.parametrize(
    "read",
    [
        lambda value: requests.number(value, "it", 1, 9),
        lambda value: requests.flag(value, "it"),
        lambda value: requests.text(value, "it").encode(),
        lambda value: requests.octets(value, "it", 2),
    ],
)
def test_fields_are_taken_or_refused(read: Callable[[Any], Any], value: Any) -> None:
    with suppress(RequestError):
        read(value)


@pytest.mark.parametrize("value", ["0", "00", "0g0", "0 0 ", " 0000", "００００", "00000", None, 1])
def test_hex_has_exactly_its_digits(value: Any) -> None:
    with pytest.raises(RequestError):
        requests.octets(value, "it", 2)


def test_hex_is_read() -> None:
    assert requests.octets("00fF", "it", 2) == b"\x00\xff"


@pytest.mark.parametrize("value", [True, 1.0, "1", 0, 10, None])
def test_number_is_a_number(value: Any) -> None:
    with pytest.raises(RequestError):
        requests.number(value, "it", 1, 9)
