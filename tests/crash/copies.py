"""Older copies of the journal's folder, and what others knew of it when one was put back."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bridge.journal import Position
from bridge.journal.reader import Reader
from bridge.money import facts
from tests.crash.life import JOURNAL, leave
from tests.crash.template import BRIDGE_ID

if TYPE_CHECKING:
    from bridge.journal import Journal, Life
    from tests.crash.office import Office

NOTHING = 0  # in the place of a copy's number: the folder is lost


class File(Enum):
    """Where the file apart is, with the newest position in it."""

    NONE = "nowhere"
    BESIDE = "in the folder: it is put back too"
    APART = "apart"


class Swap(NamedTuple):
    """One copy in the place of what a life of the bridge left."""

    lives: list[Life]  # of the copy
    owed: list[bytes]  # reversals that it owes
    told: bool  # whether the authority had been told of something that it lacks
    filed: bool  # whether the file apart names something that it lacks
    sent: int  # requests that had left before
    seen: int  # events that a watcher had seen before

    @property
    def is_known(self) -> bool:
        return self.told or self.filed


class Copies:
    """Of one world, made when it is told what to put back."""

    def __init__(self, folder: Path, back: Mapping[int, int], file: File) -> None:
        """`back`: the copy after which commit follows which life; both begin with 1."""
        self.commits = 0
        self.swaps: list[Swap] = []
        self._folder = folder
        self._back = back
        self._file = file
        self._filed: Position | None = None

    def committed(self, folder: Path) -> None:
        self.commits += 1
        if self.commits in self._back.values():
            leave(folder, self._place(self.commits))

    def note(self, journal: Journal) -> None:
        """Write the file apart, as the bridge does at its end."""
        if self._file is File.APART:
            self._filed = journal.position

    def filed(self, journal: Journal) -> Position | None:
        """What the file apart says to a life that begins with this journal."""
        return journal.position if self._file is File.BESIDE else self._filed

    def put_back(self, life: int, grave: Path, office: Office, seen: int) -> bool:
        """Whether a copy stands in the place of what this life left."""
        if life not in self._back:
            return False
        copy = self._back[life]
        shutil.rmtree(grave)
        if copy == NOTHING:
            grave.mkdir()
        else:
            shutil.copytree(self._place(copy), grave)
        known = _known(office), self._filed
        lives, owed, lacks = _judged(grave / JOURNAL, known)
        told, filed = lacks
        self.swaps.append(Swap(lives, owed, told, filed, len(office.sent), seen))
        return True

    def _place(self, number: int) -> Path:
        return self._folder / f"copy{number}"


def _judged(
    path: Path, known: Iterable[Position | None]
) -> tuple[list[Life], list[bytes], list[bool]]:
    """The lives of a copy, what it owes, and whether it lacks each of what is known."""
    if not path.exists():
        return [], [], [position is not None for position in known]
    with Reader(path) as journal:
        lives = journal.lives()
        sales = facts.replay(journal.live())
        owed = [name for sale in sales.values() for name in sale.owed]
        return lives, owed, [_lacks(journal, position) for position in known]


def _lacks(journal: Reader, position: Position | None) -> bool:
    if position is None:
        return False
    lives = [life.life for life in journal.lives()]
    return position.life not in lives or journal.hash_at(position.sequence) != position.hash


def _known(office: Office) -> Position | None:
    found = office.store.rows(
        "SELECT life, sequence, hash FROM positions WHERE bridge = ?", BRIDGE_ID
    )
    return Position(*found[0]) if found else None
