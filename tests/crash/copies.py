"""Older copies of the journal's folder, and what others knew of it when one was put back."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bridge.domain import event_codec
from bridge.journal import Position
from bridge.journal.reader import Reader
from tests.crash.life import JOURNAL, leave
from tests.crash.template import BRIDGE_ID

if TYPE_CHECKING:
    from bridge.journal import Journal, Life
    from tests.crash.office import Office

# In the place of a copy's number.
NOTHING = 0  # the folder is lost
NEWEST = -1  # nothing is put back: a restart, and no more


class File(Enum):
    """Where the file apart is, with the newest position in it."""

    NONE = "nowhere"
    BESIDE = "in the folder: it is put back too"
    APART = "apart"


class Swap(NamedTuple):
    """One copy in the place of what a life of the bridge left."""

    lives: list[Life]  # of the copy
    owed: list[bytes]  # reversals that it owes
    lacks: list[Position]  # the newest that the authority and the file apart knew, if it lacks it
    sent: int  # requests that had left before
    seen: int  # events that a watcher had seen before
    outrun: bool  # whether it had seen an entry that is newer than all of the copy


class Copies:
    """Of one world, made when it is told what to put back."""

    def __init__(self, folder: Path, back: Mapping[int, int], file: File) -> None:
        """`back`: the copy after which commit follows which life; both begin with 1."""
        self.commits = 0
        self.at_ends: list[int] = []  # commits until the end of each life
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

    def put_back(self, life: int, grave: Path, office: Office, seen: list[int]) -> bool:
        """Whether a copy stands in the place of what this life left; `seen`: a till's cursors."""
        self.at_ends.append(self.commits)
        if life not in self._back:
            return False
        self._replace(grave, self._back[life])
        known = [position for position in (_known(office), self._filed) if position]
        judged = _judged(grave / JOURNAL, known)
        outrun = bool(seen) and max(seen) > _newest(grave / JOURNAL)
        self.swaps.append(Swap(*judged, len(office.sent), len(seen), outrun))
        return True

    def _replace(self, grave: Path, number: int) -> None:
        if number == NEWEST:
            return
        shutil.rmtree(grave)
        if number == NOTHING:
            grave.mkdir()
        else:
            shutil.copytree(self._place(number), grave)

    def _place(self, number: int) -> Path:
        return self._folder / f"copy{number}"


def _judged(path: Path, known: list[Position]) -> tuple[list[Life], list[bytes], list[Position]]:
    """The lives of a copy, what it owes, and which of these it lacks."""
    if not path.exists():
        return [], [], known
    with Reader(path) as journal:
        sales = event_codec.replay(journal.live())
        owed = [name for sale in sales.values() for name in sale.owed]
        return journal.lives(), owed, [one for one in known if lacks(journal, one)]


def _newest(path: Path) -> int:
    if not path.exists():
        return 0
    with Reader(path) as journal:
        return journal.position.sequence


def lacks(journal: Reader, position: Position) -> bool:
    """Whether an entry that was known of a journal is not in this one."""
    lives = [life.life for life in journal.lives()]
    return position.life not in lives or journal.hash_at(position.sequence) != position.hash


def _known(office: Office) -> Position | None:
    found = office.store.rows(
        "SELECT life, sequence, hash FROM positions WHERE bridge = ?", BRIDGE_ID
    )
    return Position(*found[0]) if found else None
