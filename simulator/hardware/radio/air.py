"""The air: who hears whom, who wins an advertiser, and which two controllers share a link.

Bumble's own link routes by address and sends all to all. Here each end of a connection knows the
other, and an advertisement goes to those controllers that listen and are in reach.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bumble.controller import Controller
from bumble.link import LocalLink

from .advertiser import RadioAdvertiser
from .sniffer import Sniffer

Rssi = Callable[[Controller, Controller], int | None]
Channel = Callable[[Controller], int]

CHANNELS = 3  # an advertising event goes out on each, in this order (Vol 6 Part B 4.4.2)

NEAR = -50  # dBm: a phone held to the receiver


class Listener(Controller):
    """A controller as the air needs it."""

    def hear(self, advertiser: RadioAdvertiser, rssi: int) -> None:
        """Report an advertisement to the host."""
        raise NotImplementedError

    def wants(self, advertiser: RadioAdvertiser) -> bool:
        """Whether this controller waits to connect to that advertiser, and would be answered."""
        raise NotImplementedError

    def win(self, advertiser: RadioAdvertiser) -> None:
        """Connect to an advertiser."""
        raise NotImplementedError

    def lose(self, advertiser: RadioAdvertiser) -> None:
        """Believe to be connected to an advertiser that answers another."""
        raise NotImplementedError

    def fall_silent(self) -> None:
        """Leave the air."""
        raise NotImplementedError

    def restart(self) -> None:
        """Forget everything."""
        raise NotImplementedError


def near(_advertiser: Controller, _listener: Controller) -> int | None:
    """All controllers are within arm's length of each other."""
    return NEAR


def hopping(_listener: Controller) -> int:
    """A listener hears one channel at a time and takes them in turn, in step with no other."""
    return random.randrange(CHANNELS)


class Air(LocalLink):
    """One room of controllers.

    `rssi(advertiser, listener)` gives dBm, or None out of reach. `channel(listener)` is where an
    initiator listens while an advertiser goes through the channels. In real time data waits for
    its connection event as on a true link; otherwise it goes at once.
    """

    def __init__(self, rssi: Rssi = near, *, real_time: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rssi = rssi
        self.channel: Channel = hopping
        self.real_time = real_time
        self.sniffers: list[Sniffer] = []  # they hear all that is sent, and send nothing
        self._listening: dict[Listener, None] = {}

    def remove_controller(self, controller: Controller) -> None:
        """Switch a controller off, or carry it away: both ends of its links starve."""
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
        """Tell whether a controller scans or waits for an advertiser to connect to."""
        if on and controller in self.controllers:
            self._listening[controller] = None
        else:
            self._listening.pop(controller, None)

    @contextmanager
    def sniffed(self) -> Iterator[Sniffer]:
        """Have all written down that is sent inside."""
        sniffer = Sniffer()
        self.sniffers.append(sniffer)
        try:
            yield sniffer
        finally:
            self.sniffers.remove(sniffer)

    def advertise(self, advertiser: RadioAdvertiser) -> None:
        """Carry one advertising event, and the race to connect that it may start."""
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
        # The first CONNECT_IND ends the event: who listens on a later channel heard nothing, and
        # waits on. Two on one channel collide: the stronger is heard, either of two alike. The
        # other side learns of its loss only by silence, after it has told its host that it is
        # connected.
        channels = {racer: self.channel(racer) for _, racer in racers}
        first = min(channels.values())
        rivals = [(rssi, racer) for rssi, racer in racers if channels[racer] == first]
        _, winner = max(rivals, key=lambda rival: (rival[0], random.random()))
        winner.win(advertiser)
        for _, racer in rivals:
            if racer is not winner:
                racer.lose(advertiser)
