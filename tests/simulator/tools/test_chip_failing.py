"""`python -m simulator.tools.chip.failing`: two lives of it, and how it goes through the sites."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Self

import pytest

from simulator.processes.child_process import ChildProcess
from simulator.tools.chip import failing
from simulator.tools.chip.lives import FOUR, SALE, BoardLife, Failure, Site

PATIENCE_S = 170.0  # it takes some ten
SITES = 20  # of the board that is not there
BAD = 7  # the key of the site after which the books differ


@pytest.mark.usefixtures("machine")
async def test_two_lives(tmp_path: Path) -> None:
    output = tmp_path / "failing.json"
    process = await ChildProcess.start_module(
        "simulator.tools.chip.failing",
        *("--story", SALE, "--lives", "2", "--worlds", "1", "--json", str(output)),
        stderr=asyncio.subprocess.STDOUT,
    )
    code, text, _ = await asyncio.wait_for(process.ended(), PATIENCE_S)
    assert code == 0, text
    lives = json.loads(output.read_text())
    assert [life["wrong"] for life in lives] == ["", ""]
    assert len({life["site"] for life in lives}) == 2
    assert "1 restarts, approved" in text


class Board:
    """Stands in for `Lives`: a board with sites 1 to SITES, in this order."""

    worlds = 0

    async def __aenter__(self) -> Self:
        Board.worlds += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing was opened."""

    async def live(self, story: str, failure: Failure) -> BoardLife:
        await asyncio.sleep(0)
        new = [key for key in range(1, SITES + 1) if key not in failure.known]
        key = new[failure.passing] if failure.passing < len(new) else None
        site = None if key is None else Site(key, "a.py", "f", 0, 16, failure.visit)
        wrong = "the books differ" if key == BAD else ""
        return BoardLife(story, site, 1, "approved", ("approved",), "", 1.0, wrong)


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> failing.Campaign:
    monkeypatch.setattr(failing, "Lives", Board)
    monkeypatch.setattr(Board, "worlds", 0)
    return failing.Campaign(Failure(), failing.LIVES_MOST, lambda life: None)


@pytest.mark.parametrize("worlds", [1, 3])
async def test_every_site_fails_once_in_each_story(campaign: failing.Campaign, worlds: int) -> None:
    await campaign.run([SALE, FOUR], worlds)
    for story in (SALE, FOUR):
        failed = {life.site.key for life in campaign.lives if life.story == story and life.site}
        assert failed == set(range(1, SITES + 1))


async def test_a_life_that_goes_wrong_is_told_and_ends_its_world(
    campaign: failing.Campaign,
) -> None:
    await campaign.run([SALE], 1)
    assert [life.site.key for life in campaign.lives if life.site and life.wrong] == [BAD]
    assert Board.worlds == 2


async def test_a_story_has_no_more_lives_than_asked_for(campaign: failing.Campaign) -> None:
    few = failing.Campaign(Failure(), 5, lambda life: None)
    await few.run([SALE], 1)
    assert len(few.lives) == 5
