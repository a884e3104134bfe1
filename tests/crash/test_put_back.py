"""An older copy of the journal is put back, taken at any commit: no money is lost or doubled.

The copy follows the story's end, or a crash in the middle of it. Tills go on with their paper,
phones and receivers with what they hold, the authority with its books.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from bridge.journal import writer
from tests.crash import life, paper, rollback_invariants
from tests.crash.conftest import MakeWorld
from tests.crash.copies import NOTHING, File
from tests.crash.scenarios import CASES, Case
from tests.crash.world import World

AWAY_S = 20.0

by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.play.__name__)


class Trouble(NamedTuple):
    """What follows which life of the bridge, and how those end."""

    back: Mapping[int, int]  # after which life which copy, by its commit
    ends: tuple[int, ...] = ()  # points at which lives end in a crash; after them the story's end
    stops: bool = False  # at the story's end the bridge is stopped, else it crashes
    file: File = File.NONE
    away_s: float = 0.0


class Told(NamedTuple):
    """What a world has come to."""

    commits: int
    points: list[int]  # of each life


Tell = Callable[[Case, Trouble], Told]


@pytest.fixture
def tell(new_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Plays a case to its end with this trouble, and checks every invariant."""

    def told(case: Case, trouble: Trouble) -> Told:
        monkeypatch.setattr(writer, "ARCHIVE_AT", case.archive_at)
        options = {"tills": case.tills, "offline": case.offline, "watched": case.watched}
        world = new_world(trouble.ends, back=trouble.back, file=trouble.file, **options)
        world.away_s = trouble.away_s
        try:
            _play(world, case, trouble)
            rollback_invariants.check(world)
            return Told(world.copies.commits, [life.points for life in world.lives])
        except (Exception, life.Crash) as error:
            error.add_note(f"{case.play.__name__}, {trouble}")
            raise
        finally:
            world.close()

    return told


def _play(world: World, case: Case, trouble: Trouble) -> None:
    world.run(case.play)
    if len(world.lives) in trouble.back:
        world.end(stops=trouble.stops)
    world.come_to_rest(paper.take_up(world))


@by_case
def test_a_copy_of_any_commit(tell: Tell, case: Case) -> None:
    commits = tell(case, Trouble({})).commits
    for number in range(NOTHING, commits + 1):
        file = list(File)[number % 3]
        tell(case, Trouble({1: number}, stops=bool(number % 2), file=file))
