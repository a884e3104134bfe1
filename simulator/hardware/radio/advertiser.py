"""Legacy advertising, and its reports to listeners."""

from __future__ import annotations

import asyncio
import random
from functools import lru_cache
from typing import Protocol

from bumble import hci
from bumble.controller import Controller, LegacyAdvertiser

from .model.standard import ADVERT_DELAY_S

UNIT = 0.000625  # seconds in one step of an advertising interval
INTERVALS = range(0x20, 0x4001)  # 20 ms to 10.24 s (Vol 4 Part E 7.8.5)

Kind = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
Report = hci.HCI_LE_Advertising_Report_Event
CONNECTABLE = (Kind.ADV_IND,)
SCANNABLE = (Kind.ADV_IND, Kind.ADV_SCAN_IND)
REPORTED = {
    Kind.ADV_IND: Report.EventType.ADV_IND,
    Kind.ADV_SCAN_IND: Report.EventType.ADV_SCAN_IND,
    Kind.ADV_NONCONN_IND: Report.EventType.ADV_NONCONN_IND,
}


@lru_cache(maxsize=1024)
def report(kind: int, address: hci.Address, data: bytes, rssi: int) -> bytes:
    """Make an LE Advertising Report event, once for all who receive it."""
    heard = Report.Report(
        event_type=kind, address_type=address.address_type, address=address, data=data, rssi=rssi
    )
    return bytes(Report([heard]))


class Carrier(Protocol):
    """The carrier of advertisements to listeners."""

    def advertise(self, advertiser: RadioAdvertiser) -> None:
        """Carry one advertising event."""


class RadioAdvertiser(LegacyAdvertiser):
    """Legacy advertising with the interval in HCI's unit and the standard's random delay."""

    def __init__(self, controller: Controller, air: Carrier) -> None:
        super().__init__(controller)
        self.air = air

    @property
    def kind(self) -> Kind:
        return Kind(self.advertising_type)

    @property
    def payload(self) -> bytes:
        return bytes(self.advertising_data)

    @property
    def connectable(self) -> bool:
        return self.kind in CONNECTABLE

    def _on_timer_fired(self) -> None:
        self.timer_handle = asyncio.get_running_loop().call_later(
            self.advertising_interval_min * UNIT + random.random() * ADVERT_DELAY_S,
            self._on_timer_fired,
        )
        self.send_advertising_data()

    def send_advertising_data(self) -> None:
        if self.enabled:
            self.air.advertise(self)
