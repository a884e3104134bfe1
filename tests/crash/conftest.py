"""What the tests of crashes share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

pytest.register_assert_rewrite("tests.crash.invariants", "tests.crash.rollback_invariants")

from bridge.journal import writer  # noqa: E402
from simulator.virtual.memos import remembered  # noqa: E402
from tests.crash import invariants, life  # noqa: E402
from tests.crash.scenarios import Case  # noqa: E402
from tests.crash.world import World  # noqa: E402
from tests.support.values.clocks import Clock  # noqa: E402

MakeWorld = Callable[..., World]


class Played(NamedTuple):
    """The last life of the bridge, point by point, and what is in its journal."""

    trace: list[str]
    kinds: set[str]
    commits: list[int]  # of each life

    @property
    def points(self) -> int:
        return len(self.trace)


Play = Callable[..., Played]


@pytest.fixture
def silent() -> Iterator[None]:
    """No log of thousands of runs. `disable` alone has loggers forget what they knew of levels."""
    shown = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(shown)


@pytest.fixture
def new_world(silent: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWorld]:
    """Makes worlds, one at a time: the bridge reads the latest one's clock."""
    clock = Clock()
    clock.install(monkeypatch)
    life.at_commits(monkeypatch)

    def make(*arguments: Any, **named: Any) -> World:
        world = World(*arguments, **named)
        clock.read, clock.passed = world.bridge_time, world.loop.time
        return world

    with remembered():  # thousands of worlds have the same keys, certificates and approvals
        yield make


@pytest.fixture
def play(new_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Plays a case, with these ends of the bridge's lives, and checks every invariant."""

    def played(case: Case, *ends: int, full_at: int = 0) -> Played:
        monkeypatch.setattr(writer, "ARCHIVE_AT", case.archive_at)
        options = {"tills": case.tills, "offline": case.offline, "watched": case.watched}
        world = new_world(ends, full_at=full_at, **options)
        try:
            world.run(case.play)
            quiet = invariants.check(world)
            kinds = {entry.kind for entry in quiet.entries}
            return Played(world.life.trace, kinds, [life.commits for life in world.lives])
        except (Exception, life.Crash) as error:
            full = f", no room at commit {full_at}" if full_at else ""
            error.add_note(f"{case.play.__name__}, {where(ends, world)}{full}")
            raise
        finally:
            world.close()

    return played


def where(ends: tuple[int, ...], world: World) -> str:
    """At which points the bridge ended, for whoever reads of a failure."""
    lasts = [f"{end}, {one.last}" for end, one in zip(ends, world.lives, strict=False)]
    return f"crashed at points {'; '.join(lasts)}" if lasts else "no crash"
