"""How a journal stands beside what the authority and the file apart know of it, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bridge.authority.client import UnansweredError
from bridge.authority.messages import (
    Checked,
    Hash,
    KnownPosition,
    LifeId,
    PositionClaim,
    RunId,
    StandingAnswer,
    Verdict,
)
from bridge.books.books import Books
from bridge.books.event_bus import EventBus
from bridge.domain import alarms
from bridge.journal import Journal, Position, lives
from bridge.sales.journal_standing import JournalStanding, Phase

BRIDGE = b"bridge01"
OTHER = bytes(16)
NOTHING = bytes(32)


class World:
    """A journal with its standing, and a scripted authority; the last answer is for ever."""

    def __init__(self, journal: Journal, apart: Position | None, *answers: Any) -> None:
        self.journal = journal
        self.claims: list[PositionClaim] = []
        self.answers = list(answers)
        self.recovered = 0
        self.failing = 0
        books = Books(journal, EventBus(), self.fail)
        self.books = books
        self.standing = JournalStanding(
            bridge_id=BRIDGE,
            journal=journal,
            books=books,
            announce=self.announce,
            recover=self.recover,
            apart=apart,
        )

    def fail(self, error: Exception) -> None:
        raise AssertionError from error

    async def announce(self, claim: PositionClaim) -> StandingAnswer:
        self.claims.append(claim)
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, Exception):
            raise given
        answer: StandingAnswer = given
        return answer

    async def recover(self) -> None:
        if self.failing:
            self.failing -= 1
            raise UnansweredError("away")
        self.recovered += 1

    def serves(self) -> bool:
        return self.standing.serves

    async def steps(self, count: int) -> None:
        for _ in range(count):
            await self.standing._step()

    def alarms(self) -> list[str]:
        """The detail of each."""
        return [one.alarm.detail for one in self.books.alarms()]

    def causes(self) -> list[str]:
        return [life.cause for life in self.journal.lives()]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.open(tmp_path / "journal.sqlite")) as one:
        for number in range(3):
            one.append(1_800_000_000_000, f"sale-{number}", "rung", "{}")
        yield one


@pytest.fixture(autouse=True)
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entries are of no sale."""
    monkeypatch.setattr("bridge.books.books.event_codec.replay", lambda lines: {})


def current(newest: Position | None = None, follows: bytes = b"") -> StandingAnswer:
    life = LifeId(follows) if follows else None
    return StandingAnswer(Verdict.CURRENT, known(newest), life, 45, None)


def behind(newest: Position) -> StandingAnswer:
    return StandingAnswer(Verdict.BEHIND, known(newest), None, 45, None)


def waits(verdict: Verdict, newest: Position | None = None) -> StandingAnswer:
    return StandingAnswer(verdict, known(newest), None, 45, 7)


def known(newest: Position | None) -> KnownPosition | None:
    """As the authority has it."""
    if newest is None:
        return None
    life, sequence, hash_ = newest
    return KnownPosition(LifeId(life), RunId(8), sequence, Hash(hash_), 0)


async def test_a_journal_that_was_never_heard_of(journal: Journal) -> None:
    world = World(journal, None, current())
    assert (world.standing.phase, world.serves()) == (Phase.UNHEARD, True)
    assert not world.standing.is_whole
    assert await world.standing._step() == 15.0
    assert (world.standing.phase, world.standing.is_whole) == (Phase.CURRENT, True)
    assert (world.causes(), world.recovered) == ([lives.NEW], 0)


async def test_a_restart_shows_what_its_chain_has_at_the_newest_entry(journal: Journal) -> None:
    reached = journal.hash_at(2)
    assert reached
    newest = Position(journal.life, 2, reached)
    world = World(journal, newest, behind(newest), current(newest))
    assert not world.standing.is_whole  # an image of the disk takes the file apart along
    await world.steps(1)
    assert [claim.checked for claim in world.claims] == [None, Checked(2, Hash(reached))]
    assert (world.standing.phase, world.causes()) == (Phase.CURRENT, [lives.NEW])
    assert world.standing.is_whole


@pytest.mark.parametrize(
    "newest",
    [
        Position(bytes(range(16)), 3, NOTHING),  # of another life
        Position(b"", 4, NOTHING),  # beyond the end
        Position(b"", 2, NOTHING),  # of another history
    ],
    ids=["life", "beyond", "history"],
)
async def test_what_is_known_and_not_here(journal: Journal, newest: Position) -> None:
    if not newest.life:
        newest = newest._replace(life=journal.life)
    world = World(journal, newest)  # by the file apart, before the authority is asked
    assert (world.standing.phase, world.serves()) == (Phase.BEHIND, False)
    world = World(journal, None, behind(newest), current(), current())
    await world.steps(1)
    assert (world.standing.phase, world.causes()) == (Phase.BEHIND, [lives.NEW, lives.BEHIND])
    assert world.recovered == 0
    await world.steps(1)
    assert (world.recovered, world.serves()) == (1, False)
    await world.steps(1)
    assert (world.serves(), world.causes()) == (True, [lives.NEW, lives.BEHIND, lives.RECOVERED])
    assert world.claims[-1].previous == world.claims[-2].life
    assert [one.alarm.kind for one in world.books.alarms()] == [alarms.JOURNAL_BEHIND]


async def test_a_recovery_that_fails_is_done_again(journal: Journal) -> None:
    journal.begin_life(1_800_000_000_000, lives.RESTORED)
    world = World(journal, None, current())
    world.failing = 2
    await world.steps(2)
    assert (world.standing.phase, world.recovered) == (Phase.RECOVERING, 0)
    await world.steps(2)
    assert (world.standing.phase, world.recovered) == (Phase.CURRENT, 1)
    assert world.causes() == [lives.NEW, lives.RESTORED, lives.RECOVERED]


async def test_a_new_journal_in_the_place_of_a_lost_one(journal: Journal) -> None:
    world = World(journal, None, current(follows=OTHER))
    await world.steps(3)
    assert (world.standing.phase, world.recovered) == (Phase.CURRENT, 1)
    assert world.causes() == [lives.NEW, lives.BEHIND, lives.RECOVERED]


@pytest.mark.parametrize("verdict", [Verdict.IN_USE, Verdict.FORK])
async def test_another_bridge_with_this_journal(journal: Journal, verdict: Verdict) -> None:
    """It waits as long as the authority says, sells nothing, and asks nothing else."""
    world = World(journal, None, waits(verdict))
    assert await world.standing._step() == 7.0
    assert not world.serves()
    with pytest.raises(UnansweredError, match="another bridge"):
        await world.standing.header()
    assert world.causes() == [lives.NEW]


@pytest.mark.parametrize("verdict", [Verdict.IN_USE, Verdict.FORK])
async def test_what_lacks_nothing_was_only_in_use(journal: Journal, verdict: Verdict) -> None:
    """As after a crash between a new life and the first word of it to the authority."""
    world = World(journal, journal.position, waits(verdict), current(journal.position))
    await world.steps(1)
    assert (world.standing.phase, world.serves()) == (Phase.IN_USE, False)
    await world.steps(1)
    assert (world.standing.phase, world.causes()) == (Phase.CURRENT, [lives.NEW])
    assert (world.recovered, world.books.alarms()) == (0, [])


@pytest.mark.parametrize("verdict", [Verdict.IN_USE, Verdict.FORK])
async def test_what_lacks_the_others_end_is_behind(journal: Journal, verdict: Verdict) -> None:
    elsewhere = Position(OTHER, 7, NOTHING)
    world = World(
        journal, journal.position, waits(verdict, elsewhere), current(elsewhere), current()
    )
    await world.steps(4)
    assert (world.standing.phase, world.recovered) == (Phase.CURRENT, 1)
    assert world.causes() == [lives.NEW, lives.BEHIND, lives.RECOVERED]
    assert world.alarms() == ["it ends with entry 3; entry 7 was written before"]


async def test_the_alarm_says_what_is_lacking(journal: Journal) -> None:
    """Whatever it had to wait for before it was served."""
    newest = Position(journal.life, 4, NOTHING)
    world = World(journal, newest, waits(Verdict.FORK, newest), current())
    await world.steps(3)
    assert world.alarms() == ["it ends with entry 3; entry 4 was written before"]


async def test_a_copy_that_is_older_than_what_is_known_of_it(journal: Journal) -> None:
    """The position file lags behind by a second, also where it was put back with the journal."""
    world = World(journal, Position(OTHER, 1, NOTHING))
    assert world.standing.detail == "it was put back from an older copy"


async def test_nothing_is_asked_before_the_standing_is_known(journal: Journal) -> None:
    world = World(journal, None, UnansweredError("away"), current())
    running = asyncio.create_task(world.standing.run())
    try:
        with pytest.raises(UnansweredError, match="has not confirmed"):
            await world.standing.header()
        bridge, life, _, sequence, hash_ = (await world.standing.header()).split()
        assert world.standing.phase is Phase.CURRENT
        assert (bridge, int(sequence)) == (BRIDGE.hex(), journal.position.sequence)
        assert (life, hash_) == (journal.life.hex(), journal.position.hash.hex())
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_a_stop_says_so_and_waits_for_no_one(journal: Journal) -> None:
    world = World(journal, None, current(), UnansweredError("away"))
    await world.standing.end()
    assert world.claims == []  # it never served
    await world.steps(1)
    await world.standing.end()
    assert [claim.ended for claim in world.claims] == [False, True]


async def test_a_witness_stops_what_is_served(journal: Journal) -> None:
    world = World(journal, None, current())
    await world.steps(1)
    world.standing.suspect("a till has seen entry 99")
    assert not world.serves()
    await world.steps(3)
    assert (world.serves(), world.recovered) == (True, 1)
