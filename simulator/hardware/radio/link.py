"""The air: who hears whom, who wins an advertiser, and which two controllers share a link.

Bumble's own link routes by address and tells everybody everything. Here each end of a connection
knows the other, and an advertisement goes to those controllers that listen and are in reach.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bumble.link import LocalLink

from .sniffer import Sniffer

if TYPE_CHECKING:
    from bumble.controller import Controller

    from .advertiser import RadioAdvertiser
    from .controller import RadioController

Rssi = Callable[["RadioController", "RadioController"], int | None]
Channel = Callable[["RadioController"], int]

CHANNELS = 3  # an advertising event goes out on each, in this order (Vol 6 Part B 4.4.2)

NEAR = -50  # dBm: a phone held to the receiver


def near(_advertiser: RadioController, _listener: RadioController) -> int | None:
    """Everybody is within arm's length of everybody."""
    return NEAR


def hopping(_listener: RadioController) -> int:
    """A listener hears one channel at a time and takes them in turn, in step with nobody."""
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
        self._listening: dict[RadioController, None] = {}

    def remove_controller(self, controller: Controller) -> None:
        """Switch a controller off, or carry it away: both ends of its links starve."""
        if controller in self.controllers:
            super().remove_controller(controller)
            self._listening.pop(controller, None)  # type: ignore[call-overload]
            controller.fall_silent()  # type: ignore[attr-defined]

    def close(self) -> None:
        """End everything at once, without a timer left."""
        for controller in self.controllers:
            controller.restart()  # type: ignore[attr-defined]
        self.controllers.clear()
        self._listening.clear()

    def listen(self, controller: RadioController, on: bool) -> None:
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
        if advertiser.radio not in self.controllers:
            return
        for sniffer in self.sniffers:
            sniffer.advertised(advertiser.kind.name, advertiser.address, advertiser.payload)
        racers: list[tuple[int, RadioController]] = []
        for listener in self._listening:
            if listener is advertiser.radio:
                continue
            rssi = self.rssi(advertiser.radio, listener)
            if rssi is None:
                continue
            listener.hear(advertiser, rssi)
            if advertiser.connectable and listener.wants(advertiser):
                racers.append((rssi, listener))
        if racers:
            self._race(advertiser, racers)

    def _race(self, advertiser: RadioAdvertiser, racers: list[tuple[int, RadioController]]) -> None:
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
