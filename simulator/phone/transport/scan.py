"""Find a till: scan in the foreground, the strongest signal first (design §3.1)."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from receiver.errors import Error
from receiver.protocol import gatt
from receiver.protocol.gatt import Advert

# From the first till received: an idle neighbour advertises every 150 ms and must be found too.
GATHER_S = 0.2


class Found(NamedTuple):
    """A till on the air. Its advertised data is a hint, and may be missing."""

    device: BLEDevice
    rssi: int
    advert: Advert | None


async def find(
    backend: type[BaseBleakScanner] | None, till: int | None, patience: float
) -> Found | None:
    """Find the strongest till, or the one with that number; None after `patience` seconds."""
    heard: dict[str, Found] = {}
    loop = asyncio.get_running_loop()
    try:
        async with (
            asyncio.timeout(patience) as limit,
            BleakScanner(service_uuids=[gatt.SERVICE], backend=backend) as scanner,
        ):
            async for device, data in scanner.advertisement_data():
                found = Found(device, data.rssi, _advert(data))
                if till is None:
                    if not heard:
                        limit.reschedule(min(limit.when() or 0, loop.time() + GATHER_S))
                    heard[device.address] = found
                elif found.advert is not None and found.advert.till == till:
                    return found
    except TimeoutError:
        pass
    return max(heard.values(), key=lambda found: found.rssi, default=None)


def _advert(data: AdvertisementData) -> Advert | None:
    try:
        return gatt.parse_service_data(data.service_data.get(gatt.SERVICE, b""))
    except Error:
        return None
