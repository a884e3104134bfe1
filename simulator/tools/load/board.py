"""A receiver without its radio: the portable core and its link, behind its own TCP port."""

from __future__ import annotations

import asyncio
import os
from typing import Protocol

from bridge import __version__
from firmware.device.serial import Serial
from receiver.core import io
from receiver.core.identity import Identity
from receiver.core.receiver import Receiver
from receiver.encoding import schema
from receiver.link import frames, link, wire

HOST = "127.0.0.1"


class AirListener(Protocol):
    """The listener to what the receiver sends on the air."""

    def shown(self, offer: bytes) -> None:
        """Set the offer characteristic; empty: no offer."""

    def notified(self, data: bytes) -> None:
        """Receive a notification for the phone."""

    def cut(self) -> None:
        """Note that the receiver has ended the phone's connection."""


class Board(asyncio.Protocol):
    """One receiver; the bridge is its only client, and one phone may be near it (`air`)."""

    def __init__(self, identity: Identity) -> None:
        self.air: AirListener
        self.identity = identity
        self.port = 0
        self.told = asyncio.Event()  # the bridge is connected and has sent the authority's time
        self._core = Receiver(identity)
        self._serial = Serial(link.Link(_boot_id(), _hello(identity), host=False), self._core)
        self._transport: asyncio.WriteTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0
        self._health_due = 0

    async def listen(self) -> asyncio.Server:
        """Serve on a free port, then in `port`."""
        server = await asyncio.get_running_loop().create_server(lambda: self, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def feed(self, *events: io.RadioEvent) -> None:
        """Feed events of the radio."""
        now = self._now()
        for event in events:
            self._core.handle(event, now)
        self._turn(now)

    # The line (asyncio.Protocol).

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.WriteTransport):
            raise TypeError("the transport is not a stream")
        self._transport = transport
        self._health_due = self._now() + wire.HEALTH_MS
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def data_received(self, data: bytes) -> None:
        now = self._now()
        self._serial.receive(data, now)
        self._turn(now)

    # The loop of `firmware.device.app`, driven by arriving data.

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)

    def _turn(self, now: int) -> None:
        self._perform(now)
        while self._core.busy():
            self._core.work(now)
            self._perform(now)
        if self.identity.state is not None:
            self.told.set()
        self._arm()

    def _perform(self, now: int) -> None:
        while (action := self._core.poll()) is not None:
            self._do(action)
        self._serial.settle()
        if self._transport:
            while data := self._serial.link.transmit(now):
                self._transport.write(data)

    def _do(self, action: object) -> None:
        if isinstance(action, io.ShowOffer):
            self.air.shown(action.data)
        elif isinstance(action, io.Notify):
            self.air.notified(action.data)
        elif isinstance(action, io.Disconnect):
            self.air.cut()
        else:
            self._serial.perform(action)  # actions for store, light and advertisement end here

    def _arm(self) -> None:
        """Wake at the next deadline; an early timer checks again and stays."""
        times = (self._core.deadline(), self._serial.link.deadline(), self._health_due)
        due = min((time for time in times if time is not None), default=None)
        if due is None or self._transport is None or (self._timer and self._due <= due):
            return
        if self._timer:
            self._timer.cancel()
        self._due = due
        self._timer = asyncio.get_running_loop().call_at(due / 1000, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._now()
        due = self._core.deadline()
        if due is not None and due <= now:
            self._core.expire(now)
        if now >= self._health_due:
            self._health_due = now + wire.HEALTH_MS
            self._core.health(now, 0)
        self._serial.expire(now)
        self._turn(now)


def _boot_id() -> bytes:
    return os.urandom(frames.ID_SIZE - 1) + b"\x01"


def _hello(identity: Identity) -> bytes:
    hello = wire.ReceiverHello(
        wire.PROTOCOL,
        wire.PROTOCOL,
        identity.receiver_id,
        "load",
        "cpython",
        "3",
        __version__,
        bytes(8),
        wire.RESET_POWER,
        identity.nonce,
        0,
        0,
    )
    return schema.encode(wire.RECEIVER_HELLO, hello)
