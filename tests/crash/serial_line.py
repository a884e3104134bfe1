"""A serial line in memory, between one life of the bridge and a receiver that outlives it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.crash.life import here

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
