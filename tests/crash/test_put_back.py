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
from tests.crash.copies import NEWEST, NOTHING, File
from tests.crash.scenarios import CASES, Case
from tests.crash.world import World

AWAY_S = 20.0
MIDDLE_EVERY = 13  # points
NEVER = 0  # in the place of a point

by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.play.__name__)


class Trouble(NamedTuple):
    """What follows which life of the bridge, and how those end."""

    back: Mapping[int, int]  # after which life which copy, by its commit
    ends: tuple[int, ...] = ()  # points at which lives end in a crash
    stops: bool = False  # at the story's end the bridge is stopped, else it crashes
    file: File = File.BESIDE
    away_s: float = 0.0


class Told(NamedTuple):
    """What a world has come to."""

    commits: int
    at_ends: list[int]  # commits until the end of each life
    points: list[int]  # of each life
    journal_lives: int


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
            quiet = rollback_invariants.check(world)
            points = [life.points for life in world.lives]
            return Told(world.copies.commits, world.copies.at_ends, points, len(quiet.lives))
        except (Exception, life.Crash) as error:
            error.add_note(f"{case.play.__name__}, {trouble}")
            raise
        finally:
            world.close()

    return told


def _play(world: World, case: Case, trouble: Trouble) -> None:
    world.run(case.play)
    _rest(world)
    while len(world.lives) in trouble.back:
        world.end(stops=trouble.stops)
        _rest(world)


def _rest(world: World) -> None:
    """Tills take up their paper after each end of the bridge that they have seen."""
    seen = 0
    while seen < len(world.lives):
        seen = len(world.lives)
        world.come_to_rest(paper.take_up(world))


@by_case
def test_a_copy_of_any_commit(tell: Tell, case: Case) -> None:
    commits = tell(case, Trouble({})).commits
    for number in range(NOTHING, commits + 1):
        file = list(File)[number % 3]
        tell(case, Trouble({1: number}, stops=bool(number % 2), file=file))


@by_case
def test_in_the_middle_of_the_story(tell: Tell, case: Case) -> None:
    """After a crash at a later point, of which some follow the copy at once."""
    whole = tell(case, Trouble({}))
    for end in range(MIDDLE_EVERY, whole.points[0], MIDDLE_EVERY):
        commits = tell(case, Trouble({}, (end,))).at_ends[0]
        for number in range(end % 3, commits, 3):
            file, away_s = list(File)[end % 3], AWAY_S if case.offline else 0.0
            tell(case, Trouble({1: number}, (end,), file=file, away_s=away_s))


@by_case
def test_while_the_authority_is_away(tell: Tell, case: Case) -> None:
    """It is back after a while; until then the file apart tells, or none, or one that is as old."""
    commits = tell(case, Trouble({})).commits
    for number in range(NOTHING, commits + 1, 2):
        for file in File:
            tell(case, Trouble({1: number}, file=file, away_s=AWAY_S))


@by_case
def test_an_even_older_copy_after_the_first(tell: Tell, case: Case) -> None:
    """While the first is put right, or once it is."""
    commits = tell(case, Trouble({})).commits
    for number in range(2, commits + 1, 3):
        tell(case, Trouble({1: number, 2: number - 2}))


@by_case
def test_a_crash_while_recovering(tell: Tell, case: Case) -> None:
    told = tell(case, Trouble({}))
    for number in range(NOTHING, told.commits, 3):
        points = tell(case, Trouble({1: number})).points[-1]
        for end in range(1 + number % 7, points, 7):
            tell(case, Trouble({1: number}, (NEVER, end)))


@by_case
def test_a_restart_is_not_taken_for_a_copy(tell: Tell, case: Case) -> None:
    """From the newest folder: after a crash or a stop, whatever the file apart is worth."""
    for file in File:
        for stops in (False, True):
            told = tell(case, Trouble({1: NEWEST}, file=file, stops=stops))
            assert told.journal_lives == 1
