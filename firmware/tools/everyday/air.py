"""The tills in the air, through bleak: this laptop's adapter, or whichever backend is given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

from receiver.errors import Error
from receiver.protocol import gatt

if TYPE_CHECKING:
    from bleak.backends.client import BaseBleakClient
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

SCAN_S = 5.0  # an idle till advertises every 150 ms; adapters listen a third of the time
READ_S = 15.0  # connection, service discovery and two reads, on a busy channel
TILLS_MOST = 200  # as many as a large store has; more addresses are not listened to
_NO_ADAPTER = (
    "no Bluetooth adapter answers ({}): plug one in, start bluetoothd, and look with `bluetoothctl "
    "show` whether it is powered"
)


class NoAdapterError(Exception):
    """This computer cannot listen; the text says what to do."""


class Adapter(NamedTuple):
    """bleak's backends; None is bleak's own choice for this computer."""

    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None


class HeardTill(NamedTuple):
    """A till as it advertises. `times` are those of its advertisements, on the loop's clock."""

    device: BLEDevice
    rssi: list[int]
    advert: gatt.Advert | None
    name: str
    times: list[float]

    @property
    def address(self) -> str:
        return self.device.address

    @property
    def strength(self) -> int:
        """Return the middle one of what was heard, in dBm."""
        return sorted(self.rssi)[len(self.rssi) // 2]


class Read(NamedTuple):
    """What a till lets everyone read."""

    certificate: bytes
    offer: bytes


async def listen(adapter: Adapter, seconds: float = SCAN_S) -> list[HeardTill]:
    """Return the tills heard in this time, the strongest first; raises NoAdapterError."""
    found: dict[str, HeardTill] = {}
    loop = asyncio.get_running_loop()
    try:
        scanner = BleakScanner(service_uuids=[gatt.SERVICE], backend=adapter.scanner)
        async with scanner:
            try:
                async with asyncio.timeout(seconds):
                    async for device, data in scanner.advertisement_data():
                        _take(found, device, data, loop.time())
            except TimeoutError:
                pass
    except (BleakError, OSError) as error:  # OSError: no D-Bus at all
        raise NoAdapterError(_NO_ADAPTER.format(error)) from error
    return sorted(found.values(), key=lambda heard: -heard.strength)


def _take(
    found: dict[str, HeardTill], device: BLEDevice, data: AdvertisementData, now: float
) -> None:
    before = found.get(device.address)
    if before is None and len(found) >= TILLS_MOST:
        return
    advert: gatt.Advert | None
    try:
        advert = gatt.parse_service_data(data.service_data.get(gatt.SERVICE, b""))
    except Error:  # only its scan response has it, which may be lost
        advert = before.advert if before else None
    name = data.local_name or (before.name if before else "")
    rssi, times = (before.rssi, before.times) if before else ([], [])
    found[device.address] = HeardTill(device, [*rssi, data.rssi], advert, name, [*times, now])


async def read(device: BLEDevice, adapter: Adapter) -> Read:
    """Connect and read, and write nothing; raises BleakError, also where it takes too long."""
    client = BleakClient(device, backend=adapter.client)
    try:
        async with asyncio.timeout(READ_S), client:
            certificate = bytes(await client.read_gatt_char(gatt.CERTIFICATE))
            return Read(certificate, bytes(await client.read_gatt_char(gatt.OFFER)))
    except TimeoutError:
        raise BleakError(f"no answer within {READ_S:g} s") from None
