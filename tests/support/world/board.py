"""A MicroPython process with a radio, led by a test, and phones that find it."""

from __future__ import annotations

import ast
import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from simulator.phone.transport.bleak_backend import PhoneRadio
from simulator.processes.child_process import ChildProcess
from tests.support.values.micropython import interpreter

ROOT = Path(__file__).parents[3]
SERVICE = "7a1b0001-6f3e-4f0e-9d5c-2b8a4e6c1d90"
LONG = "7a1b0002-6f3e-4f0e-9d5c-2b8a4e6c1d90"
ECHO = "7a1b0003-6f3e-4f0e-9d5c-2b8a4e6c1d90"
SHORT = "7a1b0004-6f3e-4f0e-9d5c-2b8a4e6c1d90"
RECEIVER = bytes.fromhex("0011223344556677")
PATIENCE = 10.0


class Board:
    """A MicroPython process with tests/simulator/hardware/board.py."""

    def __init__(self, process: ChildProcess) -> None:
        self._process = process
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self.events: asyncio.Queue[str] = asyncio.Queue()
        self.noise: list[str] = []
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for raw in self._process.stdout:
            line = raw.decode().rstrip("\n")
            if line.startswith("irq "):
                self.events.put_nowait(line[4:])
            elif line.startswith(("> ", "! ")):
                self._answers.put_nowait(line)
            else:
                self.noise.append(line)

    async def run(self, line: str) -> object:
        """Evaluate a line there; the text of an error starts with "!"."""
        self._process.stdin.write(line.encode() + b"\n")
        answer = await asyncio.wait_for(self._answers.get(), PATIENCE)
        return ast.literal_eval(answer[2:]) if answer.startswith("> ") else answer

    async def event(self, number: int) -> list[str]:
        """The fields of the next event of a kind."""
        while True:
            line = await asyncio.wait_for(self.events.get(), PATIENCE)
            if line.split()[0] == str(number):
                return line.split()[1:]

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()
        await self._reader


@asynccontextmanager
async def started(endpoint: str) -> AsyncIterator[Board]:
    path = f"{ROOT}/simulator/hardware/micropython:.frozen"
    process = await ChildProcess.start(
        interpreter(),
        str(ROOT / "tests/simulator/hardware/board.py"),
        stdin=asyncio.subprocess.PIPE,
        env={**os.environ, "MICROPYPATH": path, "TILLSIGN_RADIO": endpoint},
    )
    board = Board(process)
    try:
        yield board
    finally:
        await board.kill()


async def find(
    phone: PhoneRadio, wanted: Callable[[BLEDevice, AdvertisementData], bool] | None = None
) -> tuple[BLEDevice, AdvertisementData]:
    async with BleakScanner(service_uuids=[SERVICE], backend=phone.scanner) as scanner:
        async with asyncio.timeout(PATIENCE):
            async for device, data in scanner.advertisement_data():
                if wanted is None or wanted(device, data):
                    return device, data
    raise AssertionError


@asynccontextmanager
async def connected(phone: PhoneRadio) -> AsyncIterator[BleakClient]:
    device, _ = await find(phone)
    async with BleakClient(device, backend=phone.client, timeout=PATIENCE) as client:
        yield client


async def heard_by(client: BleakClient) -> asyncio.Queue[bytearray]:
    """What the board notifies from now on."""
    heard: asyncio.Queue[bytearray] = asyncio.Queue()
    await client.start_notify(ECHO, lambda _, data: heard.put_nowait(data))
    return heard


async def linked(phone: PhoneRadio) -> tuple[BleakClient, asyncio.Event]:
    """A client that is connected, and the end of its link."""
    gone = asyncio.Event()
    device, _ = await find(phone)
    client = BleakClient(device, lambda _: gone.set(), backend=phone.client)
    await client.connect()
    return client, gone


async def until(board: Board, number: str) -> AsyncIterator[str]:
    """All events up to one of a kind."""
    while True:
        yield (event := await asyncio.wait_for(board.events.get(), PATIENCE))
        if event.split()[0] == number:
            return


async def drained(board: Board) -> list[str]:
    """All events until now: those that the process had printed before its next answer."""
    await board.run("None")
    return [board.events.get_nowait() for _ in range(board.events.qsize())]
