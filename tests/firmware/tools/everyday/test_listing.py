"""Who is on the serial ports of a laptop."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import tty
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bridge.cli.main import main
from bridge.lines import usb_lookup
from bridge.lines.usb_lookup import Present
from firmware.tools.board_line import BoardLine
from firmware.tools.everyday import listing
from receiver.link import link, wire
from tests.simulator.hardware.test_line_link import now_ms
from tests.support.world.workshop import workshop

HELLO = wire.ReceiverHello(
    wire.PROTOCOL,
    wire.PROTOCOL,
    b"receiver",
    "esp32-c3-devkitm-1",
    "micropython",
    "1.25.0",
    "1.0.0",
    b"firmware",
    wire.RESET_POWER,
    bytes(range(wire.NONCE_SIZE)),
    0,
    0,
)
SHORT_S = 0.3
STALE_S = 4 * link.STALE_MS / 1000  # text without a frame behind it is handed out late


@contextmanager
def silent_port() -> Iterator[tuple[str, int]]:
    """A port with nobody at the other end; its name and the other end."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        yield os.ttyname(slave), master
    finally:
        os.close(master)
        os.close(slave)


async def test_a_board_says_who_it_is_and_keeps_what_is_its_bridges() -> None:
    async with workshop() as shop:
        (shop.folder.directory / "crash").write_text("Traceback\nMemoryError:\n")
        await shop.line.ask("reset")
        port = Present(shop.url, "1234", "Espressif")
        for _ in range(2):
            (answer,) = await listing.ask([port])
            assert answer.problem == ""
            assert answer.hello is not None
            assert answer.hello.receiver_id == shop.enrolled.receiver_id
            assert listing.receiver_id(answer.hello) == shop.enrolled.receiver_id.hex()
        async with BoardLine(shop.url) as line:
            told = await line.heard(wire.TRACEBACK)
        assert b"MemoryError" in told.data


def boots(other: int) -> None:
    os.read(other, 4096)
    os.write(other, b"rst:0x10 (RTCWDT_RTC_RESET),boot:0xc\r\ninvalid header: 0xffffffff\r\n")


async def test_ports_are_asked_at_once_and_each_says_what_it_lacks() -> None:
    loop = asyncio.get_running_loop()
    with silent_port() as (silent, _), silent_port() as (booting, other):
        loop.add_reader(other, boots, other)
        began = loop.time()
        ports = [Present(silent, None), Present(booting, None), Present("/dev/none", None)]
        first, second, third = await listing.ask(ports, STALE_S)
        assert loop.time() - began < 2 * STALE_S
        loop.remove_reader(other)
        assert "the board says nothing: power, cable" in first.problem
        assert "invalid header" in second.problem
        assert "No such file" in third.problem
    assert {first.hello, second.hello, third.hello} == {None}


async def test_a_port_in_use_says_so_at_once_and_by_whom() -> None:
    loop = asyncio.get_running_loop()
    async with workshop() as shop, BoardLine(shop.url) as holder:
        await holder.up(20)
        began = loop.time()
        (answer,) = await listing.ask([Present(shop.url, None)])
        assert loop.time() - began < listing.WITHIN_S / 2
    assert "in use by another program" in answer.problem


def test_rows_and_values_of_a_hostile_board() -> None:
    hello = HELLO._replace(board="\x1b[2Jgone", fault=9, crashes=3, receiver_id=bytes(8))
    answer = listing.Answer(Present("/dev/ttyUSB0", None), hello, "")
    assert answer.row()[6] == "-"
    assert "3 crashes in a row" in answer.row()[7]
    assert json.loads(json.dumps(answer.value()))["hello"]["receiver_id"] is None


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ports on USB alone, unless one is named; it fails where no board answers."""
    monkeypatch.setattr(listing, "WITHIN_S", SHORT_S)
    monkeypatch.setattr(listing.ask, "__defaults__", (SHORT_S,))
    with silent_port() as (name, _):
        there = [Present("/dev/ttyS0", None), Present(name, "77", "WCH", "CH9102", (1, 2))]
        monkeypatch.setattr(usb_lookup, "present", lambda: there)
        assert main(["receiver", "list"]) == 1
        said = capsys.readouterr().out
        assert name in said
        assert "WCH" in said
        assert "ttyS0" not in said
        assert main(["receiver", "list", "--json", "--port", "/dev/none"]) == 1
        (port,) = json.loads(capsys.readouterr().out)["ports"]
        assert (port["port"], port["hello"]) == ("/dev/none", None)
    monkeypatch.setattr(usb_lookup, "present", list)
    assert main(["receiver", "list"]) == 1
    assert "plug a board in" in capsys.readouterr().out


def test_a_board_of_another_protocol_is_no_hello() -> None:
    """Its HELLO cannot be read: the port says nothing that is understood."""
    end = link.Link(b"card", b"not a hello", host=False)
    with silent_port() as (name, other):

        async def serve() -> listing.Answer:
            loop = asyncio.get_running_loop()

            def read() -> None:
                end.receive(os.read(other, 4096), now_ms())
                while end.poll() is not None:
                    pass
                os.write(other, end.transmit(now_ms()))

            loop.add_reader(other, read)
            try:
                (answer,) = await listing.ask([Present(name, None)], SHORT_S)
            finally:
                loop.remove_reader(other)
            return answer

        answer = asyncio.run(serve())
    assert answer.hello is None
    assert "of another protocol" in answer.problem
