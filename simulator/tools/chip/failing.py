"""`python -m simulator.tools.chip.failing`: fail an allocation at every site, one in each life.

A story is lived until its lives come to no site that has not failed. The exit code is 1 if till,
phone and authority once did not agree, or the board did not sell again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from receiver.host.name_map import NameMap
from simulator.hardware.rv32 import receiver
from simulator.tools import figures

from .lives import STORIES, BoardLife, Failure, Lives, Site

OUTPUT = Path("build/failing.json")
WORLDS = 2  # at once: a life waits more than it computes
QUIET = 3  # lives in a row that come to no new site: events may come in another order
APART = 100  # new sites between two worlds
LIVES_MOST = 10_000
VISIT_MOST = 1000


class Campaign:
    """One story after the other in some worlds; `tell` gets each life.

    `failure` is like each of it; `most` limits the lives of a story.
    """

    def __init__(self, failure: Failure, most: int, tell: Callable[[BoardLife], object]) -> None:
        self.lives: list[BoardLife] = []
        self._failure = failure
        self._most = most
        self._tell = tell
        self._known: set[int] = set()
        self._left = 0  # lives of this story
        self._quiet = 0

    async def run(self, stories: list[str], worlds: int) -> None:
        """Go through these stories; what has failed in one may fail again in the next."""
        for story in stories:
            self._known, self._left, self._quiet = set(), self._most, 0
            await asyncio.gather(*(self._go_through(story, number) for number in range(worlds)))

    async def _go_through(self, story: str, number: int) -> None:
        """Live in one world; each begins elsewhere in the story, so that no two fail one site."""
        passing = number * APART
        while not self._is_over():
            async with Lives() as lives:
                while not self._is_over():
                    life = await self._live(lives, story, passing)
                    if life.site is None:
                        passing //= 2
                    if life.wrong:
                        break  # the next one begins in a sound world

    def _is_over(self) -> bool:
        return self._left <= 0 or self._quiet >= QUIET

    async def _live(self, lives: Lives, story: str, passing: int) -> BoardLife:
        self._left -= 1
        failure = self._failure._replace(passing=passing, known=frozenset(self._known))
        life = await lives.live(story, failure)
        if life.site is not None:
            self._known.add(life.site.key)
            self._quiet = 0
        elif not passing:
            self._quiet += 1
        self.lives.append(life)
        self._tell(life)
        return life


class Names:
    """Sites in the names of the sources."""

    def __init__(self) -> None:
        self._functions = NameMap.load(receiver.NAMES).functions

    def of(self, site: Site) -> str:
        """Return function, bytecode and size of an allocation."""
        known = self._functions.get(site.function, [(site.function, site.file, 0)])
        name = " or ".join(f"{Path(file).stem}.{name}" for name, file, _ in known[:2])
        return f"{name}+{site.offset} ({site.size} bytes)"


def main() -> int:
    """Run the campaign, print its table, and write every life to a file."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator.tools.chip.failing", description=__doc__
    )
    parser.add_argument("--story", choices=STORIES, action="append", help="default: all of them")
    parser.add_argument("--visit", type=int, default=1, help="of a site that fails (default: 1)")
    parser.add_argument(
        "--second", type=int, default=0, help="also fail so many allocations later (default: never)"
    )
    parser.add_argument("--lives", type=int, default=LIVES_MOST, help="of a story, at most")
    parser.add_argument("--worlds", type=int, default=WORLDS, help=f"default: {WORLDS}")
    parser.add_argument("--json", type=Path, default=OUTPUT, help=f"default: {OUTPUT}")
    arguments = parser.parse_args()
    if not 1 <= arguments.visit <= VISIT_MOST:
        parser.error(f"--visit takes a number from 1 to {VISIT_MOST}")
    logging.getLogger("bumble").setLevel(logging.CRITICAL)  # boards disappear at any moment
    receiver.frozen_image(sites=True)
    names, began = Names(), time.monotonic()
    failure = Failure(visit=arguments.visit, second=arguments.second)
    campaign = Campaign(failure, arguments.lives, lambda life: _tell(names, life))
    asyncio.run(campaign.run(arguments.story or list(STORIES), arguments.worlds))
    lives = campaign.lives
    document = [
        {**life._asdict(), "site": names.of(life.site) if life.site else None} for life in lives
    ]
    figures.write(document, arguments.json)
    figures.console().print(_table(lives, time.monotonic() - began))
    return int(any(life.wrong for life in lives))


def _tell(names: Names, life: BoardLife) -> None:
    site = names.of(life.site) if life.site else "nothing new"
    print(
        f"{life.story}: {site}: {life.restarts} restarts, {life.state}, "
        f"{' '.join(life.phones)} {life.wrong} ({life.seconds:.1f} s)",
        flush=True,
    )


def _table(lives: list[BoardLife], seconds: float) -> object:
    title = f"Allocations that failed, {seconds / 60:.0f} minutes"
    words = ("sites", "lives", "restarted", "went on", "approved", "not sold", "wrong")
    table = figures.table("story", *words, title=title)
    for story in dict.fromkeys(life.story for life in lives):
        mine = [life for life in lives if life.story == story]
        counts = Counter(_outcome(life) for life in mine if life.site is not None)
        ends = Counter(life.state == "approved" for life in mine)
        numbers = (
            len({life.site.key for life in mine if life.site}),
            len(mine),
            *(counts["restarted"], counts["went on"]),
            *(ends[True], ends[False]),
            sum(bool(life.wrong) for life in mine),
        )
        table.add_row(story, *map(str, numbers))
    return table


def _outcome(life: BoardLife) -> str:
    return "restarted" if life.restarts else "went on"


if __name__ == "__main__":
    sys.exit(main())
