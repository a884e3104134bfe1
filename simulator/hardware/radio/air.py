"""The air: range, the race for an advertiser, and links between two controllers.

Bumble's own link routes by address and sends everything to everyone. Here each end of a connection
knows the other, and an advertisement reaches only the listening controllers in range.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bumble.controller import Controller
from bumble.link import LocalLink

from .advertiser import RadioAdvertiser
from .model.standard import CHANNELS
from .sniffer import Sniffer

Rssi = Callable[[Controller, Controller], int | None]
Channel = Callable[[Controller], int]

NEAR = -50  # dBm: a phone held to the receiver


class Listener(Controller, ABC):
    """A controller as the air needs it."""

    @abstractmethod
    def hear(self, advertiser: RadioAdvertiser, rssi: int) -> None:
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
    its connection event as on a real link; otherwise it goes at once.
    """

    def __init__(self, rssi: Rssi = near, *, real_time: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rssi = rssi
        self.channel: Channel = hopping
        self.real_time = real_time
        self.sniffers: list[Sniffer] = []  # they receive everything and send nothing
        self._listening: dict[Listener, None] = {}

    def remove_controller(self, controller: Controller) -> None:
        """Switch a controller off or carry it away: both ends of its links time out."""
        if controller in self.controllers:
            assert isinstance(controller, Listener)
            super().remove_controller(controller)
            self._listening.pop(controller, None)
            controller.fall_silent()

    def close(self) -> None:
        """End everything at once, without a timer left."""
        for controller in self.controllers:
            assert isinstance(controller, Listener)
            controller.restart()
        self.controllers.clear()
        self._listening.clear()

    def listen(self, controller: Listener, on: bool) -> None:
        """Set whether a controller scans or tries to connect to an advertiser."""
        if on and controller in self.controllers:
            self._listening[controller] = None
        else:
            self._listening.pop(controller, None)

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
        racers: list[tuple[int, Listener]] = []
        for listener in self._listening:
            if listener is advertiser.controller:
                continue
            rssi = self.rssi(advertiser.controller, listener)
            if rssi is None:
                continue
            listener.hear(advertiser, rssi)
            if advertiser.connectable and listener.wants(advertiser):
                racers.append((rssi, listener))
        if racers:
            self._race(advertiser, racers)

    def _race(self, advertiser: RadioAdvertiser, racers: list[tuple[int, Listener]]) -> None:
        # The first CONNECT_IND ends the event: an initiator on a later channel receives nothing and
        # waits. Two on one channel collide: the stronger wins, either one if they are equal. The
        # loser notices only by silence, after it has told its host that it is
        # connected.
        channels = {racer: self.channel(racer) for _, racer in racers}
        first = min(channels.values())
        rivals = [(rssi, racer) for rssi, racer in racers if channels[racer] == first]
        _, winner = max(rivals, key=lambda rival: (rival[0], random.random()))
        winner.win(advertiser)
        for _, racer in rivals:
            if racer is not winner:
                racer.lose(advertiser)
