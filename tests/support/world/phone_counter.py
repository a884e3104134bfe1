"""A counter to buy at: the receiver's core on the simulated radio, and a true authority behind it.

The bridge is a few lines: what the receiver hands over goes to the authority's ledger at once, and
a decline that the buyer can mend is answered with a new offer.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from bumble import core

from receiver import reasons
from receiver.core import io
from receiver.core.receiver import Receiver
from receiver.host.texts import MENDABLE
from receiver.link import wire
from receiver.protocol import gatt, messages, signed
from simulator.authority import Authority
from simulator.authority.accounts import receivers
from simulator.authority.accounts.bindings import Caller
from simulator.authority.ledger import ledger
from simulator.authority.ledger.record_verification import verify
from simulator.hardware.micropython import radiowire
from simulator.hardware.micropython.radiowire import (
    FLAG_NOTIFY,
    FLAG_READ,
    FLAG_WRITE,
    FLAG_WRITE_NO_RESPONSE,
)
from simulator.hardware.radio.server import Radio
from simulator.hardware.radio.stack import Stack, StackError
from simulator.hardware.radio.table import Entry
from simulator.world.enrolment import new_receiver

TILL = 7
SEK = 752
TTL_S = 60
LINGER_S = 0.06  # as the device's pump
OFFERS_MOST = 4  # one and three new ones

_CLIENT = "the bridge"

_TABLE = [
    Entry(radiowire.SERVICE, 0, core.UUID(gatt.SERVICE)),
    Entry(radiowire.CHARACTERISTIC, FLAG_READ, core.UUID(gatt.CERTIFICATE)),
    Entry(radiowire.CHARACTERISTIC, FLAG_READ | FLAG_NOTIFY, core.UUID(gatt.OFFER)),
    Entry(
        radiowire.CHARACTERISTIC,
        FLAG_WRITE | FLAG_WRITE_NO_RESPONSE | FLAG_NOTIFY,
        core.UUID(gatt.EXCHANGE),
    ),
]


class Counter:
    """Handler of the radio's stack and bridge of the receiver, in one."""

    def __init__(self, authority: Authority, till: int = TILL) -> None:
        self._authority = authority
        self._till = till
        receiver = new_receiver(authority, _CLIENT, store_name="Storgatan 1")
        self.receiver_id, self.certificate = receiver.receiver_id, receiver.certificate
        self.caller = Caller(_CLIENT, self.receiver_id)
        self.core = Receiver(receiver.identity())
        self.wire: list[tuple[int, Any]] = []
        self.links = 0
        self.authorises = True  # otherwise nobody answers an approval
        self.changed = asyncio.Event()
        self._offers = 0
        self._order: wire.Open | None = None
        self._shown = b""
        self._jobs: asyncio.Queue[Callable[[], Awaitable[None]] | None] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, radio: Radio) -> None:
        """Come on the air."""
        place = await radio.receiver(self.receiver_id)
        self._stack = Stack(place.controller, self)
        await self._stack.start()
        self._stack.set_mtu(gatt.MTU)
        ((self._certificate, self._offer, self._exchange),) = self._stack.register(_TABLE)
        self._stack.set_buffer(self._certificate, gatt.CERTIFICATE_MOST, False)
        self._stack.set_buffer(self._offer, gatt.OFFER_MOST, False)
        self._stack.set_buffer(self._exchange, gatt.EXCHANGE_MOST + 1, False)
        self._run()

    async def serve(self) -> None:
        """Do what takes time, until `close`."""
        while (job := await self._jobs.get()) is not None:
            with suppress(StackError):  # the link went by itself
                await job()
        if self._timer is not None:
            self._timer.cancel()
        await self._stack.stop()

    def close(self) -> None:
        self._jobs.put_nowait(None)

    # The bridge.

    def ring_up(self, amount: int) -> None:
        reference, kind = os.urandom(8), messages.PURCHASE
        self._order = wire.Open(reference, kind, amount, SEK, self._till, TTL_S, b"")
        self._offers = 0
        self._open()

    def sent(self, channel: int) -> list[Any]:
        return [value for where, value in self.wire if where == channel]

    async def phone_event(self, event: int) -> None:
        """Wait until the receiver has told this of a phone."""
        while event not in [phone.event for phone in self.sent(wire.PHONE)]:
            self.changed.clear()
            await self.changed.wait()

    def _open(self) -> None:
        self._offers += 1
        self._tell(io.WireMessage(wire.OPEN, wire.encode(wire.OPEN, self._order)))

    def _authorise(self) -> None:
        office, now = self._authority.office, int(time.time())
        credential = self.sent(wire.CREDENTIAL)[-1]
        approval = self.sent(wire.APPROVAL)[-1]
        record = messages.Record(
            credential.certificate_hash,
            credential.offer,
            credential.enc,
            credential.data,
            approval.data,
            messages.ONLINE,
            now,
        )
        issued = receivers.issued(office.store, credential.certificate_hash)
        assert issued is not None
        evidence = verify(issued, record, office.pins)
        receipt = ledger.authorise(office.store, office.keys, self.caller, evidence, now)
        result = wire.Result(approval.session, receipt)
        self._tell(io.WireMessage(wire.RESULT, wire.encode(wire.RESULT, result)))
        reason = signed.parse(messages.RECEIPT, receipt).value.reason
        if reason in MENDABLE and self._offers < OFFERS_MOST:
            self._open()

    # The radio.

    async def ask(self, event: int, *fields: int) -> int:
        if event == radiowire.IRQ_GATTS_WRITE:
            self._tell(io.Written(fields[0], bytes(self._stack.read(fields[1]))))
        return 0

    def tell(self, event: int, *fields: Any) -> None:
        if event == radiowire.IRQ_CENTRAL_CONNECT:
            self.links += 1
            self._tell(io.Connected(fields[0]))
        elif event == radiowire.IRQ_CENTRAL_DISCONNECT:
            self.links -= 1
            self._tell(io.Disconnected(fields[0]))
        elif event == radiowire.IRQ_MTU_EXCHANGED:
            self._tell(io.MtuAgreed(fields[0], fields[1]))

    def _tell(self, event: Any) -> None:
        self.core.handle(event, _now())
        self._run()

    def _run(self) -> None:
        self._expire()
        while True:
            busy = self.core.busy()
            if busy:
                self.core.work(_now())
            action = self.core.poll()
            if action is not None:
                self._perform(action)
            elif not busy:
                break
        self.changed.set()
        if self._timer is not None:
            self._timer.cancel()
        due = self.core.deadline()
        if due is not None:
            delay = max(0, due - _now()) / 1000
            self._timer = asyncio.get_running_loop().call_later(delay, self._run)

    def _expire(self) -> None:
        due = self.core.deadline()
        if due is not None and due <= _now():
            self.core.expire(_now())

    def _perform(self, action: Any) -> None:
        if isinstance(action, io.ShowCertificate):
            self._stack.write(self._certificate, action.data, False)
        elif isinstance(action, io.ShowOffer):
            self._shown = action.data
            self._stack.write(self._offer, action.data, False)
        elif isinstance(action, io.Notify):
            self._stack.notify(action.link, self._exchange, action.data)
        elif isinstance(action, io.NotifyOffer):
            self._stack.notify(action.link, self._offer, self._shown)
        elif isinstance(action, io.Advertise):
            interval, data, response = action
            self._jobs.put_nowait(lambda: self._stack.advertise(interval, True, data, response))
        elif isinstance(action, io.Disconnect):
            link = action.link
            asyncio.get_running_loop().call_later(LINGER_S, self._cut, link)
        elif isinstance(action, io.Send):
            self._hear(action.channel, wire.decode(action.channel, action.payload))

    def _cut(self, link: int) -> None:
        self._jobs.put_nowait(lambda: self._stack.disconnect(link))

    def _hear(self, channel: int, value: Any) -> None:
        self.wire.append((channel, value))
        if channel != wire.VERDICT:
            return
        loop = asyncio.get_running_loop()
        if value.reason != reasons.OK:  # heard: the next phone may come
            heard = io.WireMessage(wire.VERDICT, wire.encode(wire.VERDICT, value))
            loop.call_soon(self._tell, heard)
        elif self.authorises:
            loop.call_soon(self._authorise)


def _now() -> int:
    return int(time.monotonic() * 1000)
