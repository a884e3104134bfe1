"""A store's air around virtual controllers: windows, losses, phones carried away, links cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

from simulator.hardware.radio.conditions import Conditions
from simulator.hardware.radio.model.airs import AIRS, AirProfile
from simulator.hardware.radio.model.phones import PHONES, PhoneProfile
from simulator.hardware.radio.server import Radio
from simulator.phone.transport.bleak_backend import PhoneRadio, phone_radio
from simulator.phone.transport.phone_kind import PhoneKind
from tests.support.world.board import (
    ECHO,
    PATIENCE,
    RECEIVER,
    Board,
    connected,
    find,
    heard_by,
    started,
)

pytestmark = pytest.mark.processes

CALM = AIRS["quiet"]._replace(advertisers=0, burst_loss=0.0, floor_loss=0.0)
ROUGH = CALM._replace(floor_loss=0.4)
IOS = PHONES["ios"]._replace(setup_failure=0.0)
SURE = PHONES["android-fast"]._replace(setup_failure=0.0, setup_hang=0.0)


class Room(NamedTuple):
    """A receiver that advertises, and one phone."""

    radio: Radio
    board: Board
    phone: PhoneRadio


@asynccontextmanager
async def room(air: AirProfile, kind: PhoneProfile) -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        radio = await stack.enter_async_context(Radio(conditions=Conditions(air, kind, 1)))
        receiver = await radio.receiver(RECEIVER)
        board = await stack.enter_async_context(started(receiver.endpoint))
        await board.run("start()")
        await board.run("advertise()")
        own = PhoneKind(kind, 1)
        phone = await stack.enter_async_context(phone_radio(radio.phones, kind=own))
        yield Room(radio, board, phone)


async def echoed(client: BleakClient, *values: bytes) -> list[bytes]:
    """Write values one by one, and return what comes back for them."""
    heard = await heard_by(client)
    got = []
    for value in values:
        await client.write_gatt_char(ECHO, value, response=True)
        got.append(bytes(await asyncio.wait_for(heard.get(), PATIENCE)))
    return got


async def hears(phone: PhoneRadio, seconds: float) -> bool:
    """Return whether a scan hears anything in time; a receiver advertises every 20 ms."""
    scanner = BleakScanner(backend=phone.scanner)
    with suppress(TimeoutError):
        async with scanner, asyncio.timeout(seconds):
            async for _ in scanner.advertisement_data():
                return True
    return False


async def test_a_calm_air_carries_everything() -> None:
    async with room(CALM, IOS) as (_, board, phone), connected(phone) as client:
        assert client.mtu_size == IOS.mtu
        assert await echoed(client, b"hello") == [b"hello"]
        assert (await board.event(1))[0] == "0"


@asynccontextmanager
async def connected_at_last(here: Room) -> AsyncIterator[BleakClient]:
    """Connect; a CONNECT_IND may be lost, and the receiver then advertises on."""
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        while True:
            try:
                client = await stack.enter_async_context(connected(here.phone))
            except BleakError:
                continue
            yield client
            return


async def test_lost_packets_are_sent_again() -> None:
    """Two of five are lost; every one arrives, once, in order."""
    async with room(ROUGH, IOS) as here, connected_at_last(here) as client:
        values = [bytes([number]) * 100 for number in range(8)]
        assert await echoed(client, *values) == values


async def test_a_phone_that_never_listens_hears_nothing() -> None:
    """Its window lies between two advertising events of five seconds."""
    deaf = IOS._replace(scan_interval_ms=5000.0, scan_window_ms=2.5)
    async with room(CALM, deaf) as (_, _, phone):
        assert not await hears(phone, 0.5)


async def test_readings_spread() -> None:
    async with room(CALM._replace(fading_db=6.0), SURE) as (_, _, phone):
        strengths = set()
        scanner = BleakScanner(backend=phone.scanner)
        async with scanner, asyncio.timeout(PATIENCE):
            async for _, data in scanner.advertisement_data():
                strengths.add(data.rssi)
                if len(strengths) > 3:
                    break


async def test_a_link_outlasts_a_second_out_of_reach() -> None:
    """Android waits for five seconds; what was written meanwhile arrives afterwards."""
    async with room(CALM, SURE) as (radio, _, phone), connected(phone) as client:
        begin = asyncio.get_running_loop().time()
        radio.carry_away_for(phone.address, 1.0)
        assert await echoed(client, b"back") == [b"back"]
        assert asyncio.get_running_loop().time() - begin >= 1.0


async def test_an_iphone_s_link_does_not() -> None:
    """It is lost after 720 ms, on both ends; then the phone connects anew."""
    async with room(CALM, IOS) as (radio, board, phone):
        async with connected(phone) as client:
            await board.event(1)
            begin = asyncio.get_running_loop().time()
            radio.carry_away_for(phone.address, 1.0)
            with pytest.raises(BleakError):
                await echoed(client, b"never")
            assert 0.7 <= asyncio.get_running_loop().time() - begin < 0.95
            await board.event(2)
        await board.run("advertise()")
        async with connected(phone) as client:
            assert asyncio.get_running_loop().time() - begin >= 1.0
            assert await echoed(client, b"again") == [b"again"]


async def test_a_cut_link_is_told_to_both_ends() -> None:
    async with room(CALM, SURE) as (radio, board, phone), connected(phone) as client:
        await board.event(1)
        begin = asyncio.get_running_loop().time()
        radio.cut(phone.address)
        await board.event(2)
        with pytest.raises(BleakError):
            await echoed(client, b"never")
        assert asyncio.get_running_loop().time() - begin < 1.0


async def test_attempts_fail_as_often_as_the_kind_does() -> None:
    failing = SURE._replace(setup_failure=1.0, setup_failure_ms=30.0)
    async with room(CALM, failing) as (_, board, phone):
        device, _ = await find(phone, lambda *_: True)
        with pytest.raises(BleakError, match="133"):
            await BleakClient(device, backend=phone.client).connect()
        assert phone.kind is not None
        phone.kind.profile = SURE
        async with connected(phone):
            await board.event(1)


async def test_a_sixth_scan_in_a_row_hears_nothing() -> None:
    async with room(CALM, SURE) as (_, _, phone):
        for _ in range(SURE.scan_starts_most):
            await find(phone, lambda *_: True)
        assert not await hears(phone, 0.3)


async def test_a_fast_interval_is_granted_after_some_events() -> None:
    async with room(CALM, SURE) as (_, board, phone), connected(phone):
        granted = await board.event(27)
        assert int(granted[1]) * 1.25 == SURE.asked_interval_ms
