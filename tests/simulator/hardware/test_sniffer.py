"""What a sniffer writes down of two of Bumble's hosts that talk, and of nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from bumble import core, hci
from bumble.device import Connection, Device, DeviceConfiguration, Peer
from bumble.gatt import Characteristic, Service
from bumble.host import Host

from simulator.hardware.radio import sniffer as sniffing
from simulator.hardware.radio.air import Air
from simulator.hardware.radio.bumble_logging import quieten
from simulator.hardware.radio.controller import RadioController
from simulator.hardware.radio.sniffer import (
    ATT,
    TERMINATED,
    Address,
    Advertised,
    Controlled,
    Heard,
    Linked,
    Scanned,
    Sent,
    Sniffer,
    octets,
)

VALUE = bytes(range(200))
DATA = b"\x02\x01\x06"
RESPONSE = b"\x03\xff\xff\xff"
PATIENCE = 10.0
SERVICE, CHARACTERISTIC = core.UUID(0xA000), core.UUID(0xA001)


def host_on(air: Air, name: str, address: hci.Address) -> Device:
    quieten()
    controller = RadioController(name, air)
    return Device(config=DeviceConfiguration(address=address), host=Host(controller, controller))


@pytest.fixture
async def air() -> Air:
    return Air()


@pytest.fixture
async def peripheral(air: Air) -> Device:
    device = host_on(air, "peripheral", hci.Address("C0:00:00:00:00:01"))
    properties = Characteristic.Properties.READ | Characteristic.Properties.WRITE
    permissions = Characteristic.READABLE | Characteristic.WRITEABLE
    value = Characteristic(CHARACTERISTIC, properties, permissions, VALUE)
    device.add_service(Service(SERVICE, [value]))
    await device.power_on()
    return device


@pytest.fixture
async def central(air: Air) -> Device:
    device = host_on(air, "central", hci.Address("40:00:00:00:00:02"))
    await device.power_on()
    return device


async def advertise(device: Device) -> None:
    await device.start_advertising(
        advertising_data=DATA,
        scan_response_data=RESPONSE,
        advertising_interval_min=20,
        advertising_interval_max=20,
    )


async def join(central: Device, peripheral: Device) -> Connection:
    return await central.connect_le(peripheral.random_address, timeout=PATIENCE)


async def until(sniffer: Sniffer, ready: Callable[[list[Heard]], bool]) -> None:
    await asyncio.wait_for(sniffer.until(ready), PATIENCE)


def addresses(*devices: Device) -> list[Address]:
    return [Address(str(device.random_address).partition("/")[0], True) for device in devices]


async def test_repeats_of_an_advertisement_are_counted(air: Air, peripheral: Device) -> None:
    with air.sniffed() as sniffer:
        await advertise(peripheral)
        await until(sniffer, lambda records: bool(records and three_of(records[0])))
    (heard,) = sniffer.records
    assert isinstance(heard, Advertised)
    assert (heard.kind, heard.data) == ("ADV_IND", DATA)
    assert [heard.sender] == addresses(peripheral)
    assert heard.at < heard.last


def three_of(record: Heard) -> bool:
    return isinstance(record, (Advertised, Scanned)) and record.times >= 3


async def test_a_scan_response_is_heard_when_it_is_asked_for(
    air: Air, peripheral: Device, central: Device
) -> None:
    with air.sniffed() as sniffer:
        await advertise(peripheral)
        await central.start_scanning(legacy=True, active=False)
        await until(sniffer, lambda records: three_of(records[0]) if records else False)
        assert not [record for record in sniffer.records if isinstance(record, Scanned)]
        await central.stop_scanning(legacy=True)
        await central.start_scanning(legacy=True, active=True)
        await until(sniffer, lambda records: isinstance(records[-1], Scanned))
    scanned = sniffer.records[-1]
    assert isinstance(scanned, Scanned)
    assert [scanned.sender, scanned.scanner] == addresses(peripheral, central)
    assert scanned.data == RESPONSE


async def test_a_link_from_its_beginning_to_its_end(
    air: Air, peripheral: Device, central: Device
) -> None:
    with air.sniffed() as sniffer:
        await advertise(peripheral)
        connection = await join(central, peripheral)
        peer = Peer(connection)
        await peer.request_mtu(185)
        await peer.discover_services()
        await peer.discover_characteristics()
        (value,) = peer.get_characteristics_by_uuid(CHARACTERISTIC)
        assert await value.read_value() == VALUE
        await value.write_value(b"written", with_response=True)
        await connection.disconnect()
        await until(sniffer, lambda records: isinstance(records[-1], Controlled))
    (linked,) = [record for record in sniffer.records if isinstance(record, Linked)]
    assert [linked.central, linked.peripheral] == addresses(central, peripheral)
    assert linked.interval == pytest.approx(connection.parameters.connection_interval / 1000)
    data = [record for record in sniffer.records if isinstance(record, Sent)]
    assert {(record.link, record.channel) for record in data} == {(linked.link, ATT)}
    up = [record.data for record in data if record.up]
    down = [record.data for record in data if not record.up]
    assert up[0] == bytes.fromhex("02b900")
    assert up[-1].endswith(b"written")
    assert b"".join(part[1:] for part in down if part[0] in (0x0B, 0x0D)) == VALUE
    ended = sniffer.records[-1]
    assert isinstance(ended, Controlled)
    assert (ended.name, ended.up, ended.data) == (TERMINATED, True, b"\x13\x00")
    assert [record.at for record in sniffer.records] == sorted(r.at for r in sniffer.records)


async def test_only_what_is_sent_inside_is_heard(
    air: Air, peripheral: Device, central: Device
) -> None:
    """Who has missed the request to connect cannot follow the link."""
    await advertise(peripheral)
    connection = await join(central, peripheral)
    with air.sniffed() as sniffer:
        await Peer(connection).request_mtu(185)
        await connection.disconnect()
    await advertise(peripheral)
    await join(central, peripheral)
    assert sniffer.records == []


async def test_a_link_that_is_lost_ends_in_silence(
    air: Air, peripheral: Device, central: Device
) -> None:
    with air.sniffed() as sniffer:
        await advertise(peripheral)
        connection = await join(central, peripheral)
        controller = next(one for one in air.controllers if one.name == "peripheral")
        air.remove_controller(controller)
        mark = len(sniffer.records)
        with suppress(core.BaseBumbleError, asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(0.05):
                await Peer(connection).request_mtu(185)
    assert sniffer.records[mark:] == []


async def test_a_full_record_counts_what_it_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sniffing, "RECORDS_MOST", 1)
    sniffer = Sniffer()
    sender = hci.Address("40:00:00:00:00:02")
    for data in (b"one", b"one", b"two", b"two"):
        sniffer.advertised("ADV_IND", sender, data)
    (kept,) = sniffer.records
    assert isinstance(kept, Advertised)
    assert (kept.data, kept.times) == (b"one", 2)
    assert sniffer.missed == 2


@pytest.mark.parametrize(
    ("text", "is_random", "kind"),
    [
        ("00:00:00:00:00:01", False, "public"),
        ("3F:00:00:00:00:01", True, "non-resolvable"),
        ("40:00:00:00:00:01", True, "resolvable"),
        ("C0:00:00:00:00:01", True, "static"),
    ],
)
def test_an_address_says_of_which_kind_it_is(text: str, is_random: bool, kind: str) -> None:
    assert Address(text, is_random).kind == kind


def test_every_byte_of_a_record_is_there_to_be_searched() -> None:
    one, two = Address("01:02:03:04:05:06", False), Address("41:02:03:04:05:06", True)
    assert list(octets(Scanned(0, 0, 1, one, two, b"data"))) == [
        bytes.fromhex("010203040506"),
        bytes.fromhex("410203040506"),
        b"data",
    ]
