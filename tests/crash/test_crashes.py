"""A crash at every step: the bridge ends at its k-th point, and another goes on from its journal.

The journal's files are left as they are at that point, and the world around goes on: the authority
with its real books, the receiver with its session, the till with its paper.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

import pytest

from bridge.books import books
from bridge.domain import crash_recovery
from bridge.domain.states import State
from bridge.journal import Journal, batch
from bridge.sales import outbox, sale_service
from tests.crash import invariants
from tests.crash.conftest import MakeWorld, Play
from tests.crash.scenarios import CASES, Case
from tests.crash.till import UNPAID
from tests.crash.world import World

AGAIN_EVERY = 10  # first crashes, of which one is followed by a second
AGAIN_TIMES = 2  # at so many points of the recovery

by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.play.__name__)


@by_case
def test_with_no_crash(play: Play, case: Case) -> None:
    """What the case is about happens."""
    assert play(case).kinds >= set(case.about)


@by_case
def test_a_crash_at_every_point(play: Play, case: Case) -> None:
    for end in range(1, play(case).points + 1):
        play(case, end)


@by_case
def test_a_crash_while_recovering_from_one(play: Play, case: Case) -> None:
    for end in range(AGAIN_EVERY, play(case).points + 1, AGAIN_EVERY):
        points = play(case, end).points
        for again in range(1, AGAIN_TIMES + 1):
            play(case, end, (end * again) % points + 1)


@by_case
def test_no_room_at_any_commit(play: Play, case: Case) -> None:
    """What follows from it waits, and goes on once there is room; no bridge ends."""
    [commits] = play(case).commits
    for full_at in range(1, commits + 1):
        play(case, full_at=full_at)


def test_a_patience_that_ends_while_the_journal_is_locked(new_world: MakeWorld) -> None:
    """It ends once that is over, though nothing else happens at this till."""
    world = new_world()

    async def locked(world: World) -> None:
        await world.until(lambda: world.is_up)
        world.counters[3].unplug()
        world.jam.code = sqlite3.SQLITE_BUSY
        selling = asyncio.create_task(world.till.sell("sale-0123456789ab"))
        await asyncio.sleep(60)
        world.jam.code = 0
        await selling
        world.counters[3].plug()

    try:
        world.run(locked)
        assert world.jam.met
        assert world.till.paper == {"sale-0123456789ab": UNPAID}
        invariants.check(world)
    finally:
        world.close()


def test_the_same_points_every_time(play: Play) -> None:
    """Else "every point" would mean nothing."""
    assert play(CASES[0]).trace == play(CASES[0]).trace
    assert play(CASES[0], 50).trace == play(CASES[0], 50).trace


# What the invariants are worth: each of these mistakes in the bridge breaks one of them.


def _forgets_to_recover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "recover", lambda sale: None)


def _shows_before_it_is_journalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sale_service.Service, "show", lambda self, sale: None)


def _owes_nothing_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox.Outbox, "resume", lambda self, sale: None)


def _believes_that_silence_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(crash_recovery.RECOVERY, State.ASKED, None)
    monkeypatch.setitem(crash_recovery.RECOVERY, State.AUTHORISING, None)


def _notes_what_must_be_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "flush", lambda self: None)


def _reverses_what_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        crash_recovery.RECOVERY, State.TOLD, crash_recovery.RECOVERY[State.APPROVED]
    )


def _keeps_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_ERASE", "DELETE FROM secrets WHERE entry = -?")


MISTAKES = (
    (_forgets_to_recover, "waits for ever"),
    (_shows_before_it_is_journalled, "nobody_contradicts_the_till"),
    (_owes_nothing_after_a_restart, "never quiet"),
    (_believes_that_silence_is_no, "waits for ever"),
    (_notes_what_must_be_on_disk, "nothing_is_pending_without_an_owner"),
    (_reverses_what_was_told, "nobody_contradicts_the_till"),
    (_keeps_proofs, "no_proof_outlives_its_sale"),
)


@pytest.mark.parametrize(("mistake", "broken"), MISTAKES)
def test_mistakes_are_found(
    play: Play,
    monkeypatch: pytest.MonkeyPatch,
    mistake: Callable[[pytest.MonkeyPatch], None],
    broken: str,
) -> None:
    """By name: what breaks, or what never comes."""
    points = play(CASES[0]).points
    mistake(monkeypatch)
    with pytest.raises(AssertionError) as found:
        _try_all(play, points)
    assert broken in " ".join([str(found.value), *found.value.__notes__])


def _try_all(play: Play, points: int) -> None:
    for end in range(points, 0, -1):
        play(CASES[0], end)
