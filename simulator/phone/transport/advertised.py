"""What a till says of itself on the air. All of it is a hint: the offer says what holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from receiver.errors import Error
from receiver.protocol import gatt

if TYPE_CHECKING:
    from bleak.backends.scanner import AdvertisementData

    from receiver.protocol.gatt import Advert

_NAMES = [re.compile(name.replace("%d", "([0-9]{1,5})")) for name in (gatt.NAME, gatt.NAME_CUT)]


def state(data: AdvertisementData) -> Advert | None:
    """Return the service data of the scan response, which may be lost or of another version."""
    try:
        return gatt.parse_service_data(data.service_data.get(gatt.SERVICE, b""))
    except Error:
        return None


def number(data: AdvertisementData) -> int | None:
    """Return the till's number by its name, which every advertisement has."""
    for name in _NAMES:
        if found := name.fullmatch(data.local_name or ""):
            return int(found[1])
    return None
