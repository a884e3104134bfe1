"""A connection between a phone and a receiver: connection events, loss and repetition.

Only events with something to send are played: of the others nothing is seen but their silence,
and that has a timer of its own.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

from simulator.hardware.radio.model.standard import EXTENDED_DATA

from . import att

if TYPE_CHECKING:
    from collections.abc import Callable

    from .att import Packet
    from .room import Room

CENTRAL, PERIPHERAL = 0, 1
WINDOW_S = 0.00125  # from the CONNECT_IND to the window of the first event (Vol 6 Part B 4.5.3)
EMPTY = 0  # bytes of the packet of a side that has nothing to send


class Timing(NamedTuple):
    """What the phone's CONNECT_IND says of the link's time, in seconds."""

    interval_s: float
    supervision_s: float
    fragment: int = EXTENDED_DATA  # bytes in one packet of the link layer
    fragments_most: int = 1  # each way in one connection event


class End(Protocol):
    """The host at one end."""

    def received(self, link: RadioLink, packet: Packet) -> None: ...

    def ended(self, link: RadioLink, reason: int) -> None:
        """The link is gone; `reason` is one of HCI's."""


# HCI's reasons (Vol 1 Part F 1.3).
TIMEOUT, BY_PEER, BY_HOST, NOT_ESTABLISHED = 0x08, 0x13, 0x16, 0x3E


class RadioLink:
    """Two queues, in order, each a packet in every event at most; lost ones go again."""

    def __init__(
        self,
        room: Room,
        timing: Timing,
        ends: tuple[End, End],
        rssi: Callable[[], float],
        silent_until: float = 0.0,
    ) -> None:
        self.open = True
        self.repeated = 0  # connection events that carried nothing although something waited
        self.events = 0
        self._room = room
        self._timing = timing
        self._ends = ends
        self._rssi = rssi
        self._queues: tuple[deque[Packet], deque[Packet]] = (deque(), deque())
        self._left = [0, 0]  # fragments of the head of each queue that are still to go
        self._anchor = asyncio.get_running_loop().time() + WINDOW_S
        self._silent_until = silent_until
        self._since: float | None = None  # of the first event in a row that was lost
        self._timer: asyncio.TimerHandle | None = None
        self._supervisor: asyncio.TimerHandle | None = None

    @property
    def interval_s(self) -> float:
        return self._timing.interval_s

    def send(self, side: int, packet: Packet) -> None:
        """Send a packet from one end."""
        if self.open:
            self._queues[side].append(packet)
            self._schedule()

    def waiting(self, side: int) -> int:
        """Return how many packets this end's controller still holds."""
        return len(self._queues[side])

    def retime(self, interval_s: float) -> None:
        """Use another connection interval from now on (LL_CONNECTION_UPDATE_IND)."""
        self._timing = self._timing._replace(interval_s=interval_s)
        self._anchor = asyncio.get_running_loop().time() + interval_s
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._schedule()

    def silence(self, until: float) -> None:
        """Carry nothing until then: the phone is out of reach."""
        loop = asyncio.get_running_loop()
        self._silent_until = max(self._silent_until, until)
        if self._supervisor is None and until - loop.time() > self._timing.supervision_s:
            due = self._timing.supervision_s
            self._supervisor = loop.call_later(due, self._end, TIMEOUT, TIMEOUT)

    def cut(self) -> None:
        """Lose the link at once: both hosts hear of it now."""
        self._end(TIMEOUT, TIMEOUT)

    def _schedule(self) -> None:
        if self._timer is not None or not self.open or not (self._queues[0] or self._queues[1]):
            return
        loop, interval = asyncio.get_running_loop(), self._timing.interval_s
        start = max(loop.time(), self._silent_until)
        number = max(0, math.floor((start - self._anchor) / interval) + 1)
        self._timer = loop.call_at(self._anchor + number * interval, self._event)

    def _event(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        if now >= self._silent_until:
            self._play(now)
        self._schedule()

    def _play(self, now: float) -> None:
        """Let both ends send what one event carries: a lost packet closes it.

        Each side sends what it had when the event began: no host answers in 150 µs.
        """
        self.events += 1
        heads = [self._fragments(side) for side in (CENTRAL, PERIPHERAL)]
        moved = False
        for number in range(max(1, min(self._timing.fragments_most, max(heads)))):
            if not self._carried(CENTRAL, now, empty=number >= heads[CENTRAL]):
                break
            moved = True
            if not self.open or not self._carried(
                PERIPHERAL, now, empty=number >= heads[PERIPHERAL]
            ):
                break
        if moved:
            self._since = None
            return
        self.repeated += 1
        self._since = now if self._since is None else self._since
        if now - self._since > self._timing.supervision_s:
            self._end(TIMEOUT, TIMEOUT)

    def _fragments(self, side: int) -> int:
        """Return how many fragments of this side's next packet are still to go."""
        queue = self._queues[side]
        if queue and not self._left[side]:
            self._left[side] = max(1, math.ceil(att.size(queue[0]) / self._timing.fragment))
        return self._left[side]

    def _carried(self, side: int, now: float, *, empty: bool) -> bool:
        """Carry one fragment, or the empty packet of a side with none; False if it was lost."""
        queue = self._queues[side]
        size = EMPTY if empty else min(att.size(queue[0]), self._timing.fragment)
        if self._room.chances.data_lost(now, self._rssi(), size):
            return False
        if empty:
            return True
        self._left[side] = self._fragments(side) - 1
        if not self._left[side]:
            self._deliver(side, queue.popleft())
        return True

    def _deliver(self, side: int, packet: Packet) -> None:
        if isinstance(packet, att.Terminate):
            reasons = (BY_HOST, BY_PEER) if side == CENTRAL else (BY_PEER, BY_HOST)
            self._end(*reasons)
        else:
            self._ends[1 - side].received(self, packet)

    def _end(self, central: int, peripheral: int) -> None:
        if not self.open:
            return
        self.open = False
        for timer in (self._timer, self._supervisor):
            if timer is not None:
                timer.cancel()
        for end, reason in zip(self._ends, (central, peripheral), strict=True):
            end.ended(self, reason)
