"""A technician's end of the line: against the link machine of a board on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from firmware.tools import board_line
from firmware.tools.board_line import BoardLine, BoardLineError, BoardRefusedError
from receiver import reasons
from receiver.encoding import schema
from receiver.link import link, service_wire, wire

SOON_S = 5.0
IDENTITY = service_wire.Identity(b"", b"", 7, 3, 0, "unix-littlefs", 0)


class Board:
    """The device's end; `obey` answers each message with (channel, value) or None."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.url = os.ttyname(self._slave)
        self.fault = reasons.OK
        self.boots = 0
        self.late: list[tuple[int, Any]] = []  # answers that come before the next one
        self.obey: Callable[[int, Any], tuple[int, Any] | None] = lambda channel, value: None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.master, self._read)
        self.boot()

    def boot(self) -> None:
        self.boots += 1
        nonce = bytes([self.boots]) * wire.NONCE_SIZE
        hello = wire.ReceiverHello(
            *(1, 1, b"receiver", "unix", "micropython", "1", "1", bytes(8)),
            *(wire.RESET_POWER, nonce, self.fault, 0),
        )
        encoded = schema.encode(wire.RECEIVER_HELLO, hello)
        self._link = link.Link(os.urandom(4), encoded, host=False)
        self._write()

    def say(self, data: bytes) -> None:
        os.write(self.master, data)

    def close(self) -> None:
        self._loop.remove_reader(self.master)
        os.close(self.master)
        os.close(self._slave)

    def _read(self) -> None:
        self._link.receive(os.read(self.master, 4096), self._now())
        while (event := self._link.poll()) is not None:
            if isinstance(event, link.Message):
                self._link.accept(event.token)
                value = board_line.decode(event.channel, event.payload)
                self._write()
                self._answer(event.channel, value)
        self._write()

    def _answer(self, channel: int, value: Any) -> None:
        if channel == wire.RESTART:
            self.fault = reasons.IN_SERVICE if value.service else reasons.OK
            self.boot()
        else:
            for answer in (*self.late, self.obey(channel, value)):
                if answer is not None:
                    self._link.send(answer[0], service_wire.encode(*answer))

    def _write(self) -> None:
        while data := self._link.transmit(self._now()):
            os.write(self.master, data)

    def _now(self) -> int:
        return int(self._loop.time() * 1000)


@pytest.fixture
async def board() -> AsyncIterator[Board]:
    board = Board()
    yield board
    board.close()


async def test_it_hears_who_is_there(board: Board) -> None:
    async with BoardLine(board.url) as line:
        hello = await line.up(SOON_S)
    assert (hello.board, hello.fault) == ("unix", reasons.OK)


async def test_a_question_and_its_answer(board: Board) -> None:
    board.obey = lambda channel, value: (service_wire.IDENTITY, IDENTITY)
    async with BoardLine(board.url) as line:
        found = await line.ask(service_wire.READ, service_wire.Read(), service_wire.IDENTITY)
    assert found == IDENTITY


async def test_a_refusal_is_an_error_with_its_reason(board: Board) -> None:
    refused = service_wire.OrderRefused(service_wire.FACTORY_RESET, reasons.NOT_HELD)
    board.obey = lambda channel, value: (service_wire.ORDER_REFUSED, refused)
    async with BoardLine(board.url) as line:
        with pytest.raises(BoardRefusedError, match="not_held") as caught:
            await line.ask(
                service_wire.FACTORY_RESET, service_wire.FactoryReset(), service_wire.IDENTITY
            )
    assert caught.value.reason == reasons.NOT_HELD


async def test_into_service_and_back(board: Board) -> None:
    async with BoardLine(board.url) as line:
        assert (await line.into_service(SOON_S)).fault == reasons.IN_SERVICE
        assert (await line.into_service(SOON_S)).fault == reasons.IN_SERVICE
        assert board.boots == 2  # it was there already
        assert (await line.restart(service=False, within_s=SOON_S)).fault == reasons.OK
        assert board.boots == 3


async def test_a_board_that_says_nothing_that_is_understood() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    seen: list[link.Event] = []
    try:
        async with BoardLine(os.ttyname(slave), seen.append) as line:
            await asyncio.to_thread(os.read, master, 1)  # it is open, and asks for HELLO
            os.write(master, b"rst:0x10 (RTCWDT_RTC_RESET)\r\nflash read err\r\n\0")
            with pytest.raises(BoardLineError, match=r"no HELLO within 1 s.*flash read err"):
                await line.up(1)
        assert any(isinstance(event, link.Raw) for event in seen)
    finally:
        os.close(master)
        os.close(slave)


async def test_a_port_that_is_not_there() -> None:
    async with BoardLine("/dev/tty-not-there") as line:
        with pytest.raises(BoardLineError, match="tty-not-there"):
            await line.up(0.5)


async def test_no_answer_is_told(board: Board) -> None:
    async with BoardLine(board.url) as line:
        await line.up(SOON_S)
        with pytest.raises(BoardLineError, match=r"no answer within 0\.5 s"):
            await line.ask(
                service_wire.READ, service_wire.Read(), service_wire.IDENTITY, within_s=0.5
            )


async def test_a_late_answer_answers_no_other_question(board: Board) -> None:
    """Else a reset that was refused would pass for done: both are answered by IDENTITY."""
    refused = service_wire.OrderRefused(service_wire.FACTORY_RESET, reasons.NOT_HELD)
    held: list[tuple[int, Any]] = []

    def obey(channel: int, value: Any) -> tuple[int, Any] | None:
        if channel == service_wire.READ:
            held.append((service_wire.IDENTITY, IDENTITY))
            return None
        return service_wire.ORDER_REFUSED, refused

    board.obey = obey
    async with BoardLine(board.url) as line:
        with pytest.raises(BoardLineError, match="no answer"):
            await line.ask(
                service_wire.READ, service_wire.Read(), service_wire.IDENTITY, within_s=0.2
            )
        board.late = held
        with pytest.raises(BoardRefusedError, match="not_held"):
            await line.ask(
                service_wire.FACTORY_RESET, service_wire.FactoryReset(), service_wire.IDENTITY
            )
