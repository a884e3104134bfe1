"""A phone's Bluetooth: bleak's scanner and client over its own host on the simulated radio.

async with phone_radio(radio.phones) as phone:
    scanner = BleakScanner(backend=phone.scanner)
    client = BleakClient(device, backend=phone.client)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar, TypeVar, cast

from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import att, core, hci
from bumble.device import (
    Advertisement,
    Connection,
    ConnectionParametersPreferences,
    Device,
    DeviceConfiguration,
)
from bumble.gatt_client import CharacteristicProxy
from bumble.host import Host

from simulator.hardware.radio.bumble_logging import quieten
from simulator.hardware.radio.streams import H4, connect

from .phone_kind import PhoneKind

ANDROID_MTU = 517  # the value of Android 14; older iPhones use 185
INTERVAL = 30.0  # ms: the first value of iOS and Android
SUPERVISION_TIMEOUT = 5000  # ms: Android's

T = TypeVar("T")
E = core.AdvertisingData.Type


class PhoneRadio:
    """One phone's radio, with the two classes to give to bleak as `backend`."""

    def __init__(
        self,
        stream: H4,
        mtu: int,
        parameters: ConnectionParametersPreferences,
        kind: PhoneKind | None = None,
    ) -> None:
        self.mtu = mtu
        self.parameters = parameters
        self.kind = kind
        self.device = Device(
            config=DeviceConfiguration(address=_private_address()),
            host=Host(stream, stream),
        )
        self.device.gatt_server.max_mtu = mtu
        self.on = True
        self._stream = stream
        self.scanner: type[SimScanner] = type("Scanner", (SimScanner,), {"phone": self})
        self.client: type[SimClient] = type("Client", (SimClient,), {"phone": self})

    @property
    def address(self) -> str:
        """Return its private address, new for each phone."""
        return self.device.random_address.to_string(with_type_qualifier=False)

    def vanish(self) -> None:
        """Go silent at once: the other end of a link gets no event and times out."""
        self.on = False
        self._stream.close()


@asynccontextmanager
async def phone_radio(
    endpoint: str,
    *,
    mtu: int = ANDROID_MTU,
    interval: float = INTERVAL,
    supervision_timeout: int = SUPERVISION_TIMEOUT,
    kind: PhoneKind | None = None,
) -> AsyncIterator[PhoneRadio]:
    """Open a phone on the radio at `endpoint` (`Radio.phones`). Times in milliseconds.

    A kind of phone has these figures of its own.
    """
    quieten()
    if kind is not None:
        mtu, interval = kind.profile.mtu, kind.profile.interval_ms
        supervision_timeout = kind.profile.supervision_ms
    stream = H4()
    await connect(endpoint, lambda: stream)
    parameters = ConnectionParametersPreferences(
        connection_interval_min=interval,
        connection_interval_max=interval,
        supervision_timeout=supervision_timeout,
    )
    phone = PhoneRadio(stream, mtu, parameters, kind)
    try:
        await phone.device.power_on()
        yield phone
    finally:
        phone.vanish()


class SimScanner(BaseBleakScanner):
    """bleak's scanner on a phone."""

    phone: ClassVar[PhoneRadio]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        **_kwargs: object,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"
        self._scanning = False

    async def start(self) -> None:
        """Start; a phone whose app has started too often hears nothing."""
        self.seen_devices = {}
        kind = self.phone.kind
        if kind is not None and not kind.starts.allowed(asyncio.get_running_loop().time()):
            return
        self._scanning = True
        self.phone.device.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        await self.phone.device.start_scanning(legacy=True, active=self._active)

    async def stop(self) -> None:
        if not self._scanning:
            return
        self._scanning = False
        device = self.phone.device
        device.remove_listener(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        if self.phone.on:
            await device.stop_scanning(legacy=True)

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        data = _advertisement_data(advertisement)
        address = advertisement.address.to_string(with_type_qualifier=False)
        if self.is_allowed_uuid(data.service_uuids):
            name, details = data.local_name, advertisement.address
            device = self.create_or_update_device(address, address, name, details, data)
            self.call_detection_callbacks(device, data)


class SimClient(BaseBleakClient):
    """bleak's client on a phone."""

    phone: ClassVar[PhoneRadio]

    def __init__(self, address_or_ble_device: BLEDevice | str, **kwargs: Any) -> None:
        super().__init__(address_or_ble_device, **kwargs)
        self._name = self.address
        self._peer = hci.Address(self.address, hci.Address.PUBLIC_DEVICE_ADDRESS)
        if isinstance(address_or_ble_device, BLEDevice):
            self._name = address_or_ble_device.name or self.address
            self._peer = address_or_ble_device.details
        self._connection: Connection | None = None
        self._heard: dict[int, Callable[[bytes], None]] = {}
        self._granting: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def mtu_size(self) -> int:
        return self._linked.att_mtu

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    @property
    def _linked(self) -> Connection:
        if self._connection is None:
            raise BleakError("Not connected")
        return self._connection

    # Links

    async def connect(self, pair: bool, **_kwargs: object) -> None:
        """Connect, and read the table. Pairing is not simulated.

        The system raises the MTU first where it does so by itself. Else an app asks for it last,
        as the receiver has asked meanwhile.
        """
        if pair:
            raise NotImplementedError("pairing")
        kind = self.phone.kind
        if kind is not None:
            await kind.set_up(self._timeout)
        connection = await self._reach()
        self._connection = connection
        connection.once(Connection.EVENT_DISCONNECTION, self._on_disconnection)
        if kind is not None:
            asked = kind.profile.asked_interval_ms
            self._granting = asyncio.create_task(kind.grant(connection, asked))
        try:
            if kind is not None and kind.profile.mtu_by_itself:
                await self._asked(connection.gatt_client.request_mtu(self.phone.mtu))
            self.services = await self._discover()
            if self.phone.mtu > att.ATT_DEFAULT_MTU == connection.att_mtu:
                await self._asked(connection.gatt_client.request_mtu(self.phone.mtu))
        except BaseException:
            await self.disconnect()
            raise

    async def _reach(self) -> Connection:
        device = self.phone.device
        if not self.phone.on:
            raise BleakError("The phone is off")
        try:
            connection = await device.connect_le(
                self._peer,
                connection_parameters_preferences={hci.Phy.LE_1M: self.phone.parameters},
                timeout=self._timeout,
            )
        except core.TimeoutError as error:
            raise BleakDeviceNotFoundError(self.address, "No answer") from error
        except (core.BaseBumbleError, hci.HCI_Error) as error:
            raise BleakError(str(error)) from error
        except asyncio.CancelledError:
            with suppress(hci.HCI_Error):  # too late: it is connected, or was never asked
                await device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
            raise
        if _is_cancelled():  # before 3.12 `wait_for` loses one that comes with the answer
            with suppress(core.BaseBumbleError, hci.HCI_Error):
                await connection.disconnect()
            raise asyncio.CancelledError
        return connection

    async def disconnect(self) -> None:
        if self._connection is not None:
            with suppress(BleakError):  # it may close by itself meanwhile
                await self._asked(self._connection.disconnect())

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        if self._granting is not None:
            self._granting.cancel()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def pair(self, *_args: object, **_kwargs: object) -> None:
        raise NotImplementedError("pairing")

    async def unpair(self) -> None:
        raise NotImplementedError("pairing")

    # The table

    async def _discover(self) -> BleakGATTServiceCollection:
        table = BleakGATTServiceCollection()
        client = self._linked.gatt_client
        for proxy in await self._asked(client.discover_services()):
            service = BleakGATTService(proxy, proxy.handle, _text(proxy.uuid))
            table.add_service(service)
            for characteristic in await self._asked(client.discover_characteristics((), proxy)):
                await self._add_characteristic(table, service, characteristic)
        return table

    async def _add_characteristic(
        self,
        table: BleakGATTServiceCollection,
        service: BleakGATTService,
        proxy: CharacteristicProxy[bytes],
    ) -> None:
        characteristic = BleakGATTCharacteristic(
            proxy,
            proxy.handle,
            _text(proxy.uuid),
            list(gatt_char_props_to_strs(int(proxy.properties))),
            lambda: self.mtu_size - 3,
            service,
        )
        table.add_characteristic(characteristic)
        for descriptor in await self._asked(proxy.discover_descriptors()):
            table.add_descriptor(
                BleakGATTDescriptor(
                    descriptor, descriptor.handle, _text(descriptor.type), characteristic
                )
            )

    # Values

    async def read_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        *,
        use_cached: bool = False,
        **_kwargs: object,
    ) -> bytearray:
        return await self._read(characteristic.handle)

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_kwargs: object
    ) -> bytearray:
        return await self._read(descriptor.handle)

    async def _read(self, handle: int) -> bytearray:
        return bytearray(await self._asked(self._linked.gatt_client.read_value(handle)))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        if not response and len(data) > characteristic.max_write_without_response_size:
            raise BleakError("Longer than one packet")
        await self._write(characteristic.handle, bytes(data), response)

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        await self._write(descriptor.handle, bytes(data), response=True)

    async def _write(self, handle: int, data: bytes, response: bool) -> None:
        await self._asked(self._linked.gatt_client.write_value(handle, data, response))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_kwargs: object
    ) -> None:
        proxy = cast(CharacteristicProxy[bytes], characteristic.obj)

        def heard(value: bytes) -> None:
            callback(bytearray(value))

        # A second try gives Bumble the same function, which it then calls once.
        known = self._heard.setdefault(characteristic.handle, heard)
        await self._asked(proxy.subscribe(known))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        proxy = cast(CharacteristicProxy[bytes], characteristic.obj)
        self._heard.pop(characteristic.handle, None)
        await self._asked(proxy.unsubscribe())

    async def _asked(self, question: Awaitable[T]) -> T:
        """Wait for an answer; Bumble cancels its waiters when the link ends."""
        try:
            return await question
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error
        except core.BaseBumbleError as error:
            raise BleakError(str(error)) from error
        except asyncio.CancelledError as error:
            if self.is_connected or _is_cancelled():
                raise
            raise BleakError("Disconnected") from error


def _is_cancelled() -> bool:
    """Return whether the current task was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _private_address() -> hci.Address:
    """Make an address as real phones do every quarter of an hour; it cannot be resolved."""
    return hci.Address.generate_private_address(os.urandom(16))


def _advertisement_data(advertisement: Advertisement) -> AdvertisementData:
    data = advertisement.data
    name = data.get(E.COMPLETE_LOCAL_NAME, raw=True) or data.get(E.SHORTENED_LOCAL_NAME, raw=True)
    return AdvertisementData(
        local_name=None if name is None else name.decode("utf-8", "replace"),
        manufacturer_data={
            int.from_bytes(value[:2], "little"): value[2:]
            for value in data.get_all(E.MANUFACTURER_SPECIFIC_DATA, raw=True)
        },
        service_data={
            _text(core.UUID.from_bytes(value[:size])): value[size:]
            for kind, size in ((E.SERVICE_DATA_16_BIT_UUID, 2), (E.SERVICE_DATA_128_BIT_UUID, 16))
            for value in data.get_all(kind, raw=True)
        },
        service_uuids=[
            _text(core.UUID.from_bytes(value[at : at + size]))
            for kind, size in (
                (E.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, 2),
                (E.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, 16),
            )
            for value in data.get_all(kind, raw=True)
            for at in range(0, len(value) - size + 1, size)
        ],
        tx_power=None,
        rssi=advertisement.rssi,
        platform_data=(advertisement.address,),
    )


def _text(uuid: core.UUID) -> str:
    return normalize_uuid_str(uuid.to_hex_str("-"))
