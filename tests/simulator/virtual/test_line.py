"""The virtual serial line: what it takes of time, and what it loses."""

from __future__ import annotations

import asyncio

import pytest

from bridge.lines.serial_port import PortError
from firmware.device.line import WAITING_MOST, WRITE_MOST
from simulator.virtual.line import BYTES_PER_S, FIFO, STDIN_MOST, USB_S, VirtualLine
from tests.simulator.virtual.conftest import Run

FRAME = b"\0" + b"frame" * 10 + b"\0"


class Ends:
    """Both ends, and when what they heard came."""

    def __init__(self) -> None:
        self.line = VirtualLine()
        self.heard: list[tuple[float, bytes]] = []
        self.lost: list[str] = []
        self.woken: list[float] = []
        self.device = self.line.plug_in(lambda: self.woken.append(now()))

    async def open(self) -> None:
        self.port = await self.line(lambda data: self.heard.append((now(), data)), self.lost.append)


def now() -> float:
    return asyncio.get_running_loop().time()


def test_bytes_to_the_device_take_their_time(run: Run) -> None:
    async def work() -> None:
        ends = Ends()
        await ends.open()
        ends.port.write(FRAME)
        ends.port.write(FRAME)
        assert ends.device.read() is None
        await asyncio.sleep(1)
        first, second = ends.woken
        assert first == pytest.approx(USB_S + len(FRAME) / BYTES_PER_S, abs=1e-5)
        assert second - first == pytest.approx(len(FRAME) / BYTES_PER_S, abs=1e-5)
        assert [ends.device.read(), ends.device.read()] == [FRAME[1:], FRAME[1:]]
        assert ends.device.read() is None

    run(work())


def test_a_part_of_a_frame_wakes_no_device(run: Run) -> None:
    async def work() -> None:
        ends = Ends()
        await ends.open()
        ends.port.write(FRAME[:9])
        await asyncio.sleep(1)
        assert ends.woken == []
        assert ends.device.read() is None
        ends.port.write(FRAME[9:])
        await asyncio.sleep(1)
        assert ends.device.read() == FRAME[1:]

    run(work())


def test_a_device_that_does_not_read_loses_what_is_too_much(run: Run) -> None:
    async def work() -> None:
        ends = Ends()
        await ends.open()
        for _ in range(10):
            ends.port.write(FRAME)
        await asyncio.sleep(1)
        held = 0
        while (piece := ends.device.read()) is not None:
            held += len(piece)
        assert 0 < held <= STDIN_MOST
        assert ends.device.lost > 0

    run(work())


def test_pieces_of_the_device_arrive_one_after_the_other(run: Run) -> None:
    async def work() -> None:
        ends = Ends()
        await ends.open()
        data = bytes(range(1, 1 + 2 * WRITE_MOST))
        ends.device.write(data)
        for _ in range(2):
            assert ends.device.writing
            ends.device.pump()
        await asyncio.sleep(1)
        assert [piece for _, piece in ends.heard] == [data[:WRITE_MOST], data[WRITE_MOST:]]
        (first, _), (second, _) = ends.heard
        assert first == pytest.approx(WRITE_MOST / BYTES_PER_S + USB_S, abs=1e-5)
        assert second - first == pytest.approx(WRITE_MOST / BYTES_PER_S, abs=1e-5)

    run(work())


def test_a_write_blocks_the_device_beyond_its_buffer(run: Run) -> None:
    async def work() -> None:
        ends = Ends()
        await ends.open()
        ends.device.write(bytes(3 * WRITE_MOST))
        for _ in range(2):
            ends.device.pump()
            assert ends.device.blocked_s() == 0
        ends.device.pump()
        assert ends.device.blocked_s() == pytest.approx((3 * WRITE_MOST - FIFO) / BYTES_PER_S)
        assert ends.device.blocked_s() == 0
        ends.device.write(bytes(WAITING_MOST))
        ends.device.write(b"x")
        assert ends.device.dropped == 1

    run(work())


def test_a_pulled_cable_is_told_and_can_be_put_back(run: Run) -> None:
    async def work() -> None:
        ends = Ends()
        await ends.open()
        ends.line.pull()
        ends.port.write(FRAME)
        await asyncio.sleep(1)
        assert ends.lost == ["unplugged"]
        assert ends.woken == []
        with pytest.raises(PortError):
            await ends.open()
        ends.line.put_back()
        await ends.open()
        ends.port.write(FRAME)
        await asyncio.sleep(1)
        assert ends.device.read() == FRAME[1:]

    run(work())


def test_a_closed_line_hears_no_more(run: Run) -> None:
    async def work() -> None:
        ends = Ends()
        await ends.open()
        ends.device.write(b"x")
        ends.device.pump()
        await ends.port.close()
        await asyncio.sleep(1)
        assert ends.heard == []
        assert ends.lost == []

    run(work())
