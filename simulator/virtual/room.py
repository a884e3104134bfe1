"""The air of one store: advertising events, who hears them, and the race to connect.

An advertiser's timer runs only while a phone listens: the time between two of its events that
no phone could hear costs nothing. Times are the loop's, in seconds.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, NamedTuple, Protocol

from simulator.hardware.radio.model.channel import Channel
from simulator.hardware.radio.model.listening import STEP_S
from simulator.hardware.radio.model.standard import ADVERT_DELAY_S, CHANNELS

if TYPE_CHECKING:
    from simulator.hardware.radio.model.airs import AirProfile


class Advertisement(NamedTuple):
    """What an advertiser sends."""

    interval_s: float
    data: bytes
    response: bytes


class AdvertListener(Protocol):
    """A phone that scans or waits for an advertiser to connect to."""

    def channel(self, at: float) -> int | None:
        """Return where it listens at this moment, if it does."""

    def rssi(self, advertiser: Advertiser) -> float | None:
        """Return the mean signal of an advertiser here, dBm; None out of reach."""

    def hear(self, advertiser: Advertiser, rssi: float, answered: bool) -> None:
        """Take an advertisement, `answered` with the scan response behind it."""

    def wants(self, advertiser: Advertiser) -> bool:
        """Return whether it connects to this advertiser as soon as it hears it."""

    def win(self, advertiser: Advertiser, at: float) -> None:
        """Send the CONNECT_IND that the advertiser receives."""

    def lose(self, advertiser: Advertiser) -> None:
        """Send a CONNECT_IND that the advertiser does not receive, and find out later."""


class Advertiser:
    """One receiver's advertising."""

    def __init__(self, room: Room, address: str) -> None:
        self.address = address
        self.now: Advertisement | None = None
        self._room = room
        self._random = room.random(f"advertiser {address}")
        self._timer: asyncio.TimerHandle | None = None

    def start(self, advertisement: Advertisement) -> None:
        self.stop()
        self.now = advertisement
        self.wake()

    def stop(self) -> None:
        self.now = None
        self.rest()

    def wake(self) -> None:
        """A phone listens: go on, at any moment of the interval."""
        if self.now is not None and self._timer is None and self._room.listeners:
            self._arm(self.now.interval_s * self._random.random())

    def rest(self) -> None:
        """No phone listens, or there is nothing to send."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, delay: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay, self._event)

    def _event(self) -> None:
        self._timer = None
        if self.now is None:
            return
        self._arm(self.now.interval_s + self._random.random() * ADVERT_DELAY_S)
        self._room.carry(self)


class Room:
    """All advertisers and phones of a store, under the chances of one air."""

    def __init__(self, air: AirProfile, seed: int) -> None:
        self.air = air
        self.chances = Channel(air, seed)
        self.listeners: dict[AdvertListener, None] = {}
        self._advertisers: list[Advertiser] = []
        self._seed = seed
        self._tie = self.random("ties")

    def random(self, what: str) -> random.Random:
        """Return the stream of random numbers of one thing: no other draws from it."""
        return random.Random(f"{self._seed}/{what}")

    def advertiser(self, address: str) -> Advertiser:
        """Add one."""
        made = Advertiser(self, address)
        self._advertisers.append(made)
        return made

    def listen(self, listener: AdvertListener) -> None:
        self.listeners[listener] = None
        for advertiser in self._advertisers:
            advertiser.wake()

    def ignore(self, listener: AdvertListener) -> None:
        """Listen no more."""
        self.listeners.pop(listener, None)
        if not self.listeners:
            for advertiser in self._advertisers:
                advertiser.rest()

    def carry(self, advertiser: Advertiser) -> None:
        """Carry one advertising event through the three channels."""
        now = asyncio.get_running_loop().time()
        racers: list[tuple[int, float, AdvertListener]] = []
        for listener in list(self.listeners):
            mean = listener.rssi(advertiser)
            channel = None if mean is None else self._heard_on(listener, now, mean)
            if channel is None or mean is None:
                continue
            at = now + channel * STEP_S
            if listener.wants(advertiser):
                racers.append((channel, -mean, listener))
                continue
            answered = not (
                self.chances.request_lost(at, mean) or self.chances.advert_lost(at, mean)
            )
            listener.hear(advertiser, self.chances.rssi(mean), answered)
        if racers:
            self._race(advertiser, racers, now)

    def _heard_on(self, listener: AdvertListener, now: float, mean: float) -> int | None:
        """Return the channel on which a listener receives this event's packet, if it does."""
        for channel in range(CHANNELS):
            at = now + channel * STEP_S
            if listener.channel(at) == channel:
                return None if self.chances.advert_lost(at, mean) else channel
        return None

    def _race(
        self, advertiser: Advertiser, racers: list[tuple[int, float, AdvertListener]], now: float
    ) -> None:
        """Let the first channel decide, there the stronger; see `hardware.radio.air.Air._race`."""
        first = min(channel for channel, _, _ in racers)
        rivals = [racer for racer in racers if racer[0] == first]
        rivals.sort(key=lambda racer: (racer[1], self._tie.random()))
        at = now + first * STEP_S
        for place, (_, weakness, listener) in enumerate(rivals):
            if place == 0 and not self.chances.request_lost(at, -weakness):
                listener.win(advertiser, at)
            else:
                listener.lose(advertiser)
