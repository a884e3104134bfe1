"""What stands on the air: payloads of 31 bytes, and service data that is only a hint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import reasons
from receiver.protocol import gatt
from tests.support.values.refusals import refused_as

ROOM = 31  # of a legacy advertisement, Core 5.4 Vol 6 Part B 2.3.1


def structures(data: bytes) -> dict[int, bytes]:
    """Advertising data by type (Core 5.4 Vol 3 Part C 11)."""
    found = {}
    while data:
        size = data[0]
        assert size >= 1
        assert len(data) > size
        found[data[1]] = data[2 : 1 + size]
        data = data[1 + size :]
    return found


@given(st.integers(0, 65535))
def test_advertising_data(till: int) -> None:
    data = gatt.advertising_data(till)
    assert len(data) <= ROOM
    found = structures(data)
    assert found[0x01] == b"\x06"
    assert found[0x07] == gatt.uuid_bytes(gatt.SERVICE)
    assert found[0x08].decode().split(" ")[1] == str(till)


@given(st.integers(0, 7), st.integers(0, 65535), st.binary(min_size=3, max_size=3))
def test_scan_response(flags: int, till: int, tag: bytes) -> None:
    data = gatt.scan_response(flags, till, tag)
    assert len(data) <= ROOM
    (content,) = structures(data).values()
    assert content[:16] == gatt.uuid_bytes(gatt.SERVICE)
    assert gatt.parse_service_data(content[16:]) == gatt.Advert(gatt.VERSION, flags, till, tag)


def test_only_the_head_of_a_tag_is_shown() -> None:
    assert gatt.service_data(0, 0, bytes(range(32)))[-3:] == b"\0\1\2"


@pytest.mark.parametrize("size", [0, 6, 8, 15])
def test_service_data_of_another_length(size: int) -> None:
    with refused_as(reasons.MALFORMED):
        gatt.parse_service_data(bytes(size))


def test_uuids_go_backwards() -> None:
    assert gatt.uuid_bytes("00112233-4455-6677-8899-aabbccddeeff") == bytes(
        reversed(bytes.fromhex("00112233445566778899aabbccddeeff"))
    )


def test_every_exchange_fits_the_least_mtu() -> None:
    att_head = 3  # opcode and handle, Core 5.4 Vol 3 Part F 3.4.5 and 3.4.7
    assert gatt.EXCHANGE_MOST == gatt.OFFER_MOST == gatt.MTU_LEAST - att_head
    assert gatt.MTU >= gatt.MTU_LEAST
