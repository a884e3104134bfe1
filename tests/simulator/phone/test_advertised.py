"""What a phone reads from a till's advertisement: whatever else is on the air."""

from __future__ import annotations

import pytest
from bleak.backends.scanner import AdvertisementData
from bumble.core import AdvertisingData
from hypothesis import given
from hypothesis import strategies as st

from receiver.protocol import gatt
from simulator.phone.transport import advertised


def heard(name: str | None = None, state: bytes = b"") -> AdvertisementData:
    return AdvertisementData(name, {}, {gatt.SERVICE: state} if state else {}, [], None, -50, ())


@given(st.integers(1, 0xFFFF))
def test_every_number_is_in_the_name_of_each_advertisement(till: int) -> None:
    data = AdvertisingData.from_bytes(gatt.advertising_data(till))
    name = data.get(AdvertisingData.Type.SHORTENED_LOCAL_NAME, raw=True)
    assert name is not None
    assert advertised.number(heard(name.decode())) == till


@pytest.mark.parametrize("name", [None, "", "Till", "Till x", "Till 7 ", "Kassa 7", "T 123456"])
def test_a_name_of_something_else_has_no_number(name: str | None) -> None:
    assert advertised.number(heard(name)) is None


@given(st.binary(max_size=24))
def test_strange_service_data_says_nothing(data: bytes) -> None:
    found = advertised.state(heard(state=data))
    assert (found is None) == (len(data) != len(gatt.service_data(0, 1, bytes(3))))
