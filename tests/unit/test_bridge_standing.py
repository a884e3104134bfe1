"""A journal that waits for another run to be gone: what it is once it may serve."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from bridge.books import Books
from bridge.events import Hub
from bridge.journal import Journal, Position, lives
from bridge.money import alarms
from bridge.positions import Answer, Claim, Verdict
from bridge.standing import JournalStanding, Phase

BRIDGE = b"bridge01"
LEASE_S = 45.0
AGAIN_S = 0.001
ELSEWHERE = Position(bytes(16), 7, bytes(32))


def current(newest: Position | None) -> Answer:
    """It serves; `newest` is what the authority knew before."""
    return Answer(Verdict.CURRENT, newest, b"", LEASE_S, 0)


def wait(verdict: Verdict) -> Answer:
    return Answer(verdict, ELSEWHERE, b"", LEASE_S, AGAIN_S)


class Authority:
    """Answers each claim by the next line of its script; the last one is for ever."""

    def __init__(self, journal: Journal) -> None:
        self.script: list[Answer] = []
        self.phases: list[Phase] = []  # as each claim came
        self.recovered = 0
        self.books = Books(journal, Hub(), _fail)
        self.standing = JournalStanding(
            BRIDGE, journal, self.books, self._announce, self._recover, journal.position
        )

    async def known(self, *script: Answer) -> None:
        """Run with this script until the journal is current."""
        self.script = [*script]
        running = asyncio.create_task(self.standing.run())
        await self.standing.known()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def _announce(self, claim: Claim) -> Answer:
        self.phases.append(self.standing.phase)
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    async def _recover(self) -> None:
        self.recovered += 1


def _fail(error: Exception) -> None:
    raise error


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


@pytest.fixture
async def authority(journal: Journal) -> AsyncIterator[Authority]:
    one = Authority(journal)
    yield one
    await one.books.close()
    journal.close()


@pytest.mark.parametrize("verdict", [Verdict.IN_USE, Verdict.FORK])
async def test_what_lacks_nothing_was_only_in_use(
    journal: Journal, authority: Authority, verdict: Verdict
) -> None:
    """As after a crash between a new life and the first word of it to the authority."""
    await authority.known(wait(verdict), current(journal.position))
    assert authority.phases == [Phase.UNHEARD, Phase.IN_USE]
    assert [life.cause for life in journal.lives()] == [lives.NEW]
    assert (authority.recovered, authority.books.alarms()) == (0, [])


@pytest.mark.parametrize("verdict", [Verdict.IN_USE, Verdict.FORK])
async def test_what_lacks_the_others_end_is_behind(
    journal: Journal, authority: Authority, verdict: Verdict
) -> None:
    answers = [current(ELSEWHERE), current(ELSEWHERE), current(None)]
    await authority.known(wait(verdict), *answers)
    causes = [life.cause for life in journal.lives()]
    assert causes == [lives.NEW, lives.BEHIND, lives.RECOVERED]
    assert authority.recovered == 1
    [standing] = authority.books.alarms()
    assert standing.alarm.kind == alarms.JOURNAL_BEHIND
    assert "entry 7 was written before" in standing.alarm.detail
