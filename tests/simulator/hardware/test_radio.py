"""The simulated radio, from a phone's bleak to a peripheral in a true MicroPython."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import hci
from bumble.device import Device
from bumble.gatt import Characteristic, Service
from bumble.host import Host
from bumble.transport.serial import open_serial_transport

from simulator.hardware.radio.buffers import ARRIVED
from simulator.hardware.radio.server import Radio, Receiver
from simulator.phone.transport.bleak_backend import PhoneRadio, phone_radio
from tests.support.world.board import (
    ECHO,
    LONG,
    PATIENCE,
    RECEIVER,
    SERVICE,
    SHORT,
    Board,
    connected,
    drained,
    find,
    heard_by,
    linked,
    started,
    until,
)

pytestmark = pytest.mark.processes


async def test_a_phone_sees_advertisement_and_scan_response(
    board: Board, phone: PhoneRadio
) -> None:
    _, data = await find(phone, lambda _, data: bool(data.service_data))
    assert (data.local_name, data.service_uuids) == ("Till 7", [SERVICE])
    assert data.service_data == {SERVICE: b"\1\2\3\4"}
    assert data.rssi == -50


async def test_a_passive_scan_gets_no_scan_response(board: Board, phone: PhoneRadio) -> None:
    scanner = BleakScanner(scanning_mode="passive", backend=phone.scanner)
    async with scanner, asyncio.timeout(PATIENCE):
        async for _, data in scanner.advertisement_data():
            assert (data.service_uuids, data.service_data) == ([SERVICE], {})
            break


async def test_payloads_are_kept_cleared_and_limited(board: Board, phone: PhoneRadio) -> None:
    await board.run("ble.gap_advertise(20000, b'\\x02\\x01\\x06')")
    scanner = BleakScanner(backend=phone.scanner)
    async with scanner, asyncio.timeout(PATIENCE):
        async for _, data in scanner.advertisement_data():
            if data.service_data:  # the scan response was kept, the payload was not
                assert data.service_uuids == []
                break
    await board.run("ble.gap_advertise(20000, resp_data=b'')")
    async with scanner, asyncio.timeout(PATIENCE):
        async for _, data in scanner.advertisement_data():
            assert data.service_data == {}
            break
    assert await board.run("ble.gap_advertise(20000, bytes(32))") == "! OSError(22,)"


async def test_the_mtu_is_the_central_s_to_raise(radio: Radio, board: Board) -> None:
    for mtu in (23, 185, 517):
        async with phone_radio(radio.phones, mtu=mtu) as phone, connected(phone) as client:
            assert client.mtu_size == mtu
            connection = (await board.event(1))[0]
            if mtu > 23:
                assert await board.event(21) == [connection, str(mtu)]
        await board.event(2)
        await board.run("advertise()")


async def test_connect_event_names_the_phone(board: Board, phone: PhoneRadio) -> None:
    async with connected(phone):
        assert await board.event(1) == ["0", "1", phone.address.replace(":", "").lower()]


async def test_a_value_longer_than_a_packet_is_read_whole(radio: Radio, idle: Board) -> None:
    value = bytes(range(256)) * 2
    await idle.run(f"ble.gatts_write(long, {value!r})")
    await idle.run("advertise()")
    async with phone_radio(radio.phones, mtu=185) as phone, connected(phone) as client:
        assert await client.read_gatt_char(LONG) == value
        assert len([e for e in await drained(idle) if e.startswith("4 ")]) == 3


async def test_the_handler_may_forbid_a_read(board: Board, phone: PhoneRadio) -> None:
    await board.run("verdict = 8")
    async with connected(phone) as client:
        with pytest.raises(BleakGATTProtocolError) as refusal:
            await client.read_gatt_char(LONG)
    assert refusal.value.code == 8


async def test_writes_come_back_as_notifications(client: BleakClient) -> None:
    heard = await heard_by(client)
    for size, response in ((1, True), (182, True), (182, False), (512, True)):
        value = os.urandom(size)
        await client.write_gatt_char(ECHO, value, response=response)
        assert await asyncio.wait_for(heard.get(), PATIENCE) == value
    await client.stop_notify(ECHO)
    await client.write_gatt_char(ECHO, b"x", response=True)
    assert heard.empty()


async def test_every_write_is_its_own_event(board: Board, phone: PhoneRadio) -> None:
    async with connected(phone) as client:
        heard = await heard_by(client)
        for number in range(ARRIVED):  # faster than the handler: none may overwrite another
            await client.write_gatt_char(ECHO, bytes([number]), response=False)
        got = [await asyncio.wait_for(heard.get(), PATIENCE) for _ in range(ARRIVED)]
    assert got == [bytes([number]) for number in range(ARRIVED)]


async def test_a_last_write_counts_after_its_phone_has_gone(
    board: Board, phone: PhoneRadio
) -> None:
    async with connected(phone) as client:
        for number in range(10):  # no more than the phone's controller holds
            await client.write_gatt_char(SHORT, bytes([number]), response=False)
    order = [event.split()[0] async for event in until(board, "2")]
    assert order == ["29", "30", "29", "1", "21", *["3"] * 10, "2"]


async def test_a_notification_is_cut_to_the_mtu(radio: Radio, board: Board) -> None:
    async with phone_radio(radio.phones, mtu=185) as phone, connected(phone) as client:
        heard = await heard_by(client)
        await board.run("ble.gatts_notify(0, echo, bytes(300))")
        assert len(await asyncio.wait_for(heard.get(), PATIENCE)) == 182


async def test_a_value_longer_than_its_buffer_is_cut_and_acknowledged(
    board: Board, client: BleakClient
) -> None:
    await client.write_gatt_char(SHORT, bytes(range(30)), response=True)
    assert await board.run("ble.gatts_read(short)") == bytes(range(20))
    await client.write_gatt_char(SHORT, bytes(600 % 512 + 400), response=True)  # prepared
    assert await board.run("ble.gatts_read(short)") == bytes(20)


async def test_what_may_not_be_written_or_read_is_refused(client: BleakClient) -> None:
    with pytest.raises(BleakGATTProtocolError) as refusal:
        await client.write_gatt_char(LONG, b"x", response=True)
    assert refusal.value.code == 3
    with pytest.raises(BleakGATTProtocolError) as refusal:
        await client.read_gatt_char(ECHO)
    assert refusal.value.code == 2


async def test_advertising_stops_at_each_of_four_links(
    radio: Radio, receiver: Receiver, idle: Board
) -> None:
    async with AsyncExitStack() as stack:
        for number in range(4):
            await idle.run("advertise()")
            phone = await stack.enter_async_context(phone_radio(radio.phones))
            client = await stack.enter_async_context(connected(phone))
            assert (await idle.event(1))[0] == str(number)
            assert client.is_connected
            assert not receiver.controller.is_advertising
        assert await idle.run("advertise()") == "! OSError(12,)"
        assert not receiver.controller.is_advertising


async def test_a_phone_gives_up_on_an_absent_receiver(
    receiver: Receiver, idle: Board, phone: PhoneRadio
) -> None:
    client = BleakClient(receiver.address, backend=phone.client, timeout=0.1)
    with pytest.raises(BleakDeviceNotFoundError):
        await client.connect()
    await idle.run("advertise()")
    async with connected(phone):
        assert (await idle.event(1))[0] == "0"


async def test_of_two_racing_phones_one_wins_and_the_other_comes_next(
    radio: Radio, idle: Board
) -> None:
    radio.air.channel = lambda _: 0
    await idle.run("advertise()")
    async with (
        phone_radio(radio.phones, interval=7.5) as one,
        phone_radio(radio.phones, interval=7.5) as two,
    ):
        device, _ = await find(one)

        async def pay(phone: PhoneRadio) -> str:
            async with BleakClient(device, backend=phone.client, timeout=PATIENCE) as client:
                await client.write_gatt_char(ECHO, b"paid", response=True)
            return phone.address

        results = await asyncio.gather(pay(one), pay(two), return_exceptions=True)
        won = [result for result in results if isinstance(result, str)]
        lost = [result for result in results if isinstance(result, BleakError)]
        assert len(won) == len(lost) == 1
        await idle.event(2)
        await idle.run("advertise()")
        assert await pay(two if won == [one.address] else one) not in won


async def test_a_vanished_phone_is_noticed_after_the_supervision_timeout(
    radio: Radio, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with phone_radio(radio.phones, supervision_timeout=200) as phone, connected(phone):
        await board.event(1)
        waits = noted_waits(monkeypatch)
        phone.vanish()
        assert (await board.event(2))[0] == "0"
        assert waits["on_le_disconnected"] == [0.2, 0.2]
    assert await board.run("ble.gatts_notify(0, echo, b'x')") == "! OSError(-128,)"
    assert await board.run("ble.gap_disconnect(0)") == "! OSError(-128,)"


async def test_the_receiver_may_ask_for_the_mtu_once(radio: Radio, board: Board) -> None:
    async with phone_radio(radio.phones, mtu=200) as phone:
        device, _ = await find(phone)
        await phone.device.connect_le(device.details)
        connection, *_ = await board.event(1)
        assert await board.run(f"ble.gattc_exchange_mtu({connection})") is None
        assert await board.event(21) == [connection, "200"]
        assert await board.run(f"ble.gattc_exchange_mtu({connection})") == "! OSError(120,)"
    await board.event(2)
    assert await board.run("ble.gattc_exchange_mtu(0)") == "! OSError(-128,)"


async def test_out_of_reach_both_ends_notice(radio: Radio, board: Board) -> None:
    async with phone_radio(radio.phones, supervision_timeout=200) as phone:
        _client, gone = await linked(phone)
        radio.carry_away(phone.address)
        await asyncio.wait_for(gone.wait(), PATIENCE)
        await board.event(2)
        radio.bring_back(phone.address)
        await board.run("advertise()")
        async with connected(phone):
            await board.event(1)


async def test_a_phone_comes_back_when_its_lost_link_is_over(radio: Radio, board: Board) -> None:
    async with phone_radio(radio.phones, supervision_timeout=200) as phone:
        device, _ = await find(phone)
        client = BleakClient(device, backend=phone.client, timeout=PATIENCE)
        await client.connect()
        await board.run("advertise()")
        await phone.device.host.send_sync_command(hci.HCI_Reset_Command())
        phone.device.on_flush()
        await client.connect()
        assert [event.split()[0] async for event in until(board, "2")][-3:] == ["1", "21", "2"]
        assert (await board.event(1))[0] == "0"


async def test_a_vanished_receiver_is_noticed_by_the_phone(radio: Radio) -> None:
    receiver = await radio.receiver(RECEIVER)
    async with started(receiver.endpoint) as board, AsyncExitStack() as stack:
        await board.run("start()")
        await board.run("advertise()")
        phone = await stack.enter_async_context(phone_radio(radio.phones, supervision_timeout=200))
        client, gone = await linked(phone)
        await board.kill()
        await asyncio.wait_for(gone.wait(), PATIENCE)
        assert not client.is_connected
        again = await stack.enter_async_context(started(receiver.endpoint))
        await again.run("start()")
        await again.run("advertise()")
        async with connected(phone):
            assert (await again.event(1))[0] == "0"


async def test_the_receiver_may_hang_up(board: Board, phone: PhoneRadio) -> None:
    client, gone = await linked(phone)
    assert await board.run("ble.gap_disconnect(0)") is True
    await asyncio.wait_for(gone.wait(), PATIENCE)
    assert (await board.event(2))[0] == "0"
    with pytest.raises(BleakError):
        await client.write_gatt_char(ECHO, b"x", response=True)


async def test_a_handler_that_raises_is_never_called_again(
    board: Board, client: BleakClient
) -> None:
    await board.event(21)
    await board.run("ble.irq(broken)")
    await client.write_gatt_char(ECHO, b"one", response=True)
    await client.write_gatt_char(ECHO, b"two", response=True)
    assert await board.run("ble.gatts_read(echo)") == b"two"
    assert sum("broken handler" in line for line in board.noise) == 1


async def test_what_the_handler_keeps_is_dead(board: Board, phone: PhoneRadio) -> None:
    async with connected(phone):
        await board.event(21)
        assert await board.run("kept[0]") == []
        assert await board.run("bytes(kept[1])") == b"\xdd" * 6


async def test_activation_offers_secrets_before_it_returns(radio: Radio) -> None:
    receiver = await radio.receiver(RECEIVER)
    async with started(receiver.endpoint) as board:
        await board.run("start()")
        events = [event.split()[0] for event in await drained(board)]
        assert events == ["29", "30", "29"]


async def test_activating_again_drops_links_silently_and_wipes_the_table(
    board: Board, phone: PhoneRadio
) -> None:
    _client, gone = await linked(phone)
    await board.event(21)
    await board.run("ble.active(True)")
    await asyncio.wait_for(gone.wait(), PATIENCE)
    assert await board.run("ble.config('mtu')") == 256
    assert await board.run("ble.gatts_write(echo, b'x')") == "! OSError(22,)"
    assert not any(event.startswith("2 ") for event in await drained(board))


async def test_registration_while_advertising_or_connected_is_refused(
    idle: Board, phone: PhoneRadio
) -> None:
    busy = "! OSError(16,)"
    await idle.run("advertise()")
    assert await idle.run("ble.gatts_register_services(TABLE)") == busy
    async with connected(phone):
        await idle.event(1)
        assert await idle.run("ble.gatts_register_services(TABLE)") == busy
    await idle.event(2)
    before = await idle.run("(long, echo, short)")
    after = await idle.run("ble.gatts_register_services(TABLE)[0]")
    assert before != after


async def test_settings_are_those_of_an_esp32(idle: Board) -> None:
    steps = {
        "ble.config('mac')[0]": 0,
        "len(ble.config('mac')[1])": 6,
        "ble.config('mtu')": 517,
        "ble.config(mtu=1000)": "! OSError(22,)",
        "ble.config(gap_name='Till 7')": None,
        "ble.config('gap_name')": b"Till 7",
        "ble.config(addr_mode=1) or ble.config('mac')[0]": 1,
        "ble.active(False) or ble.config('mtu')": "! OSError(19,)",
    }
    for line in ("ble.config('rxbuf')", "ble.config(nonsense=1)"):
        assert str(await idle.run(line)).startswith("! ValueError")
    assert {line: await idle.run(line) for line in steps} == steps


async def test_a_receiver_out_of_reach_is_not_heard() -> None:
    reach = {"0011": -40, "2233": -90, "4455": None}
    strengths: set[int] = set()

    def both(_device: BLEDevice, data: AdvertisementData) -> bool:
        strengths.add(data.rssi)
        return len(strengths) == 2

    async with AsyncExitStack() as stack:
        radio = await stack.enter_async_context(
            Radio(rssi=lambda advertiser, _listener: reach[advertiser.name])
        )
        for name in reach:
            receiver = await radio.receiver(bytes.fromhex(name))
            board = await stack.enter_async_context(started(receiver.endpoint))
            await board.run("start()")
            await board.run("advertise()")
        phone = await stack.enter_async_context(phone_radio(radio.phones))
        await find(phone, both)
        assert strengths == {-40, -90}


@asynccontextmanager
async def own_stack(path: Path) -> AsyncIterator[Device]:
    """A host with a stack of its own on a UART, advertising one characteristic."""
    transport = await open_serial_transport(str(path))
    device = Device(host=Host(transport.source, transport.sink))
    flags = Characteristic.Properties.READ | Characteristic.Properties.WRITE
    permissions = Characteristic.READABLE | Characteristic.WRITEABLE
    value: Characteristic[bytes] = Characteristic(ECHO, flags, permissions, b"hello")
    device.add_service(Service(SERVICE, [value]))
    await device.power_on()
    device.advertising_data = b"\x11\x07" + UUID(SERVICE).bytes[::-1]
    await device.start_advertising(
        own_address_type=hci.OwnAddressType.PUBLIC,
        advertising_interval_min=20,
        advertising_interval_max=20,
    )
    yield device
    await device.power_off()
    await transport.close()


async def test_a_stack_of_its_own_works_over_a_pty(tmp_path: Path) -> None:
    path = tmp_path / "hci"
    async with Radio() as radio:
        receiver = await radio.receiver_on_pty(RECEIVER, path)
        async with (
            own_stack(path) as device,
            phone_radio(radio.phones, mtu=185) as phone,
            connected(phone) as client,
        ):
            assert client.address == receiver.address
            assert await client.read_gatt_char(ECHO) == b"hello"
            await client.write_gatt_char(ECHO, bytes(500), response=True)
            assert await client.read_gatt_char(ECHO) == bytes(500)
            handle = next(iter(device.connections))
            heard = await device.send_sync_command(hci.HCI_Read_RSSI_Command(handle=handle))
            assert heard.rssi == -50
    assert not path.is_symlink()


async def test_in_real_time_data_waits_for_its_connection_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next one, with each request and each response."""
    async with Radio(real_time=True) as radio:
        receiver = await radio.receiver(RECEIVER)
        async with started(receiver.endpoint) as board:
            await board.run("start()")
            await board.run("advertise()")
            async with phone_radio(radio.phones, interval=30) as phone, connected(phone) as client:
                waits = noted_waits(monkeypatch)["_connection_event"]
                for _ in range(5):
                    await client.write_gatt_char(ECHO, b"x", response=True)
                assert len(waits) >= 10
                assert all(0 < wait <= 0.03 for wait in waits)


def noted_waits(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[float]]:
    """How long each call that is put off has to wait from now on, by its name."""
    waits: dict[str, list[float]] = defaultdict(list)
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def noting(delay: float, call: Callable[..., Any], *arguments: Any) -> asyncio.TimerHandle:
        waits[getattr(call, "__name__", "")].append(delay)
        return call_later(delay, call, *arguments)

    monkeypatch.setattr(loop, "call_later", noting)
    return waits
