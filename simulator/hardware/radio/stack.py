"""One activation of the receiver's Bluetooth: NimBLE and its glue between two `active`.

Errors are `StackError` with the numbers that MicroPython raises on an ESP32.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress

from bumble import att, core, hci
from bumble.device import AdvertisingType, Connection, Device, DeviceConfiguration, LegacyAdvertiser
from bumble.host import Host

from simulator.hardware.micropython import radiowire as wire

from .advertiser import INTERVALS
from .buffers import NOTIFICATION
from .controller import RadioController
from .gatt import GattServer, Handler
from .model.standard import LEGACY_PAYLOAD
from .table import Buffer, Entry

LINKS = 4  # ESP-IDF's default for NimBLE's MAX_CONNECTIONS in these images
MTU_RANGE = range(23, 528)
NAME_LENGTH = 31  # NimBLE's BLE_SVC_GAP_DEVICE_NAME_MAX_LENGTH
DEFAULT_NAME = b"MPY ESP32"
DEFAULT_INTERVAL = 48  # NimBLE's, for a request of 0: 30 ms
INTERVAL_UNIT = 625  # µs
PUBLIC, RANDOM, NRPA = 0, 1, 3  # address modes; 2 (resolvable) needs bonds

GENERIC_ACCESS = [
    Entry(wire.SERVICE, 0, core.UUID(0x1800)),
    Entry(wire.CHARACTERISTIC, wire.FLAG_READ, core.UUID(0x2A00)),
    Entry(wire.CHARACTERISTIC, wire.FLAG_READ, core.UUID(0x2A01)),
]
GENERIC_ATTRIBUTE = [
    Entry(wire.SERVICE, 0, core.UUID(0x1801)),
    Entry(wire.CHARACTERISTIC, wire.FLAG_INDICATE, core.UUID(0x2A05)),
]


class StackError(Exception):
    """OSError on the receiver."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Stack:
    """The host side of a receiver, over its controller."""

    def __init__(self, controller: RadioController, handler: Handler) -> None:
        self._name = DEFAULT_NAME
        self._payload = self._response = b""
        self._random = False
        self._advertising = False
        self._leaving: set[Connection] = set()  # links that the firmware has ended
        self._device = Device(
            config=DeviceConfiguration(
                address=hci.Address.generate_static_address(),
                gap_service_enabled=False,
                gatt_service_enabled=False,
            ),
            host=Host(controller, controller),
        )
        self._server = self._device.gatt_server = GattServer(self._device, handler)
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)
        self._serving: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Reset the controller and start with an empty table."""
        await self._device.power_on()
        queue = self._device.host.le_acl_packet_queue
        assert queue is not None
        queue.on("flow", self._server.blocks.flow)
        self._open_table([])
        self._serving = asyncio.create_task(self._server.run())

    async def stop(self) -> None:
        """Stop advertising and drop every link; the firmware gets no event."""
        self.abandon()
        await self.advertise_stop()
        for handle in list(self._device.connections):
            with suppress(hci.HCI_Error):
                await self._disconnect(handle)
        await self._device.power_off()

    def abandon(self) -> None:
        """Drop every link and send no more events."""
        for task in [*self._asking, *([self._serving] if self._serving else [])]:
            task.cancel()

    def die(self) -> None:
        """Abandon, and ignore the answer to the last question: the process is gone."""
        self.abandon()
        self._device.host.ready = False

    # Settings

    @property
    def mtu(self) -> int:
        return self._server.max_mtu

    def set_mtu(self, mtu: int) -> None:
        if mtu not in MTU_RANGE:
            raise StackError(wire.EINVAL)
        self._server.max_mtu = mtu

    @property
    def name(self) -> bytes:
        return self._name

    def set_name(self, name: bytes) -> None:
        if len(name) > NAME_LENGTH:
            raise StackError(wire.EINVAL)
        self._name = name
        self._server.buffers[self._name_handle].data = name

    def set_address_mode(self, mode: int) -> None:
        if mode not in (PUBLIC, RANDOM, NRPA):
            raise StackError(wire.EINVAL)
        self._random = mode != PUBLIC

    @property
    def address(self) -> tuple[int, bytes]:
        """Return type and six bytes, in reading order."""
        own = self._device.random_address if self._random else self._device.public_address
        return int(self._random), bytes(own)[::-1]

    # Advertising

    async def advertise(
        self, interval: int, connectable: bool, payload: bytes | None, response: bytes | None
    ) -> None:
        """Advertise every `interval` µs. None keeps a payload."""
        await self.advertise_stop()
        for data in (payload, response):
            if data is not None and len(data) > LEGACY_PAYLOAD:
                raise StackError(wire.EINVAL)
        self._payload = self._payload if payload is None else payload
        self._response = self._response if response is None else response
        if connectable and len(self._device.connections) >= LINKS:
            raise StackError(wire.ENOMEM)
        # NimBLE keeps 16 bits of it, and the controller refuses what Bluetooth does not allow
        units = (int(interval / INTERVAL_UNIT) & 0xFFFF) or DEFAULT_INTERVAL
        if units not in INTERVALS:
            raise StackError(wire.EIO)
        device = self._device
        device.advertising_data, device.scan_response_data = self._payload, self._response
        milliseconds = units * INTERVAL_UNIT / 1000
        device.advertising_interval_min = device.advertising_interval_max = milliseconds
        device.legacy_advertiser = LegacyAdvertiser(
            device,
            AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE
            if connectable
            else AdvertisingType.UNDIRECTED_SCANNABLE,
            hci.OwnAddressType.RANDOM if self._random else hci.OwnAddressType.PUBLIC,
            hci.Address.ANY,
            auto_restart=False,
        )
        try:
            await device.legacy_advertiser.start()
        except hci.HCI_Error as error:
            raise StackError(wire.EIO) from error
        self._advertising = True

    async def advertise_stop(self) -> None:
        if self._advertising and self._device.legacy_advertiser is not None:
            await self._device.legacy_advertiser.stop()
        self._advertising = False

    # The table

    def register(self, entries: list[Entry]) -> list[list[int]]:
        """Replace the services; return the handles of each."""
        if self._advertising or self._device.connections:
            raise StackError(wire.EBUSY)
        return self._open_table(entries)

    def _open_table(self, entries: list[Entry]) -> list[list[int]]:
        self._server.clear()
        own, _, *given = self._server.add_table([*GENERIC_ACCESS, *GENERIC_ATTRIBUTE, *entries])
        self._name_handle, appearance = own
        name = self._server.buffers[self._name_handle]
        name.size, name.data = NAME_LENGTH, self._name
        self._server.buffers[appearance].data = bytes(2)
        return given

    def read(self, handle: int) -> bytes:
        """Return a value; nothing for a handle that has none."""
        buffer = self._server.buffers.get(handle)
        return b"" if buffer is None else buffer.take()

    def write(self, handle: int, value: bytes, update: bool) -> None:
        """Set a value, growing its buffer where needed, and notify subscribers if asked to."""
        buffer = self._buffer(handle)
        buffer.size = max(buffer.size, len(value))
        buffer.data = value
        for peer, subscribed in list(self._server.subscribers.items()) if update else []:
            if subscribed.get(handle, b"\0")[0] & 1:
                with suppress(StackError):
                    self.notify(peer.handle, handle, value)  # type: ignore[union-attr]

    def set_buffer(self, handle: int, size: int, append: bool) -> None:
        buffer = self._buffer(handle)
        buffer.size, buffer.append, buffer.data = size, append, b""

    def _buffer(self, handle: int) -> Buffer:
        buffer = self._server.buffers.get(handle)
        if buffer is None:
            raise StackError(wire.EINVAL)
        return buffer

    # Links

    def notify(self, connection: int, handle: int, value: bytes | None) -> None:
        """Notify one phone, subscribed or not; a value longer than its MTU allows is cut."""
        if not self._server.blocks.free(NOTIFICATION):
            raise StackError(wire.ENOMEM)  # NimBLE makes the packet before it looks for the link
        peer = self._device.connections.get(connection)
        if peer is None:
            raise StackError(wire.LINK_GONE)
        data = self._buffer(handle).data if value is None else value
        pdu = att.ATT_Handle_Value_Notification(handle, data[: peer.att_mtu - 3])
        self._server.blocks.send(peer, bytes(pdu), NOTIFICATION)

    def exchange_mtu(self, connection: int) -> None:
        """Ask a phone for its MTU; the answer is an event. Only once on a link, by either side."""
        if not self._server.blocks.free():
            raise StackError(wire.ENOMEM)
        peer = self._device.connections.get(connection)
        if peer is None:
            raise StackError(wire.LINK_GONE)
        if peer in self._server.agreed:
            raise StackError(wire.EALREADY)
        self._server.agreed.add(peer)
        self._spawn(self._exchange_mtu(peer))

    async def _exchange_mtu(self, peer: Connection) -> None:
        with suppress(core.BaseBumbleError, asyncio.CancelledError):  # the link has ended
            agreed = await peer.gatt_client.request_mtu(self.mtu)
            peer.on_att_mtu_update(max(agreed, att.ATT_DEFAULT_MTU))
            self._server.tell_in_order(wire.IRQ_MTU_EXCHANGED, peer.handle, peer.att_mtu)

    async def disconnect(self, connection: int) -> None:
        """End a link. It exists until its event; a second call says that its end has begun."""
        peer = self._device.connections.get(connection)
        if peer is None:
            raise StackError(wire.LINK_GONE)
        if peer in self._leaving:
            raise StackError(wire.EALREADY)
        self._leaving.add(peer)
        try:
            await self._disconnect(connection)
        except hci.HCI_Error as error:
            raise StackError(wire.LINK_GONE) from error

    async def _disconnect(self, connection: int) -> None:
        await self._device.send_async_command(
            hci.HCI_Disconnect_Command(
                connection_handle=connection,
                reason=hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR,
            )
        )

    def _on_connection(self, peer: Connection) -> None:
        self._advertising = False
        kind = int(peer.peer_address.address_type)
        address = (peer.handle, kind, bytes(peer.peer_address)[::-1])
        self._server.tell_in_order(wire.IRQ_CENTRAL_CONNECT, *address)
        peer.on(Connection.EVENT_DISCONNECTION, lambda _reason: self._on_end(peer, address))
        self._spawn(self._ask_features(peer))
        peer.on(Connection.EVENT_CONNECTION_PARAMETERS_UPDATE, lambda: self._on_update(peer))

    def _spawn(self, asking: Coroutine[object, None, None]) -> None:
        task = asyncio.create_task(asking)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask_features(self, peer: Connection) -> None:
        """Ask for the phone's features, as NimBLE does at each connection; it needs no answer."""
        command = hci.HCI_LE_Read_Remote_Features_Command(connection_handle=peer.handle)
        with suppress(hci.HCI_Error):  # it left at once
            await self._device.send_async_command(command)

    def _on_end(self, peer: Connection, address: tuple[int, int, bytes]) -> None:
        self._leaving.discard(peer)
        self._server.tell_in_order(wire.IRQ_CENTRAL_DISCONNECT, *address)

    def _on_update(self, peer: Connection) -> None:
        interval = round(peer.parameters.connection_interval / 1.25)
        timeout = round(peer.parameters.supervision_timeout / 10)
        latency = peer.parameters.peripheral_latency
        self._server.tell_in_order(
            wire.IRQ_CONNECTION_UPDATE, peer.handle, interval, latency, timeout, 0
        )
