"""A store's air for the virtual controllers: the chances of `model/`, by the loop's clock."""

from __future__ import annotations

import asyncio
from random import Random
from typing import NamedTuple

from bumble.controller import Controller

from .model.airs import AirProfile
from .model.channel import Channel
from .model.listening import Listening
from .model.phones import PhoneProfile
from .model.standard import CHANNELS

EMPTY = 0  # bytes of the packet of a side that has nothing to send


class HeardAdvert(NamedTuple):
    """One advertisement at one listener."""

    channel: int
    rssi: int
    answered: bool = True  # a scan request would get its response


class Conditions:
    """What one air does to phones of one kind. Without it the air loses nothing."""

    def __init__(self, air: AirProfile, phone: PhoneProfile, seed: int) -> None:
        self._channel = Channel(air, seed)
        self._phone = phone
        self._random = Random(f"{seed}/listening")
        self._listening: dict[Controller, Listening] = {}
        self._since: float | None = None  # the first question

    def _now(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
        return now - self._since

    def listens(self, listener: Controller, initiating: bool) -> None:
        """Note that a phone begins to scan, or to look for the one it connects to."""
        begin = Listening.initiate if initiating else Listening.scan
        first = self._random.randrange(CHANNELS)
        self._listening[listener] = begin(self._phone, self._now(), first)

    def rests(self, listener: Controller) -> None:
        self._listening.pop(listener, None)

    def heard(self, listener: Controller, rssi: float) -> HeardAdvert | None:
        """Return one advertising event as it is heard, None if it is not; `rssi` is the mean."""
        listening, now, chances = self._listening.get(listener), self._now(), self._channel
        channel = None if listening is None else listening.hears(now)
        if channel is None or chances.advert_lost(now, rssi):
            return None
        answered = not (chances.request_lost(now, rssi) or chances.advert_lost(now, rssi))
        return HeardAdvert(channel, round(chances.rssi(rssi)), answered)

    def request_lost(self, rssi: float) -> bool:
        """Return whether a CONNECT_IND does not arrive."""
        return self._channel.request_lost(self._now(), rssi)

    def carried(self, rssi: float, size: int, polled: bool) -> bool:
        """Return whether a packet arrives; `polled`: the phone's empty one has to, before it."""
        now = self._now()
        if polled and self._channel.data_lost(now, rssi, EMPTY):
            return False
        return not self._channel.data_lost(now, rssi, size)
