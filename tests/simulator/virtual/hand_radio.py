"""A radio without an air, and a phone that touches it: what the one sends the other has at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from firmware.device import ble as names
from receiver.protocol import gatt
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.conversation import events
from simulator.phone.conversation.conversation import Conversation
from simulator.phone.conversation.messages import Maker
from simulator.phone.wallet.wallet import Wallet

CERTIFICATE, OFFER, EXCHANGE = 1, 2, 3  # handles
LINK = 0


class HandRadio:
    """`bluetooth.BLE` as far as the firmware uses it, for one phone at a time."""

    def __init__(self) -> None:
        self.free_at: Callable[[], float] = lambda: 0.0
        self.values: dict[int, bytes] = {}
        self.notified: Callable[[int, bytes], None] | None = None
        self.interval_us: int | None = None
        self.told_at: list[float] = []  # when notifications came out
        self._on = False
        self._handler: Callable[[int, tuple[int, ...]], None]

    def active(self, on: bool | None = None) -> bool:
        self._on = self._on if on is None else on
        return self._on

    def config(self, **settings: int | str) -> None:
        """Take no setting."""

    def irq(self, handler: Callable[[int, tuple[int, ...]], None]) -> None:
        self._handler = handler

    def gap_advertise(
        self,
        interval_us: int | None,
        adv_data: bytes | None = None,
        *,
        resp_data: bytes | None = None,
        connectable: bool = True,
    ) -> None:
        self.interval_us = interval_us

    def gatts_register_services(self, services: tuple[object, ...]) -> tuple[tuple[int, ...], ...]:
        return ((CERTIFICATE, OFFER, EXCHANGE),)

    def gatts_set_buffer(self, handle: int, size: int) -> None:
        """Take values of any size."""

    def gatts_read(self, handle: int) -> bytes:
        return self.values[handle]

    def gatts_write(self, handle: int, data: bytes) -> None:
        self.values[handle] = data

    def gatts_notify(self, link: int, handle: int, data: bytes) -> None:
        if link != LINK:
            raise OSError(names.NO_LINK)
        self.told_at.append(asyncio.get_running_loop().time())
        if self.notified is not None:
            self.notified(handle, data)

    def gattc_exchange_mtu(self, link: int) -> None:
        """Leave it to the phone, which tells it by itself."""

    def gap_disconnect(self, link: int) -> bool:
        asyncio.get_running_loop().call_soon(self.interrupt, names.IRQ_CENTRAL_DISCONNECT, LINK)
        return True

    def interrupt(self, event: int, *data: int) -> None:
        """Let the stack's task run the firmware's handler."""
        self._handler(event, data)

    def write(self, data: bytes) -> None:
        """Take a write of the phone."""
        self.values[EXCHANGE] = data
        self.interrupt(names.IRQ_GATTS_WRITE, LINK, EXCHANGE)


class PhoneAtHand:
    """One visit: connected, read, and the code typed as soon as the offer is shown."""

    def __init__(self, radio: HandRadio, wallet: Wallet) -> None:
        self.ended = asyncio.Event()
        self.typed_at: float | None = None
        self.ended_at: float | None = None
        self._radio = radio
        self._loop = asyncio.get_running_loop()
        epoch = int(time.time() - self._loop.time())
        self._conversation = Conversation(wallet, Maker(wallet), epoch)
        radio.notified = self._notified

    @property
    def outcome(self) -> events.Outcome | None:
        return self._conversation.outcome

    def touch(self) -> None:
        """Connect, agree on the MTU, and read."""
        radio = self._radio
        radio.interrupt(names.IRQ_CENTRAL_CONNECT, LINK)
        radio.interrupt(names.IRQ_MTU_EXCHANGED, LINK, gatt.MTU)
        self._take(events.Connected(gatt.MTU))
        self._take(events.Read(radio.values[CERTIFICATE], radio.values.get(OFFER, b"")))

    def _notified(self, handle: int, data: bytes) -> None:
        kind = events.OfferNotified if handle == OFFER else events.Notified
        self._loop.call_soon(self._take, kind(data))

    def _take(self, event: events.Input) -> None:
        self._conversation.handle(event, int(self._loop.time() * 1000))
        while (action := self._conversation.poll()) is not None:
            self._perform(action)
        if self.outcome is not None and self.ended_at is None:
            self.ended_at = self._loop.time()
            self.ended.set()

    def _perform(self, action: events.Effect) -> None:
        if isinstance(action, events.Write):
            self._loop.call_soon(self._radio.write, action.data)
        elif isinstance(action, events.HangUp):
            self._loop.call_soon(self._radio.interrupt, names.IRQ_CENTRAL_DISCONNECT, LINK)
        elif isinstance(action, events.Show) and action.view.kind == events.ASKED:
            self._loop.call_soon(self._take, events.Look())
        elif isinstance(action, events.Show) and action.view.kind == events.SHOWN:
            self._loop.call_soon(self._take, events.FirstDigit())
            self._loop.call_later(2.0, self._type)

    def _type(self) -> None:
        if self.outcome is None:
            self.typed_at = self._loop.time()
            self._take(events.Code(DEMO_CODE))
