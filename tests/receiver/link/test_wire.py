"""Messages between receiver and bridge; every round trip is in tests/architecture."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import reasons
from receiver.encoding import cbor, schema
from receiver.errors import Error
from receiver.link import wire
from tests.support.values.refusals import refused_as

OPEN = wire.Open(b"saleref1", 0, 24_900, 752, 7, 60, b"")


def test_a_message_is_a_map_with_its_keys() -> None:
    payload = wire.encode(wire.OPEN, OPEN)
    assert cbor.decode(payload) == {1: b"saleref1", 2: 0, 3: 24_900, 4: 752, 5: 7, 6: 60, 7: b""}
    assert wire.decode(wire.OPEN, payload) == OPEN


@pytest.mark.parametrize("channel", sorted(set(range(256)) - set(wire.LAYOUTS)))
def test_an_unknown_channel(channel: int) -> None:
    with refused_as(reasons.WRONG_TYPE):
        wire.decode(channel, b"\xa0")


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": 2**32},
        {"currency": 0},
        {"currency": 1000},
        {"ttl": 0},
        {"ttl": 121},
        {"kind": 2},
        {"original": bytes(17)},
        {"till": 65536},
        {"reference": b"short"},
    ],
)
def test_orders_out_of_bounds(changes: dict[str, int | bytes]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        wire.encode(wire.OPEN, OPEN._replace(**changes))  # type: ignore[arg-type]


def test_every_handle_that_a_controller_may_give_has_its_place() -> None:
    event = wire.Phone(bytes(32), 0x0EFF, wire.PHONE_GONE, 0)
    assert wire.decode(wire.PHONE, wire.encode(wire.PHONE, event)) == event


@given(st.sampled_from(sorted(wire.LAYOUTS)), st.binary(max_size=120))
def test_arbitrary_payloads(channel: int, payload: bytes) -> None:
    """Refused, or else what would be written for it."""
    with contextlib.suppress(Error):
        assert wire.encode(channel, wire.decode(channel, payload)) == payload


def test_hello() -> None:
    hello = wire.BridgeHello(wire.PROTOCOL, wire.PROTOCOL, b"bridge01", 7)
    data = schema.encode(wire.BRIDGE_HELLO, hello)
    assert schema.decode(wire.BRIDGE_HELLO, data, wire.BridgeHello) == hello
