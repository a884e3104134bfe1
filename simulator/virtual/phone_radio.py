"""A phone's Bluetooth on the modelled air, by its profile: bleak's scanner and client.

radio = VirtualPhone(room, PHONES["ios"], "phone 1")
PhoneApp(wallet, radio, …)
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, TypeVar

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_16
from bumble.core import AdvertisingData

from receiver.protocol import gatt
from simulator.hardware.radio.model.listening import Listening, ScanStarts
from simulator.hardware.radio.model.standard import CHANNELS, ESTABLISHING_EVENTS, UPDATE_EVENTS

from . import att
from .ble import ATT_MTU
from .link_layer import CENTRAL, TIMEOUT, RadioLink, Timing

if TYPE_CHECKING:
    from collections.abc import Callable

    from bleak.args import SizedBuffer

    from simulator.hardware.radio.model.phones import PhoneProfile

    from .att import Packet
    from .ble import VirtualBle
    from .room import Advertiser, Room

CCCD = normalize_uuid_16(0x2902)
_UUID_SIZE = 16

T = TypeVar("T")


class VirtualPhone:
    """One phone: where it is, what it listens to, and bleak's two classes for it."""

    def __init__(
        self, room: Room, profile: PhoneProfile, name: str, *, asks_for_fast: bool = True
    ) -> None:
        self.room = room
        self.asks_for_fast = asks_for_fast  # requestConnectionPriority, as soon as it is connected
        self.profile = profile
        self.receivers: dict[str, VirtualBle] = {}  # by address, what can be connected to
        self.signals: dict[str, float] = {}  # mean dBm by address; nothing else is in reach
        self.links: list[RadioLink] = []
        self.observe: Callable[[str], None] = lambda name: None  # what its software has done
        self.known_tables: set[str] = set()  # addresses whose table the phone has cached
        self.starts = ScanStarts(profile)
        self.initiations: set[_Initiation] = set()
        self.random = room.random(name)
        self._away_until = 0.0
        self.scanner: type[VirtualScanner] = type("Scanner", (VirtualScanner,), {"phone": self})
        self.client: type[VirtualClient] = type("Client", (VirtualClient,), {"phone": self})

    def carry_away(self, seconds: float) -> None:
        """Move the phone out of everything's reach for so long."""
        self._away_until = asyncio.get_running_loop().time() + seconds
        for link in self.links:
            link.silence(self._away_until)

    def vanish(self) -> None:
        """Never come back."""
        self.carry_away(math.inf)

    @property
    def away_until(self) -> float:
        return self._away_until

    def signal(self, address: str) -> float | None:
        """Return the mean signal of a receiver here, dBm; None out of reach."""
        if asyncio.get_running_loop().time() < self._away_until:
            return None
        return self.signals.get(address)

    def late(self, callback: Callable[..., object], *arguments: object) -> None:
        """Call after what the phone's own software takes from controller to app."""
        profile = self.profile
        delay = profile.host_ms + self.random.expovariate(1 / profile.host_jitter_ms)
        asyncio.get_running_loop().call_later(delay / 1000, callback, *arguments)


class VirtualScanner(BaseBleakScanner):
    """bleak's scanner on a phone (`room.AdvertListener`)."""

    phone: ClassVar[VirtualPhone]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        **_kwargs: object,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._listening: Listening | None = None

    async def start(self) -> None:
        """Start; a phone that starts too often within its limit hears nothing."""
        phone, now = self.phone, asyncio.get_running_loop().time()
        self.seen_devices = {}
        if phone.starts.allowed(now):
            first = phone.random.randrange(CHANNELS)
            self._listening = Listening.scan(phone.profile, now, first)
            phone.room.listen(self)

    async def stop(self) -> None:
        self._listening = None
        self.phone.room.ignore(self)

    def channel(self, at: float) -> int | None:
        """There is one radio, and a connection that is being made goes first."""
        if self._listening is None or any(
            one.channel(at) is not None for one in self.phone.initiations
        ):
            return None
        return self._listening.channel(at)

    def rssi(self, advertiser: Advertiser) -> float | None:
        return self.phone.signal(advertiser.address)

    def hear(self, advertiser: Advertiser, rssi: float, answered: bool) -> None:
        sent = advertiser.now
        if sent is not None:
            response = sent.response if answered else b""
            self.phone.late(self._report, advertiser, sent.data + response, rssi)

    def wants(self, _advertiser: Advertiser) -> bool:
        return False

    def win(self, advertiser: Advertiser, at: float) -> None:
        raise NotImplementedError("a scanner connects to nothing")

    def lose(self, advertiser: Advertiser) -> None:
        raise NotImplementedError("a scanner connects to nothing")

    def _report(self, advertiser: Advertiser, payload: bytes, rssi: float) -> None:
        if self._listening is None:
            return
        name, state = _parsed(payload)
        heard = AdvertisementData(
            local_name=name,
            manufacturer_data={},
            service_data={gatt.SERVICE: state} if state else {},
            service_uuids=[gatt.SERVICE],
            tx_power=None,
            rssi=round(rssi),
            platform_data=(advertiser,),
        )
        address = advertiser.address
        if self.is_allowed_uuid(heard.service_uuids):
            device = self.create_or_update_device(address, address, None, advertiser, heard)
            self.call_detection_callbacks(device, heard)


@lru_cache
def _parsed(payload: bytes) -> tuple[str | None, bytes]:
    """Return the name and the service data behind its UUID, if a till's payload has them."""
    data = AdvertisingData.from_bytes(payload)
    name = data.get(AdvertisingData.Type.SHORTENED_LOCAL_NAME, raw=True)
    state = data.get(AdvertisingData.Type.SERVICE_DATA_128_BIT_UUID, raw=True) or b""
    return name.decode() if name else None, state[_UUID_SIZE:]


class _Initiation:
    """A phone that waits for one advertiser to connect to (`room.AdvertListener`)."""

    def __init__(self, client: VirtualClient) -> None:
        self.done: asyncio.Future[RadioLink | None] = asyncio.get_running_loop().create_future()
        self._client = client
        self._phone = phone = client.phone
        now, first = asyncio.get_running_loop().time(), phone.random.randrange(CHANNELS)
        self._listening = Listening.initiate(phone.profile, now, first)

    def channel(self, at: float) -> int | None:
        return self._listening.channel(at)

    def rssi(self, advertiser: Advertiser) -> float | None:
        wanted = advertiser.address == self._client.address
        return self._phone.signal(advertiser.address) if wanted else None

    def hear(self, advertiser: Advertiser, rssi: float, answered: bool) -> None:
        raise NotImplementedError("an initiator reports nothing")

    def wants(self, _advertiser: Advertiser) -> bool:
        return not self.done.done()

    def win(self, advertiser: Advertiser, at: float) -> None:
        phone, receiver = self._phone, self._phone.receivers[advertiser.address]
        link = RadioLink(
            phone.room,
            _timing(phone.profile),
            (self._client, receiver),
            lambda: phone.signals.get(advertiser.address, -math.inf),
            phone.away_until,
        )
        phone.links.append(link)
        receiver.joined(link)
        self._finish(link)

    def lose(self, _advertiser: Advertiser) -> None:
        """Notice by silence, some events later, that the receiver has never answered."""
        delay = ESTABLISHING_EVENTS * self._phone.profile.interval_ms / 1000
        self._phone.room.ignore(self)
        asyncio.get_running_loop().call_later(delay, self._finish, None)

    def _finish(self, link: RadioLink | None) -> None:
        self._phone.room.ignore(self)
        if not self.done.done():
            self.done.set_result(link)


def _timing(profile: PhoneProfile) -> Timing:
    return Timing(profile.interval_ms / 1000, profile.supervision_ms / 1000)


class VirtualClient(BaseBleakClient):
    """bleak's client on a phone (`link_layer.End`)."""

    phone: ClassVar[VirtualPhone]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_kwargs: object,
    ) -> None:
        super().__init__(
            address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        self._link: RadioLink | None = None
        self._mtu = ATT_MTU
        self._ready = 0.0  # when the system has ended the link layer's first procedures
        self._answer: asyncio.Future[Packet] | None = None
        self._asking = asyncio.Lock()
        self._undiscovered = 0  # requests that the system leaves until the app subscribes
        self._heard: dict[int, NotifyCallback] = {}
        self._asked: asyncio.TimerHandle | None = None  # the interval that was asked for

    @property
    def name(self) -> str:
        return self.address

    @property
    def mtu_size(self) -> int:
        return self._mtu

    @property
    def is_connected(self) -> bool:
        return self._link is not None

    async def connect(self, pair: bool, **_kwargs: object) -> None:
        """Connect, read the table and raise the MTU, as the phone's own software does.

        An app asks for the MTU only if the receiver has not.
        """
        if pair:
            raise NotImplementedError("pairing")
        phone, profile = self.phone, self.phone.profile
        await self._fail_by_chance()
        self._link = await self._reach()
        phone.observe("linked")
        began = asyncio.get_running_loop().time()
        self._ready = began + profile.procedures * profile.interval_ms / 1000
        if phone.asks_for_fast:
            self._ask_interval(profile.asked_interval_ms)
        await self._later()
        try:
            if profile.mtu_by_itself:
                await self._raise_mtu()
            await self._discover()
            phone.observe("discovered")
            if self._mtu == ATT_MTU:
                await self._raise_mtu()
        except BaseException:
            await self.disconnect()
            raise

    async def _fail_by_chance(self) -> None:
        """Fail or hang as often as the profile says; raises BleakError."""
        profile, chance = self.phone.profile, self.phone.random.random()
        if chance < profile.setup_hang:
            await asyncio.sleep(self._timeout)
            raise BleakDeviceNotFoundError(self.address, "No answer")
        if chance < profile.setup_hang + profile.setup_failure:
            await asyncio.sleep(profile.setup_failure_ms / 1000)
            raise BleakError("error 133")

    async def _reach(self) -> RadioLink:
        trying = _Initiation(self)
        self.phone.initiations.add(trying)
        self.phone.room.listen(trying)
        try:
            async with asyncio.timeout(self._timeout):
                link = await trying.done
        except TimeoutError:
            raise BleakDeviceNotFoundError(self.address, "No answer") from None
        finally:
            self.phone.initiations.discard(trying)
            self.phone.room.ignore(trying)
        if link is None:
            raise BleakError("failed to be established")
        return link

    def _ask_interval(self, interval_ms: float) -> None:
        """Ask for another connection interval: it holds some events later."""
        link = self._link
        if self._asked is not None:
            self._asked.cancel()
        if link is not None and interval_ms / 1000 != link.interval_s:
            loop = asyncio.get_running_loop()
            begins = max(loop.time(), self._ready)
            holds = begins + link.interval_s * (UPDATE_EVENTS + 1)
            self._asked = loop.call_at(holds, link.retime, interval_ms / 1000)

    async def _later(self) -> None:
        """Wait for what the phone's own software takes."""
        done = asyncio.get_running_loop().create_future()
        self.phone.late(_set, done, None)
        await done

    async def _raise_mtu(self) -> None:
        answer = await self._ask(att.MtuRequest(self.phone.profile.mtu), att.MtuResponse)
        self._mtu = min(self.phone.profile.mtu, answer.mtu)
        self.phone.observe("mtu")

    async def _discover(self) -> None:
        """Read the table, by the phone's system: the app hears of its end alone."""
        phone, profile = self.phone, self.phone.profile
        if self.address not in phone.known_tables:
            self._ask_interval(profile.discovery_interval_ms)
            self._undiscovered = profile.discovery_later
            for _ in range(profile.discovery_requests - profile.discovery_later):
                await self._ask(att.Discovery(), att.Discovery)
            slow, fast = profile.interval_ms, profile.asked_interval_ms
            self._ask_interval(fast if phone.asks_for_fast else slow)
            if profile.caches_table:
                phone.known_tables.add(self.address)
            await self._later()
        self.services = self._table(phone.receivers[self.address])

    def _table(self, receiver: VirtualBle) -> BleakGATTServiceCollection:
        table = BleakGATTServiceCollection()
        first = receiver.table[0].value - 2
        service = BleakGATTService(None, first, receiver.service)
        table.add_service(service)
        for one in receiver.table:
            characteristic = BleakGATTCharacteristic(
                one,
                one.value,
                one.uuid,
                list(gatt_char_props_to_strs(one.flags)),
                lambda: self._mtu - 3,
                service,
            )
            table.add_characteristic(characteristic)
            if one.configuration:
                table.add_descriptor(
                    BleakGATTDescriptor(None, one.configuration, CCCD, characteristic)
                )
        return table

    async def disconnect(self) -> None:
        link = self._link
        if link is None:
            return
        gone = asyncio.get_running_loop().create_future()
        self._gone_waiter = gone
        link.send(CENTRAL, att.Terminate())
        await gone

    async def pair(self, *_args: object, **_kwargs: object) -> None:
        raise NotImplementedError("pairing")

    async def unpair(self) -> None:
        raise NotImplementedError("pairing")

    # The other end (`link_layer.End`).

    def received(self, link: RadioLink, packet: Packet) -> None:
        if isinstance(packet, att.Notification):
            self.phone.late(self._notified, packet)
        elif isinstance(packet, att.MtuRequest):  # the system answers, the app sees nothing of it
            self._mtu = min(self.phone.profile.mtu, packet.mtu)
            link.send(CENTRAL, att.MtuResponse(self.phone.profile.mtu))
        elif self._answer is not None and isinstance(packet, att.Discovery):
            _set(self._answer, packet)
        elif self._answer is not None:
            self.phone.late(_set, self._answer, packet)

    def ended(self, link: RadioLink, reason: int) -> None:
        if reason == TIMEOUT:
            self.phone.observe("link_lost")
        if link in self.phone.links:
            self.phone.links.remove(link)
        self.phone.late(self._ended, link)

    def _notified(self, packet: att.Notification) -> None:
        callback = self._heard.get(packet.handle)
        if callback is not None and self._link is not None:
            self.phone.observe("notified")
            callback(bytearray(packet.value))

    _gone_waiter: asyncio.Future[None] | None = None

    def _ended(self, link: RadioLink) -> None:
        if self._link is not link:
            return
        self._link = None
        if self._asked is not None:
            self._asked.cancel()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(BleakError("Disconnected"))
        if self._gone_waiter is not None:
            _set(self._gone_waiter, None)
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    # Values.

    async def _ask(self, request: Packet, answered: type[T]) -> T:
        """Send one request and wait for its response: one at a time (Vol 3 Part F 3.3.2)."""
        async with self._asking:
            if self._link is None:
                raise BleakError("Not connected")
            self._answer = asyncio.get_running_loop().create_future()
            self._link.send(CENTRAL, request)
            try:
                answer = await self._answer
            finally:
                self._answer = None
        if not isinstance(answer, answered):
            raise BleakError(f"{answer!r} to {request!r}")
        return answer

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
        value = bytearray()
        while True:
            answer = await self._ask(att.ReadRequest(handle, len(value)), att.ReadResponse)
            value += answer.value
            if len(answer.value) < self._mtu - 1:
                self.phone.observe("read")
                return value

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        if response:
            await self._write(characteristic.handle, bytes(data))
        elif self._link is None:
            raise BleakError("Not connected")
        elif len(data) > characteristic.max_write_without_response_size:
            raise BleakError("Longer than one packet")
        else:
            self._link.send(CENTRAL, att.WriteCommand(characteristic.handle, bytes(data)))

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        await self._write(descriptor.handle, bytes(data))

    async def _write(self, handle: int, data: bytes) -> None:
        answer = await self._ask(att.WriteRequest(handle, data), att.WriteResponse)
        if answer.error:
            raise BleakGATTProtocolError(answer.error)

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_kwargs: object
    ) -> None:
        self._heard[characteristic.handle] = callback
        while self._undiscovered:
            self._undiscovered -= 1
            await self._ask(att.Discovery(), att.Discovery)
        configuration = characteristic.descriptors[0].handle
        await self._write(configuration, b"\x01\x00")
        self.phone.observe("subscribed")

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        self._heard.pop(characteristic.handle, None)
        with suppress(BleakError):
            await self._write(characteristic.descriptors[0].handle, b"\x00\x00")


def _set(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)
