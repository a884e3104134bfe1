"""MicroPython's `bluetooth.BLE` over the modelled air: NimBLE's rules, twelve buffers, four links.

As on the chip, the stack's task runs the firmware's handler before it answers, and waits for the
interpreter: `free_at` returns when that is next at a point where the handler may run.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from firmware.device import ble as names
from simulator.hardware.micropython.radiowire import IRQ_GATTS_READ_REQUEST, LINK_GONE
from simulator.hardware.radio.advertiser import UNIT
from simulator.hardware.radio.buffers import BLOCKS, IN_CONTROLLER, NOTIFICATION
from simulator.hardware.radio.gatt import PREFERRED_MTU
from simulator.hardware.radio.stack import LINKS
from simulator.hardware.radio.table import DEFAULT_BUFFER

from . import att
from .link_layer import PERIPHERAL, RadioLink
from .room import Advertisement, Room

if TYPE_CHECKING:
    from collections.abc import Callable

    from .att import Packet

ATT_MTU = 23  # before any exchange (Vol 3 Part F 3.2.8)
INVALID_HANDLE = 0x01  # ATT's error (Vol 3 Part F 3.4.1.1)
_EVENTS = {
    names.IRQ_CENTRAL_CONNECT: "connected",
    names.IRQ_CENTRAL_DISCONNECT: "disconnected",
    names.IRQ_MTU_EXCHANGED: "mtu",
    names.IRQ_GATTS_WRITE: "written",
}
_FIRST_HANDLE = 20  # behind NimBLE's own two services


class Characteristic(NamedTuple):
    """What a phone finds of one: its UUID, flags, and the handles of value and configuration."""

    uuid: str
    flags: int
    value: int
    configuration: int


class _Peer:
    """One link as the stack knows it."""

    def __init__(self, link: RadioLink) -> None:
        self.link = link
        self.mtu = ATT_MTU
        self.waiting: deque[att.Notification] = deque()  # they hold blocks
        self.leaving = False


class _Telling(NamedTuple):
    event: int
    fields: tuple[int, ...]


class VirtualBle:
    """One receiver's radio. `pump` runs the handler for what has arrived."""

    def __init__(self, room: Room, address: str) -> None:
        self.address = address
        self.service = ""
        self.table: tuple[Characteristic, ...] = ()
        self.free_at: Callable[[], float] = lambda: 0.0
        self.observe: Callable[[str, tuple[int, ...]], None] = lambda name, fields: None
        self.advertiser = room.advertiser(address)
        self._peers: dict[int, _Peer] = {}
        self._values: dict[int, bytes] = {}
        self._sizes: dict[int, int] = {}
        self._mtu = PREFERRED_MTU
        self._handler: Callable[[int, tuple[int, ...]], None] | None = None
        self._active = False
        self._inbox: deque[tuple[_Peer, Packet] | _Telling] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._pumping = False

    # The module's interface (`firmware.device.ble.Ble`).

    def active(self, on: bool | None = None) -> bool:
        if on is not None and on != self._active:
            self._reset()
            self._active = on
        return self._active

    def config(self, **settings: int | str) -> None:
        mtu = settings.get("mtu", self._mtu)
        if isinstance(mtu, int):
            self._mtu = mtu

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
        self.advertiser.stop()
        if interval_us is None:
            return
        if connectable and len(self._peers) >= LINKS:
            raise OSError(names.ENOMEM)
        interval = int(interval_us / 625) * UNIT
        self.advertiser.start(Advertisement(interval, adv_data or b"", resp_data or b""))

    def gatts_register_services(
        self, services: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    ) -> tuple[tuple[int, ...], ...]:
        """Register one service, as this firmware does."""
        ((self.service, characteristics),) = services
        handle, table = _FIRST_HANDLE, []
        for uuid, flags in characteristics:
            notifies = bool(flags & names.FLAG_NOTIFY)
            value = handle + 2
            table.append(Characteristic(uuid, flags, value, value + 1 if notifies else 0))
            self._values[value], self._sizes[value] = b"", DEFAULT_BUFFER
            handle = value + notifies
        self.table = tuple(table)
        return (tuple(one.value for one in table),)

    def gatts_set_buffer(self, handle: int, size: int) -> None:
        self._sizes[handle] = size

    def gatts_read(self, handle: int) -> bytes:
        return self._values.get(handle, b"")

    def gatts_write(self, handle: int, data: bytes) -> None:
        self._values[handle] = bytes(data)
        self.observe("shows", (handle, len(data)))

    def gatts_notify(self, link: int, handle: int, data: bytes) -> None:
        if self._held() + NOTIFICATION > BLOCKS:
            raise OSError(names.ENOMEM)  # NimBLE makes the packet before it looks for the link
        peer = self._peers.get(link)
        if peer is None:
            raise OSError(LINK_GONE)
        peer.waiting.append(att.Notification(handle, bytes(data[: peer.mtu - 3])))
        self._flow(peer)

    def gattc_exchange_mtu(self, link: int) -> None:
        if self._held() >= BLOCKS:
            raise OSError(names.ENOMEM)
        peer = self._peers.get(link)
        if peer is None:
            raise OSError(LINK_GONE)
        if peer.mtu != ATT_MTU:
            raise OSError(names.EALREADY[0])
        peer.link.send(PERIPHERAL, att.MtuRequest(self._mtu))

    def gap_disconnect(self, link: int) -> bool:
        peer = self._peers.get(link)
        if peer is None:
            return False
        if peer.leaving:
            raise OSError(names.EALREADY[0])
        peer.leaving = True
        self._flow(peer)
        peer.link.send(PERIPHERAL, att.Terminate())
        return True

    # The link layer's interface (`link_layer.End`).

    def joined(self, link: RadioLink) -> None:
        """A phone has connected; advertising has ended with that."""
        self.advertiser.stop()
        handle = next(number for number in range(LINKS) if number not in self._peers)
        self._peers[handle] = _Peer(link)
        self._take(_Telling(names.IRQ_CENTRAL_CONNECT, (handle,)))

    def received(self, link: RadioLink, packet: Packet) -> None:
        for peer in self._peers.values():
            if peer.link is link:
                self._take((peer, packet))

    def ended(self, link: RadioLink, _reason: int) -> None:
        handle = self._handle(link)
        if handle is not None:  # it has a place until the stack's task comes to its end
            self._take(_Telling(names.IRQ_CENTRAL_DISCONNECT, (handle,)))

    def pump(self) -> None:
        """Handle all that has arrived, in order, as the stack's task does."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._inbox:
                self._serve(self._inbox.popleft())
        finally:
            self._pumping = False

    def drop(self) -> None:
        """The board has lost its power: its links fall silent, its memory is gone."""
        for peer in list(self._peers.values()):
            peer.link.silence(float("inf"))
        self._peers.clear()
        self._reset()
        self._active = False

    # The stack.

    def _reset(self) -> None:
        self.advertiser.stop()
        for peer in list(self._peers.values()):
            peer.link.send(PERIPHERAL, att.Terminate())
        self._peers.clear()
        self._inbox.clear()
        self._mtu = PREFERRED_MTU

    def _held(self) -> int:
        return NOTIFICATION * sum(len(peer.waiting) for peer in self._peers.values())

    def _flow(self, peer: _Peer) -> None:
        """Hand the controller what it takes of a link's notifications."""
        while peer.waiting and peer.link.waiting(PERIPHERAL) < IN_CONTROLLER:
            peer.link.send(PERIPHERAL, peer.waiting.popleft())
        if peer.waiting:
            loop = asyncio.get_running_loop()
            loop.call_later(peer.link.interval_s, self._flow, peer)

    def _take(self, item: tuple[_Peer, Packet] | _Telling) -> None:
        self._inbox.append(item)
        loop = asyncio.get_running_loop()
        free = self.free_at()
        if free <= loop.time():
            self.pump()
        elif self._timer is None:
            self._timer = loop.call_at(free, self._freed)

    def _freed(self) -> None:
        self._timer = None
        self.pump()

    def _interrupt(self, event: int, fields: tuple[int, ...]) -> None:
        self.observe(_EVENTS.get(event, "read"), fields)
        if self._handler is not None:
            self._handler(event, fields)

    def _serve(self, item: tuple[_Peer, Packet] | _Telling) -> None:
        if isinstance(item, _Telling):
            if item.event == names.IRQ_CENTRAL_DISCONNECT:
                self._peers.pop(item.fields[0], None)
            self._interrupt(item.event, item.fields)
            return
        peer, packet = item
        handle = self._handle(peer.link)
        match packet:
            case att.MtuRequest(mtu):
                self._agree(peer, mtu)
                peer.link.send(PERIPHERAL, att.MtuResponse(self._mtu))
            case att.MtuResponse(mtu):
                self._agree(peer, mtu)
            case att.Discovery():
                peer.link.send(PERIPHERAL, packet)
            case att.ReadRequest(value, offset):
                if handle is not None:
                    self._interrupt(IRQ_GATTS_READ_REQUEST, (handle, value))
                end = offset + peer.mtu - 1
                peer.link.send(
                    PERIPHERAL, att.ReadResponse(self._values.get(value, b"")[offset:end])
                )
            case att.WriteRequest(value, data):
                error = self._write(handle, value, data)
                peer.link.send(PERIPHERAL, att.WriteResponse(error))
            case att.WriteCommand(value, data):
                self._write(handle, value, data)

    def _agree(self, peer: _Peer, mtu: int) -> None:
        peer.mtu = max(ATT_MTU, min(mtu, self._mtu))
        handle = self._handle(peer.link)
        if handle is not None:
            self._interrupt(names.IRQ_MTU_EXCHANGED, (handle, peer.mtu))

    def _write(self, handle: int | None, value: int, data: bytes) -> int:
        """Store a write; a configuration is the stack's own: MicroPython gets no event."""
        if any(value == one.configuration for one in self.table):
            return 0
        if value not in self._values:
            return INVALID_HANDLE
        self._values[value] = data[: self._sizes[value]]
        if handle is not None:
            self._interrupt(names.IRQ_GATTS_WRITE, (handle, value))
        return 0

    def _handle(self, link: RadioLink) -> int | None:
        for handle, peer in self._peers.items():
            if peer.link is link:
                return handle
        return None
