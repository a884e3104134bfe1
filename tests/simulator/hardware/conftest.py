"""Fixtures of the radio's tests: a receiver in a true MicroPython, and a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bleak import BleakClient

from simulator.hardware.radio.server import Radio, Receiver
from simulator.phone.transport.bleak_backend import PhoneRadio, phone_radio
from tests.support.world.board import RECEIVER, Board, connected, started


@pytest.fixture(params=["tcp", "unix"])
async def radio(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Radio]:
    async with Radio(tmp_path if request.param == "unix" else None) as radio:
        yield radio


@pytest.fixture
async def receiver(radio: Radio) -> Receiver:
    return await radio.receiver(RECEIVER)


@pytest.fixture
async def idle(receiver: Receiver) -> AsyncIterator[Board]:
    """Started, and not on the air."""
    async with started(receiver.endpoint) as board:
        assert await board.run("start()") is None
        yield board


@pytest.fixture
async def board(idle: Board) -> Board:
    """Advertising."""
    await idle.run("advertise()")
    return idle


@pytest.fixture
async def phone(radio: Radio) -> AsyncIterator[PhoneRadio]:
    async with phone_radio(radio.phones) as phone:
        yield phone


@pytest.fixture
async def client(board: Board, phone: PhoneRadio) -> AsyncIterator[BleakClient]:
    """Connected to the board."""
    async with connected(phone) as client:
        yield client
