"""What a board says of its crash: one entry of the log, in words, whatever bytes it is made of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.lines import receiver_link
from bridge.observability import log_budget
from bridge.sales.receiver_session import ReceiverSession
from receiver import reasons
from receiver.link import arq, wire
from tests.receiver.host.test_name_map import LONG, MAP, SHORT
from tests.support.bridge.device import PATIENCE_S
from tests.support.shop.till import TILL, World

HASH = bytes.fromhex(MAP.firmware_hash)
PIECE = receiver_link.PIECE


@pytest.fixture
async def named(
    stopped: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[World]:
    """A bridge that knows the firmware of its receiver by name."""
    caplog.set_level(logging.INFO)
    (tmp_path / "a.names.json").write_text(MAP.to_json())
    stopped.config = replace(stopped.config, firmware_names=tmp_path)
    stopped.device.reboot(firmware_hash=HASH)
    async with stopped.bridge():
        await stopped.device.heard(wire.STATE)
        yield stopped


@pytest.fixture
def session(named: World) -> ReceiverSession:
    return named.daemon.service.sessions[TILL]


def crash(world: World, data: bytes) -> None:
    world.device.send(wire.TRACEBACK, wire.Blob(data))


async def entry(caplog: pytest.LogCaptureFixture, event: str) -> dict[str, Any]:
    """The one entry of this event, once it is there."""
    async with asyncio.timeout(PATIENCE_S):
        while event not in caplog.messages:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
    (record,) = (one for one in caplog.records if one.message == event)
    fields: dict[str, Any] = record.__dict__["fields"]
    return fields


async def test_a_crash_is_one_warning_in_words(
    named: World, caplog: pytest.LogCaptureFixture
) -> None:
    crash(named, f"{SHORT}ValueError: 0\n".encode())
    said = await entry(caplog, "receiver crashed")
    assert said == {"till": TILL, "text": f"{LONG}ValueError: nested too deeply\n"}
    (record,) = (one for one in caplog.records if one.message == "receiver crashed")
    assert record.levelname == "WARNING"


async def test_its_words_are_those_of_the_firmware_that_crashed(
    named: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Other firmware tells of it: the one before, or service mode."""
    named.device.reboot(firmware_hash=bytes(8), fault=reasons.CRASH_LOOP)
    crash(named, SHORT.encode())
    assert (await entry(caplog, "receiver crashed"))["text"] == LONG


async def test_a_crash_without_a_frame_is_of_the_firmware_that_tells(
    named: World, caplog: pytest.LogCaptureFixture
) -> None:
    crash(named, b"b: (1, 0)")
    said = await entry(caplog, "receiver crashed")
    assert said["text"] == "Error: malformed: nested too deeply"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\xff\x00\x1b[2J\xc3", "\ufffd\x00\x1b[2J\ufffd"),
        (b"ValueError: " + b"(" * 500, "ValueError: " + "(" * 500),
        (b"ValueError: (0, 1, {}, [])\n" * 2, "ValueError: nested too deeply\n" * 2),
        (b"ValueError: (1, 2, 3)", "ValueError: cbor: 2"),
        (b"ValueError: (2, )", "ValueError: (2, )"),
        (b"b: (1000, -1)", "Error: reason_1000: -1"),
    ],
)
async def test_any_bytes_make_an_entry(
    named: World, caplog: pytest.LogCaptureFixture, data: bytes, text: str
) -> None:
    crash(named, data)
    assert (await entry(caplog, "receiver crashed"))["text"] == text


async def test_what_is_no_traceback_is_refused_and_acknowledged(
    named: World, session: ReceiverSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Too long, or of another form; the line goes on."""
    too_long = b"\xa1\x01\x59\x02\x01" + bytes(513)
    for payload in (b"", b"\xa0", b"\xa1\x01\x05", too_long, bytes(arq.MESSAGE_MAX)):
        named.device._link.send(wire.TRACEBACK, payload)
    crash(named, b"MemoryError")
    assert (await entry(caplog, "receiver crashed"))["text"] == "MemoryError"
    assert session.refusals.total() == 5


async def test_a_traceback_that_never_ends_is_dropped(
    named: World, session: ReceiverSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The link joins no more than a message may have; what comes next is heard."""
    endless = arq.Queued(wire.TRACEBACK, bytes(64 * arq.MESSAGE_MAX), 1)
    named.device._link._outbox._queue.append(endless)
    crash(named, b"MemoryError")
    assert (await entry(caplog, "receiver crashed"))["text"] == "MemoryError"
    assert session.link.quality()["oversize"] == 1


async def test_crashes_without_end_are_a_few_entries(
    named: World, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(30):
        crash(named, b"MemoryError")
    named.device._link.send(wire.TRACEBACK, b"the last word")
    await entry(caplog, "refused")
    assert caplog.messages.count("receiver crashed") == log_budget.FEW


# The same text as the board writes it between frames, when it crashes.


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
async def test_a_text_of_several_pieces_is_one_entry_in_words(
    session: ReceiverSession, caplog: pytest.LogCaptureFixture, line_end: str
) -> None:
    """Wherever it is cut; a chip writes its lines with a carriage return."""
    for before in range(0, PIECE, 50):
        caplog.clear()
        text = "." * before + "\n" + SHORT + SHORT + "ValueError: 0\n"
        session.link._received(text.replace("\n", line_end).encode() + b"\0")
        said = await entry(caplog, "not a frame")
        assert said["bytes"] == len(text.replace("\n", line_end))
        words = "." * before + "\n" + LONG + LONG + "ValueError: nested too deeply"
        assert [line.rstrip() for line in said["text"].split("\n")][:-1] == words.split("\n")


async def test_a_text_ends_with_the_frame_that_follows(
    named: World, session: ReceiverSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Also if its last piece is full."""
    session.link._received(b"x" * PIECE + b"\0")
    assert "not a frame" not in caplog.messages
    await named.ring_up()
    assert (await entry(caplog, "not a frame"))["bytes"] == PIECE


async def test_a_text_ends_with_its_line(
    named: World, session: ReceiverSession, caplog: pytest.LogCaptureFixture
) -> None:
    session.link._received(b"x" * PIECE + b"\0")
    named.device.unplug()
    assert (await entry(caplog, "not a frame"))["bytes"] == PIECE


async def test_a_text_without_end_is_cut(
    session: ReceiverSession, caplog: pytest.LogCaptureFixture
) -> None:
    session.link._received(b"x" * 10 * PIECE + b"\xff\0")
    said = [one.__dict__["fields"] for one in caplog.records if one.message == "not a frame"]
    assert [one["bytes"] for one in said] == [4 * PIECE, 4 * PIECE, 2 * PIECE, 1]
    assert (said[-1]["status"], said[-1]["text"]) == ("oversize", "")
