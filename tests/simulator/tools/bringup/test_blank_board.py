"""A blank board is lent to a throw-away authority; one with an authority of its own is not."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from firmware.tools.board_line import BoardLine
from receiver.protocol import enrolment
from simulator.tools.bringup import blank_board, purchase, till_test
from simulator.tools.bringup.blank_board import BlankBoardError
from tests.support.values import evidence
from tests.support.world.commands import PATIENCE, tillsign
from tests.support.world.workshop import workshop

pytestmark = pytest.mark.long


async def test_a_blank_board_sells_and_is_blank_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver leaves a sale half a minute after the till's patience."""
    monkeypatch.setattr(purchase, "PATIENCE_S", 5)
    told: list[str] = []
    async with workshop(blank=True) as shop:
        shop.hold()
        line = Namespace(port=shop.url, radio=shop.radio.phones, code=None)
        assert await till_test._problem(line, told.append) == ""
        assert "board: enrolled at a throw-away authority" in told
        assert told[-1].endswith("nothing is invoiced")
        names = {path.name for path in shop.folder.directory.iterdir()}
        assert enrolment.STORED_NAME not in names


async def test_without_the_button_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blank_board, "HELD_S", 0.5)
    told: list[str] = []
    async with workshop() as shop:
        with pytest.raises(BlankBoardError, match=r"not_held; `tillsign receiver reset --port"):
            await blank_board.make_blank(shop.url, told.append)
        assert told == [
            "hold the board's button, and keep it held until the next line",
            "the button was not held",
        ]
        async with BoardLine(shop.url) as line:  # it sells with what it has
            assert (await line.up(PATIENCE)).receiver_id == shop.enrolled.receiver_id


async def test_an_enrolled_board_is_not_lent(tmp_path: Path) -> None:
    async with workshop() as shop:
        command = ("receiver", "test", "--port", shop.url, "--radio", shop.radio.phones)
        ended = await tillsign(tmp_path, *command)
        assert ended.code == 1
        assert "the board is enrolled" in ended.err
        async with BoardLine(shop.url) as line:
            assert (await line.up(PATIENCE)).receiver_id == shop.enrolled.receiver_id


def test_hostile_requests_and_echoes_are_refused() -> None:
    challenge = bytes(enrolment.CHALLENGE_SIZE)
    for junk in (b"\x00", b"\xff" * 200):
        with pytest.raises(BlankBoardError, match="does not verify"):
            blank_board._key(junk, challenge)
        with pytest.raises(BlankBoardError, match="does not verify"):
            blank_board._check(junk, evidence.seed("key"), challenge, b"certificate")
