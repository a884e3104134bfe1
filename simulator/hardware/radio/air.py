"""The air: range, the race for an advertiser, and links between two controllers.

Bumble's own link routes by address and sends everything to everyone. Here each end of a connection
knows the other, and an advertisement reaches only the listening controllers in range.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bumble.controller import Controller
from bumble.link import LocalLink

from .advertiser import RadioAdvertiser
from .conditions import Conditions, HeardAdvert
from .model.standard import CHANNELS
from .sniffer import Sniffer

Rssi = Callable[[Controller, Controller], int | None]
Channel = Callable[[Controller], int]

NEAR = -50  # dBm: a phone held to the receiver


class Listener(Controller, ABC):
    """A controller as the air needs it."""

    @property
    @abstractmethod
    def initiating(self) -> bool:
        """Return whether this controller tries to connect, rather than scans."""

    @abstractmethod
    def hear(self, advertiser: RadioAdvertiser, heard: HeardAdvert) -> None:
        """Report an advertisement to the host."""

    @abstractmethod
    def wants(self, advertiser: RadioAdvertiser) -> bool:
        """Return whether this controller is trying to connect to that advertiser, and may."""

    @abstractmethod
    def win(self, advertiser: RadioAdvertiser) -> None:
        """Connect to an advertiser."""

    @abstractmethod
    def lose(self, advertiser: RadioAdvertiser) -> None:
        """Report a connection to an advertiser that has answered another controller."""

    @abstractmethod
    def fall_silent(self) -> None:
        """Leave the air."""

    @abstractmethod
    def pause(self, until: float) -> None:
        """Be out of reach until a time of the loop: links that time out before it are lost."""

    @abstractmethod
    def cut(self) -> None:
        """Lose every link at once: both hosts are told."""

    @abstractmethod
    def restart(self) -> None:
        """Reset all state."""


def near(_advertiser: Controller, _listener: Controller) -> int | None:
    """Place all controllers within arm's length of each other."""
    return NEAR


def hopping(_listener: Controller) -> int:
    """Listen on one channel at a time, in turn, in step with no other listener."""
    return random.randrange(CHANNELS)


class Air(LocalLink):
    """One room of controllers.

    `rssi(advertiser, listener)` returns dBm, or None out of range. `channel(listener)` is where an
    initiator listens while an advertiser goes through the channels. In real time data waits for
    its connection event as on a real link; otherwise it goes at once. With conditions, which need
    real time, listeners have windows and packets are lost.
    """

    def __init__(
        self,
        rssi: Rssi = near,
        *,
        real_time: bool = False,
        conditions: Conditions | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rssi = rssi
        self.channel: Channel = hopping
        self.real_time = real_time or conditions is not None
        self.conditions = conditions
        self.sniffers: list[Sniffer] = []  # they receive everything and send nothing
        self._listening: dict[Listener, None] = {}
        self._away: dict[Controller, float] = {}  # until when

    def remove_controller(self, controller: Controller) -> None:
        """Switch a controller off or carry it away: both ends of its links time out."""
        if controller in self.controllers:
            assert isinstance(controller, Listener)
            super().remove_controller(controller)
            self.listen(controller, False)
            controller.fall_silent()

    def pause(self, controller: Controller, seconds: float) -> None:
        """Carry a controller out of reach for so long."""
        assert isinstance(controller, Listener)
        until = asyncio.get_running_loop().time() + seconds
        self._away[controller] = until
        controller.pause(until)

    def within_reach(self, *controllers: Controller) -> bool:
        """Return whether none of them is carried away just now."""
        if not self._away:
            return True
        now = asyncio.get_running_loop().time()
        return all(self._away.get(controller, now) <= now for controller in controllers)

    def close(self) -> None:
        """End everything at once, without a timer left."""
        for controller in self.controllers:
            assert isinstance(controller, Listener)
            controller.restart()
        self.controllers.clear()
        self._listening.clear()

    def listen(self, controller: Listener, on: bool) -> None:
        """Set whether a controller scans or tries to connect to an advertiser."""
        on = on and controller in self.controllers
        if on:
            self._listening[controller] = None
        else:
            self._listening.pop(controller, None)
        if self.conditions is not None:
            if on:
                self.conditions.listens(controller, controller.initiating)
            else:
                self.conditions.rests(controller)

    @contextmanager
    def sniffed(self) -> Iterator[Sniffer]:
        """Record everything that is sent inside."""
        sniffer = Sniffer()
        self.sniffers.append(sniffer)
        try:
            yield sniffer
        finally:
            self.sniffers.remove(sniffer)

    def advertise(self, advertiser: RadioAdvertiser) -> None:
        """Carry one advertising event, and the race to connect that may follow."""
        if advertiser.controller not in self.controllers:
            return
        for sniffer in self.sniffers:
            sniffer.advertised(advertiser.kind.name, advertiser.address, advertiser.payload)
        racers: list[tuple[HeardAdvert, Listener]] = []
        for listener in list(self._listening):
            heard = self._heard(advertiser.controller, listener)
            if listener is advertiser.controller or heard is None:
                continue
            listener.hear(advertiser, heard)
            if advertiser.connectable and listener.wants(advertiser):
                racers.append((heard, listener))
        if racers:
            self._race(advertiser, racers)

    def _heard(self, advertiser: Controller, listener: Listener) -> HeardAdvert | None:
        """Return how a listener hears one advertising event, if it does."""
        rssi = self.rssi(advertiser, listener)
        if rssi is None or not self.within_reach(advertiser, listener):
            return None
        if self.conditions is not None:
            return self.conditions.heard(listener, rssi)
        return HeardAdvert(self.channel(listener) if listener.initiating else 0, rssi)

    def _race(
        self, advertiser: RadioAdvertiser, racers: list[tuple[HeardAdvert, Listener]]
    ) -> None:
        # The first CONNECT_IND ends the event: an initiator on a later channel receives nothing and
        # waits. Two on one channel collide: the stronger wins, either one if they are equal. The
        # loser notices only by silence, after it has told its host that it is
        # connected.
        first = min(heard.channel for heard, _ in racers)
        rivals = [racer for racer in racers if racer[0].channel == first]
        rivals.sort(key=lambda rival: (rival[0].rssi, random.random()))
        strongest, winner = rivals.pop()
        if self.conditions is not None and self.conditions.request_lost(strongest.rssi):
            winner.lose(advertiser)
        else:
            winner.win(advertiser)
        for _, racer in rivals:
            racer.lose(advertiser)
