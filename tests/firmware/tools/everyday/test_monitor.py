"""What a board says, as it says it; and a lamp that blinks."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from signal import SIGINT

import pytest

from firmware.tools.board_line import BoardLine, BoardLineError
from firmware.tools.everyday.frames_in_words import BOARD, LINK, Said
from firmware.tools.everyday.identify import identify
from firmware.tools.everyday.monitor import as_json, as_line, monitor
from receiver import reasons
from tests.firmware.tools.everyday.test_listing import silent_port
from tests.support.world.commands import PATIENCE, started, tillsign
from tests.support.world.workshop import workshop


async def test_a_monitor_shows_hello_messages_and_boot_text() -> None:
    heard: asyncio.Queue[Said] = asyncio.Queue()
    async with workshop() as shop:
        task = asyncio.create_task(
            monitor(shop.url, lambda when, what: heard.put_nowait(what), None)
        )
        async with asyncio.timeout(PATIENCE):
            names = await until(heard, "SYNC")
            assert names.index("HELLO") < names.index("SYNC")
            await shop.line.ask("reset")
            names = await until(heard, "HELLO")
            assert "text" in names
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with BoardLine(shop.url) as line:  # the port is free again
            await line.up(PATIENCE)


async def until(heard: asyncio.Queue[Said], name: str) -> list[str]:
    """The names of all that was said until this."""
    names = []
    while name not in names:
        names.append((await heard.get()).what)
    return names


async def test_a_monitor_beside_another_program_says_so() -> None:
    async with workshop() as shop, BoardLine(shop.url) as holder:
        await holder.up(PATIENCE)
        with pytest.raises(BoardLineError, match="in use by another program"):
            await monitor(shop.url, lambda when, what: None, PATIENCE)
        with pytest.raises(BoardLineError, match="in use by another program"):
            await identify(shop.url, 1)


async def test_a_silent_board_is_said_to_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware.tools.everyday.monitor.FIRST_S", 0.2)
    heard: list[Said] = []
    with silent_port() as (name, _):
        await monitor(name, lambda when, what: heard.append(what), 0.5)
    (only,) = heard
    assert (only.source, only.what) == (LINK, "silent")
    assert "power, cable" in str(only.fields["why"])


async def test_the_commands(tmp_path: Path) -> None:
    """Monitor until Ctrl-C, or for a time; identify; both say who has the port."""
    async with workshop() as shop:
        said = await tillsign(tmp_path, "receiver", "identify", "--port", shop.url, "--seconds=1")
        assert (said.code, "blinks for 1 s" in said.out) == (0, True)
        command = ("receiver", "monitor", "--port", shop.url)
        async with started(tmp_path, *command, "--json") as running:
            line = json.loads(await running.line("HELLO"))
            assert line["from"] == BOARD
            assert line["fields"]["receiver_id"] == shop.enrolled.receiver_id.hex()
            said = await tillsign(tmp_path, *command)
            assert said.code == 1
            assert "in use by another program" in said.err
            assert f"process {running.pid}" in said.err
            assert (await running.stop(SIGINT)).code == 0
        async with asyncio.timeout(PATIENCE):
            heard = False
            while not heard:  # within its second on a machine that is not busy
                said = await tillsign(tmp_path, *command, "--seconds", "1")
                assert said.code == 0
                heard = "HELLO" in said.out


async def test_a_board_in_service_mode_has_no_identify() -> None:
    async with workshop() as shop:
        crashed = shop.folder.directory / "crashes"
        crashed.write_text("ccc")
        await shop.line.ask("reset")
        async with BoardLine(shop.url) as line:
            hello = await line.up(PATIENCE)
        if hello.fault != reasons.CRASH_LOOP:
            pytest.fail(f"not in safe mode: {hello}")
        with pytest.raises(BoardLineError, match="service mode"):
            await identify(shop.url, 1)


def test_lines() -> None:
    told = Said(BOARD, "log", {"text": "a b\x1b", "n": None, "inner": {"x": 1}})
    assert "text='a b\\x1b' n=- inner=(x=1)" in as_line(1.5, told)
    assert json.loads(as_json(1.5, told))["time"] == 1.5
