"""A tap on the serial line: a relay between bridge and line that keeps every message it carries."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from receiver.encoding import schema
from receiver.link import frames, wire
from simulator.world.world import Settings, World
from tests.support.world.checkout import Checkout

PATIENCE = 20.0  # seconds; every wait here takes a fraction of one
READ_MOST = 4096


class Crossed(NamedTuple):
    """A whole message; `up` is from the receiver to the bridge."""

    up: bool
    channel: int
    payload: bytes

    @property
    def value(self) -> Any:
        return wire.decode(self.channel, self.payload)


class Tap:
    """Serves the line at `serial` as `url`. `crossed` is what has crossed, each message once."""

    def __init__(self, serial: str) -> None:
        self.url = ""
        self.crossed: list[Crossed] = []
        self._serial = serial
        self._news = asyncio.Event()
        self._ears: dict[bool, _Ear] = {}
        self._bridge: asyncio.StreamWriter | None = None
        self._hold_after: int | None = None
        self._held: bytes | None = None

    def hold_after(self, channel: int) -> None:
        """After the next message on `channel` nothing reaches the bridge until `release`."""
        self._hold_after = channel

    def release(self) -> None:
        held, self._held = self._held, None
        if held and self._bridge:
            self._pass_up(held, self._bridge)

    @property
    def nonce(self) -> bytes:
        """Of the receiver's life, by its last HELLO; empty before the first."""
        hello = self._ears[True].hello if self._ears else None
        if hello is None:
            return b""
        said: wire.ReceiverHello = schema.decode(
            wire.RECEIVER_HELLO, hello.content, wire.ReceiverHello
        )
        return said.nonce

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.url = f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def message(
        self, channel: int, since: int = 0, wanted: Callable[[Any], bool] = lambda value: True
    ) -> Crossed:
        """The first such message on `channel`, from number `since` on; waits for it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for crossed in self.crossed[since:]:
                    if crossed.channel == channel and wanted(crossed.value):
                        return crossed
                since = len(self.crossed)
                await self._news.wait()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One life of the bridge's port."""
        self._ears = {up: _Ear() for up in (True, False)}
        self._bridge = writer
        line = os.open(self._serial, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(line)
        loop = asyncio.get_running_loop()
        loop.add_reader(line, self._from_device, line, writer)
        try:
            while data := await reader.read(READ_MOST):
                os.write(line, data)
                self._hear(False, data)
        except OSError:
            pass  # either end has gone
        finally:
            loop.remove_reader(line)
            os.close(line)
            writer.close()

    def _from_device(self, line: int, writer: asyncio.StreamWriter) -> None:
        data = b""
        with suppress(OSError):
            data = os.read(line, READ_MOST)
        if data and self._held is not None:
            self._held += data
        elif data:
            self._pass_up(data, writer)
        else:
            asyncio.get_running_loop().remove_reader(line)
            writer.close()

    def _pass_up(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        heard = len(self.crossed)
        self._hear(True, data)
        if any(crossed.channel == self._hold_after for crossed in self.crossed[heard:]):
            self._hold_after, self._held = None, b""

    def _hear(self, up: bool, data: bytes) -> None:
        whole = self._ears[up].hear(data)
        self.crossed += [Crossed(up, channel, payload) for channel, payload in whole]
        if whole:
            news, self._news = self._news, asyncio.Event()
            news.set()


class _Ear:
    """Joins the parts of messages in one direction; a part that is sent again counts once."""

    def __init__(self) -> None:
        self.hello: frames.Hello | None = None
        self._decoder = frames.Decoder(frames.HOST_FRAME_MAX)
        self._seq = -1
        self._joined = b""

    def hear(self, data: bytes) -> list[tuple[int, bytes]]:
        whole = []
        for frame in self._decoder.receive(data):
            if not isinstance(frame, frames.Frame):
                continue
            if frame.kind == frames.HELLO:
                self._seq, self._joined = -1, b""
                self.hello = frames.decode_hello(frame.payload)
            elif frame.kind == frames.DATA and frame.seq != self._seq:
                self._seq = frame.seq
                self._joined += frame.payload
                if not frame.more:
                    whole.append((frame.channel, self._joined))
                    self._joined = b""
        return whole


FIRST_OFFER = 1000  # the next 64,000 numbers have one length on the line


class TappedWorld(World):
    """A world whose bridge hears its receiver through `tap`."""

    tap: Tap

    async def _wire(self, directory: Path) -> None:
        self.receiver.directory.joinpath("sequence").write_bytes(FIRST_OFFER.to_bytes(4, "big"))
        await super()._wire(directory)
        self.tap = Tap(self.serial)
        server = await self.stack.enter_async_context(await self.tap.serve())
        self.stack.callback(server.close)
        self.serial = self.tap.url


class TappedCheckout(Checkout):
    """A checkout in such a world."""

    def __init__(self, world: TappedWorld) -> None:
        super().__init__(world)
        self.tap = world.tap


@asynccontextmanager
async def tapped_checkout(settings: Settings | None = None) -> AsyncIterator[TappedCheckout]:
    """Ready to sell."""
    world = TappedWorld(settings)
    async with world:
        one = TappedCheckout(world)
        await one.open()
        try:
            yield one
        finally:
            await one.close()
