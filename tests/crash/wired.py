"""A receiver's end of the line: the real link, over bytes that a test may spoil."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bridge.lines.serial_port import Port, PortError
from receiver.encoding import schema
from receiver.link import link, wire
from tests.crash.life import here
from tests.support.values.steps import Steps

if TYPE_CHECKING:
    from simulator.virtual.enrolled import Enrolled
    from tests.crash.world import World


class Wired:
    """Also the opener of its line, as the bridge sees it."""

    def __init__(self, world: World, till: int, enrolled: Enrolled) -> None:
        self.till = till
        self.receiver_id = enrolled.receiver_id
        self.plugged = True
        self.noise: Callable[[bytes], list[bytes]] = lambda data: [data]  # what arrives of it
        self._world = world
        self._boots = 0
        self._line: SerialLine | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._steps = Steps(lambda: (self._link.state, self._link.deadline()))
        self._boot()

    def unplug(self) -> None:
        self.plugged = False
        if self._line:
            self._line.lose()

    def plug(self) -> None:
        self.plugged = True

    async def __call__(
        self, received: Callable[[bytes], None], lost: Callable[[str], None]
    ) -> Port:
        if not self.plugged:
            raise PortError("not there")
        self._line = SerialLine(self._world, self, received, lost)
        return self._line

    def take(self, data: bytes) -> None:
        """Bytes from the bridge."""
        for piece in self.noise(data):
            self._link.receive(piece, self._now())
        self.pump()

    def let_go(self, line: SerialLine) -> None:
        if self._line is line:
            self._line = None

    def send(self, channel: int, value: Any) -> None:
        """A message to the bridge; `pump` afterwards."""
        self._link.send(channel, wire.encode(channel, value))

    def react(self, channel: int, message: Any) -> None:
        """A message from the bridge."""
        raise NotImplementedError

    def tell_session(self) -> None:
        """To a bridge that may know nothing (`receiver.core.uplink.Report.session`)."""
        raise NotImplementedError

    def pump(self) -> None:
        """What came in is taken, what is to go out goes."""
        for event in self._steps.polled(self._link.poll):
            if isinstance(event, link.Message):
                self._link.accept(event.token)
                self.react(event.channel, wire.decode(event.channel, event.payload))
            elif isinstance(event, link.Up):
                self.tell_session()
        if self._line is None:
            return
        while data := self._link.transmit(self._now()):
            self._steps.take()
            for piece in self.noise(data):
                self._line.deliver(piece)
        if self._timer:
            self._timer.cancel()
        due = self._link.deadline()
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(due / 1000, loop.time()), self._expire)

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)

    def _expire(self) -> None:
        self._link.expire(self._now())
        self.pump()

    def _boot(self) -> None:
        self._boots += 1
        hello = wire.ReceiverHello(
            wire.PROTOCOL,
            wire.PROTOCOL,
            self.receiver_id,
            "counter",
            "cpython",
            "3",
            "0.1.0",
            bytes(8),
            wire.RESET_POWER,
            bytes(wire.NONCE_SIZE),
            0,
            0,
        )
        boot = bytes((1, self.till % 256, *self._boots.to_bytes(2, "big")))
        self._link = link.Link(boot, schema.encode(wire.RECEIVER_HELLO, hello), host=False)


# A serial line in memory, between one life of the bridge and a receiver that outlives it.


if TYPE_CHECKING:
    from tests.crash.wired import Wired
    from tests.crash.world import World


class SerialLine:
    """The bridge's end (`bridge.lines.serial_port.Port`)."""

    def __init__(
        self,
        world: World,
        receiver: Wired,
        received: Callable[[bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        self._world = world
        self._life = world.life
        self._receiver = receiver
        self._received = received
        self._lost = lost
        self._closed = False

    def write(self, data: bytes) -> None:
        if self._closed or self._life.dead:
            return
        asyncio.get_running_loop().call_soon(self._receiver.take, data, context=self._world.context)
        here("a write to the line")

    async def close(self) -> None:
        self._closed = True
        if not self._life.dead:
            self._receiver.let_go(self)

    def deliver(self, data: bytes) -> None:
        """From the receiver."""
        asyncio.get_running_loop().call_soon(self._deliver, data, context=self._life.context)

    def lose(self) -> None:
        """The cable is out."""
        asyncio.get_running_loop().call_soon(self._lost, "unplugged", context=self._life.context)

    def _deliver(self, data: bytes) -> None:
        if not self._closed:
            self._received(data)
