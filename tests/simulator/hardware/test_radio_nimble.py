"""What a real NimBLE host does beyond the standard: few buffers, its errors, its silences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bleak import BleakClient
from bleak.exc import BleakGATTProtocolError
from bumble import att
from bumble.device import Connection

from simulator.hardware.radio.buffers import ARRIVED, BLOCKS, IN_CONTROLLER, NOTIFICATION
from simulator.hardware.radio.server import Radio
from simulator.hardware.radio.sniffer import FEATURES, Controlled
from simulator.phone.transport.bleak_backend import PhoneRadio, phone_radio
from tests.support.world.board import (
    ECHO,
    LONG,
    PATIENCE,
    SHORT,
    Board,
    connected,
    drained,
    heard_by,
)

pytestmark = pytest.mark.processes

FULL = att.ErrorCode.INSUFFICIENT_RESOURCES
EIO, EINVAL, ENOMEM, EALREADY = 5, 22, 12, 120


def link(phone: PhoneRadio) -> Connection:
    """The phone's end of its one link."""
    (connection,) = phone.device.connections.values()
    return connection


async def ask(phone: PhoneRadio, request: att.ATT_PDU) -> att.ATT_PDU:
    """What the receiver answers to a request."""
    answer: att.ATT_PDU = await asyncio.wait_for(
        link(phone).gatt_client.send_request(request), PATIENCE
    )
    return answer


async def prepare(phone: PhoneRadio, handle: int) -> int:
    """The error of a prepared write, or 0."""
    answer = await ask(phone, att.ATT_Prepare_Write_Request(handle, 0, b"x"))
    return answer.error_code if isinstance(answer, att.ATT_Error_Response) else 0


async def hold_all(phone: PhoneRadio, handle: int) -> int:
    """Prepare writes until the receiver refuses one; how many it took."""
    count = 0
    while (error := await prepare(phone, handle)) == 0:
        count += 1
    assert error == FULL
    return count


async def echo_of(board: Board) -> int:
    handle = await board.run("echo")
    assert isinstance(handle, int)
    return handle


@asynccontextmanager
async def beside(radio: Radio, board: Board) -> AsyncIterator[tuple[PhoneRadio, BleakClient]]:
    """One more phone, connected."""
    await board.run("advertise()")
    async with phone_radio(radio.phones) as phone, connected(phone) as client:
        yield phone, client


# The blocks.


async def test_a_thirteenth_prepared_write_is_refused_on_any_link(
    radio: Radio, board: Board, phone: PhoneRadio
) -> None:
    handle = await echo_of(board)
    async with connected(phone), beside(radio, board) as (other, _):
        assert await hold_all(phone, handle) == BLOCKS
        assert await prepare(other, handle) == FULL


async def test_held_blocks_refuse_the_writes_of_other_phones(
    radio: Radio, board: Board, phone: PhoneRadio
) -> None:
    """Reading and the MTU need none: their answers lie where their questions lay."""
    async with connected(phone), beside(radio, board) as (_, client):
        await hold_all(phone, await echo_of(board))
        assert await client.read_gatt_char(LONG) == b""
        for refused in (
            client.write_gatt_char(ECHO, b"x", response=True),
            client.start_notify(ECHO, lambda *_: None),
        ):
            with pytest.raises(BleakGATTProtocolError) as refusal:
                await refused
            assert int(refusal.value.code) == FULL
        assert await board.run("fill()") == (0, ENOMEM)


@pytest.mark.parametrize("flags", [0, 1], ids=["cancel", "execute"])
async def test_blocks_come_back_when_the_writes_are_over(
    board: Board, phone: PhoneRadio, flags: int
) -> None:
    handle = await echo_of(board)
    async with connected(phone) as client:
        assert await prepare(phone, handle) == 0
        await ask(phone, att.ATT_Execute_Write_Request(flags))
        assert await hold_all(phone, handle) == BLOCKS
        await ask(phone, att.ATT_Execute_Write_Request(0))
        await client.write_gatt_char(ECHO, b"x", response=True)


async def test_blocks_come_back_with_the_end_of_the_link(
    radio: Radio, board: Board, phone: PhoneRadio
) -> None:
    handle = await echo_of(board)
    async with connected(phone):
        await hold_all(phone, handle)
    await board.event(2)
    async with beside(radio, board) as (other, _):
        assert await hold_all(other, handle) == BLOCKS


async def test_a_burst_of_notifications_raises_enomem(radio: Radio, board: Board) -> None:
    """The controller takes its packets; what waits behind them holds two blocks each."""
    async with phone_radio(radio.phones, supervision_timeout=1000) as phone, connected(phone):
        await board.event(21)
        radio.carry_away(phone.address)
        most = IN_CONTROLLER + BLOCKS // NOTIFICATION
        assert await board.run("fill()") == (most, ENOMEM)
        assert most == 18
        await board.event(2)


async def test_blocks_come_back_when_the_controller_has_sent(
    board: Board, phone: PhoneRadio
) -> None:
    async with connected(phone) as client:
        heard = await heard_by(client)
        for _ in range(5):
            await board.run("[ble.gatts_notify(0, echo, b'x') for _ in range(6)]")
            for _ in range(6):
                await asyncio.wait_for(heard.get(), PATIENCE)


async def test_of_sixty_writes_at_once_as_many_are_taken_as_packets_have_room(
    board: Board, phone: PhoneRadio
) -> None:
    """The firmware is busy meanwhile; the rest is dropped without a word."""
    async with connected(phone):
        await board.event(21)
        peer, handle = link(phone), await echo_of(board)
        busy = asyncio.create_task(board.run("__import__('time').sleep_ms(300)"))
        await asyncio.sleep(0.05)
        for number in range(60):
            peer.send_l2cap_pdu(att.ATT_CID, bytes(att.ATT_Write_Command(handle, bytes([number]))))
        await busy
        answer = await ask(phone, att.ATT_Read_Request(await _long(board)))
        assert isinstance(answer, att.ATT_Read_Response)
        written = [event for event in await drained(board) if event.startswith("3 ")]
        assert len(written) == ARRIVED


async def _long(board: Board) -> int:
    handle = await board.run("long")
    assert isinstance(handle, int)
    return handle


# Ends.


async def test_a_second_disconnection_says_that_the_first_is_on_its_way(
    radio: Radio, board: Board
) -> None:
    """The link is there until its event comes; of a phone out of reach that takes a while."""
    async with phone_radio(radio.phones, supervision_timeout=1000) as phone, connected(phone):
        await board.event(21)
        radio.carry_away(phone.address)
        assert await board.run("ble.gap_disconnect(0)") is True
        assert await board.run("ble.gap_disconnect(0)") == f"! OSError({EALREADY},)"
        await board.event(2)
    assert await board.run("ble.gap_disconnect(0)") == "! OSError(-128,)"


async def test_the_features_of_each_phone_are_asked_for(
    radio: Radio, board: Board, phone: PhoneRadio
) -> None:
    with radio.air.sniffed() as sniffer:
        async with connected(phone):
            await asyncio.wait_for(
                sniffer.until(
                    lambda records: any(
                        isinstance(one, Controlled) and one.name == FEATURES for one in records
                    )
                ),
                PATIENCE,
            )


# The attribute protocol.


async def test_a_packet_longer_than_the_mtu_is_dropped(radio: Radio, board: Board) -> None:
    """No answer, and the link stays."""
    async with phone_radio(radio.phones, mtu=185) as phone, connected(phone) as client:
        too_long = att.ATT_Write_Request(await echo_of(board), bytes(183))
        link(phone).send_l2cap_pdu(att.ATT_CID, bytes(too_long))
        await client.write_gatt_char(ECHO, bytes(182), response=True)
        written = [event for event in await drained(board) if event.startswith("3 ")]
        assert len(written) == 1


@pytest.mark.parametrize("value", [2, 3, 0x0100, 0x8001])
async def test_a_subscription_to_what_there_is_not_is_refused(
    board: Board, phone: PhoneRadio, value: int
) -> None:
    cccd = await echo_of(board) + 1
    async with connected(phone):
        for data in (b"\1\0", b"\0\0"):
            answer = await ask(phone, att.ATT_Write_Request(cccd, data))
            assert isinstance(answer, att.ATT_Write_Response)
        answer = await ask(phone, att.ATT_Write_Request(cccd, value.to_bytes(2, "little")))
        assert isinstance(answer, att.ATT_Error_Response)
        assert answer.error_code == att.ErrorCode.REQUEST_NOT_SUPPORTED


async def test_several_values_in_one_packet(board: Board, phone: PhoneRadio) -> None:
    """One after the other until the packet is full; the first that cannot be read ends it."""
    await board.run("ble.gatts_write(long, b'long' * 50) and ble.gatts_write(short, b'short')")
    long, echo = await _long(board), await echo_of(board)
    short = echo + 3
    assert await board.run("short") == short
    async with connected(phone):
        answer = await ask(phone, att.ATT_Read_Multiple_Request([short, long, short]))
        assert isinstance(answer, att.ATT_Read_Multiple_Response)
        assert answer.set_of_values == b"short" + b"long" * 50 + b"short"
        answer = await ask(phone, att.ATT_Read_Multiple_Request([short, echo]))
        assert isinstance(answer, att.ATT_Error_Response)
        assert (answer.attribute_handle_in_error, answer.error_code) == (
            echo,
            att.ErrorCode.READ_NOT_PERMITTED,
        )
        answer = await ask(phone, att.ATT_Read_Multiple_Request([long, long, long, long]))
        assert isinstance(answer, att.ATT_Read_Multiple_Response)
        assert len(answer.set_of_values) == link(phone).att_mtu - 1


# The module's errors.


async def test_a_value_that_is_not_there_is_empty(idle: Board) -> None:
    assert await idle.run("ble.gatts_read(9999)") == b""
    assert await idle.run("ble.active(False) or ble.gatts_read(echo)") == b""


@pytest.mark.parametrize(
    ("interval", "error"),
    [
        (10_000, f"! OSError({EIO},)"),  # below what Bluetooth allows
        (-1_000_000, f"! OSError({EIO},)"),
        (20_000_000, f"! OSError({EIO},)"),
        (1 << 40, "! OverflowError"),
    ],
)
async def test_an_interval_that_no_controller_takes(idle: Board, interval: int, error: str) -> None:
    assert str(await idle.run(f"ble.gap_advertise({interval})")).startswith(error)
    assert await idle.run("advertise()") is None


@pytest.mark.parametrize("interval", [0, -1, 624])
async def test_an_interval_of_nothing_is_the_hosts_own(idle: Board, interval: int) -> None:
    assert await idle.run(f"ble.gap_advertise({interval})") is None


async def test_a_service_without_characteristics(idle: Board, phone: PhoneRadio) -> None:
    assert await idle.run("ble.gatts_register_services(((SERVICE, ()),))") == ((),)
    await idle.run("advertise()")
    async with connected(phone) as client:
        assert len(list(client.services)) == 3


async def test_a_verdict_outside_a_byte_is_refused_and_said(
    board: Board, phone: PhoneRadio
) -> None:
    async with connected(phone) as client:
        await board.run("verdict = 300")
        with pytest.raises(BleakGATTProtocolError) as refusal:
            await client.read_gatt_char(SHORT)
    assert int(refusal.value.code) == att.ErrorCode.UNLIKELY_ERROR
    assert await board.run("None") is None
    assert "pump: ValueError('a verdict is one byte',)" in board.noise
