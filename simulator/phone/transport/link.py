"""A phone's link to one receiver, over bleak's client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from bleak import BleakClient
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError, BleakGATTProtocolError, BleakGATTProtocolErrorCode

from receiver.protocol import gatt
from simulator.phone.conversation.events import (
    Connected,
    Gone,
    Input,
    Notified,
    OfferNotified,
    Read,
)

# For each try to connect, one after the other. A receiver advertises again within 160 ms, and a
# system that has lost the request says nothing; one that searches before it connects takes seconds.
CONNECT_S = (1.5, 3.0, 5.0)
OPEN_S = 10.0  # connecting, MTU and service discovery
WRITE_S = 5.0  # an acknowledgement takes one connection interval, plus the receiver's loop
CLOSE_S = 2.0  # a phone out of range may never get the acknowledgement
FULL_S = 5.0  # a receiver whose buffers another phone holds cuts that one long before
FULL_AGAIN_S = 0.1  # between two tries
ATT_HEADER = 3  # opcode and handle of a write, Core 5.4 Vol 3 Part F 3.4.5


T = TypeVar("T")


class Link:
    """A link with events to `on_event`, in order; who takes a link over sets another.

    `open`, `read` and `write` may raise BleakError.
    """

    def __init__(
        self,
        device: BLEDevice,
        on_event: Callable[[Input], None],
        backend: type[BaseBleakClient] | None,
        connect_s: float = CONNECT_S[-1],
    ) -> None:
        self.on_event = on_event
        self._up = False
        self._opening: asyncio.Task[Connected] | None = None
        self._offer = b""
        self._subscribing: asyncio.Task[None] | None = None
        self._client = BleakClient(device, self._disconnected, timeout=connect_s, backend=backend)

    def begin(self) -> asyncio.Task[Connected]:
        """Begin to connect, once; `open` waits for it."""
        if self._opening is None:
            self._up = True  # or half up: close it in any case
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(_noted)
        return self._opening

    async def open(self) -> Connected:
        """Connect; TimeoutError where the receiver does not answer in time."""
        return await asyncio.shield(self.begin())

    @property
    def is_gone(self) -> bool:
        """Return whether it has ended after it was begun."""
        return not self._up

    async def _open(self) -> Connected:
        async with asyncio.timeout(OPEN_S):
            await self._client.connect()
        return Connected(self._mtu())

    async def read(self, known: Callable[[bytes], bytes | None]) -> Read:
        """Read the offer, and the certificate that it is signed under where it is not `known`.

        The buyer looks at it meanwhile: the subscriptions follow, and then another look at the
        offer, as it may have changed before them.
        """
        self._offer = bytes(await self._client.read_gatt_char(gatt.OFFER))
        certificate = known(self._offer)
        if certificate is None:
            certificate = bytes(await self._client.read_gatt_char(gatt.CERTIFICATE))
        self._subscribing = asyncio.create_task(self._subscribe())
        return Read(certificate, self._offer)

    async def subscribed(self) -> None:
        """Wait until every answer of the receiver can be heard; TimeoutError if that takes long."""
        if self._subscribing is not None:
            async with asyncio.timeout(FULL_S):
                await asyncio.shield(self._subscribing)

    async def _subscribe(self) -> None:
        """Subscribe, patiently: a receiver whose buffers another phone holds can be read."""
        try:
            await _patiently(lambda: self._client.start_notify(gatt.EXCHANGE, self._notified))
            await _patiently(lambda: self._client.start_notify(gatt.OFFER, self._offer_notified))
            offer = bytes(await self._client.read_gatt_char(gatt.OFFER))
        except (BleakError, TimeoutError):  # the link has ended, or nothing could be heard on it
            await self.close()
        else:
            if offer != self._offer:
                self._offer_notified(None, bytearray(offer))

    async def write(self, data: bytes, response: bool) -> None:
        """Write to the exchange; what needs a response needs the subscriptions first, too."""
        try:
            if response:
                await self.subscribed()
            async with asyncio.timeout(WRITE_S):
                await _patiently(
                    lambda: self._client.write_gatt_char(gatt.EXCHANGE, data, response=response)
                )
        except TimeoutError as error:
            raise BleakError("no acknowledgement") from error

    async def close(self) -> None:
        """Close the link; one that is gone already is no error."""
        if self._subscribing is not None and self._subscribing is not asyncio.current_task():
            self._subscribing.cancel()
        if not self._up:
            return
        with suppress(BleakError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._give_up_opening()
                await self._client.disconnect()

    async def _give_up_opening(self) -> None:
        opening = self.begin()
        opening.cancel()
        await asyncio.wait({opening})

    def forget(self) -> None:
        """Drop the link without closing it: the radio is out of range."""
        self._up = False

    def _mtu(self) -> int:
        """Return the MTU; BlueZ reports it by the characteristic, the client itself always 23."""
        exchange = self._client.services.get_characteristic(gatt.EXCHANGE)
        if exchange is None:
            raise BleakError("not a till: no exchange characteristic")
        return max(self._client.mtu_size, exchange.max_write_without_response_size + ATT_HEADER)

    def _disconnected(self, _client: BleakClient) -> None:
        self._up = False
        self.on_event(Gone())

    def _notified(self, _characteristic: object, data: bytearray) -> None:
        self.on_event(Notified(bytes(data)))

    def _offer_notified(self, _characteristic: object, data: bytearray) -> None:
        """Pass a change on, once: the look at the offer may see what was notified."""
        self._offer = bytes(data)
        self.on_event(OfferNotified(bytes(data)))


def _noted(opening: asyncio.Task[Connected]) -> None:
    """Note how a link came up or failed: `open` tells it, and an early link may not be asked."""
    if not opening.cancelled():
        opening.exception()


async def _patiently(request: Callable[[], Awaitable[T]]) -> T:
    """Repeat a request as long as the receiver has no buffer for it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + FULL_S
    while True:
        try:
            return await request()
        except BleakGATTProtocolError as error:
            if not _is_full(error) or loop.time() >= until:
                raise
        await asyncio.sleep(FULL_AGAIN_S)


def _is_full(error: BleakGATTProtocolError) -> bool:
    return bool(error.code == BleakGATTProtocolErrorCode.INSUFFICIENT_RESOURCE)
