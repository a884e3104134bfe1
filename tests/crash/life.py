"""One life of the bridge: from a journal on disk to a crash at its n-th point.

A point is where a process may end: after each callback or resumption of a task, just before and
just after each commit of the journal, after each write to a line. A life that has ended does
nothing more, not even in a `finally`: its steps are parked, its journal and lines are cut off.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bridge.journal import Journal, JournalError, database, disk
from tests.crash.lives_loop import LIFE

if TYPE_CHECKING:
    import pytest

    from bridge.sales.sale_service import Service

JOURNAL = "journal.sqlite"
T = TypeVar("T")


class Crash(BaseException):
    """The process ends here: nothing of ours may catch it."""


class Jam:
    """What keeps every life from writing its journal, while `code` is one of SQLite's."""

    def __init__(self) -> None:
        self.code = 0
        self.met = 0  # writes that were turned down

    def check(self) -> None:
        """Raises as SQLite does."""
        if self.code:
            self.met += 1
            raise turned_down(self.code)


class Life:
    """Counts points; dies at point `end`, then calls `buried`. Points and ends begin with 1."""

    def __init__(
        self,
        folder: Path,
        end: int | None,
        buried: Callable[[], None],
        jam: Jam,
        kept: Callable[[Path], None],
    ) -> None:
        """`kept` hears of each commit, by the folder."""
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.points = 0
        self.dead = False
        self.last = "the start"  # what was done before the last point
        self.journal: Journal | None = None
        self.trace: list[str] = []
        self.service: Service | None = None  # once it has begun
        self.commits = 0
        self.full_at = 0  # the commit that finds no room
        self._jam = jam
        self._kept = kept
        self._end = end
        self._buried = buried
        self._parked: list[Callable[[], object]] = []
        self._released = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.context = copy_context()
        self.context.run(LIFE.set, self)

    # What the life does.

    def step(self, callback: Callable[..., object], *args: Any) -> None:
        if self.dead and not self._released:
            if _is_of_asyncio(callback):
                self._parked.append(partial(copy_context().run, callback, *args))
            return
        try:
            callback(*args)
            self.point(callback)
        except BaseException:  # whatever a crash turned into on its way out
            if not self.dead:
                raise

    def point(self, what: object) -> None:
        """The process may end here; raises Crash where it does."""
        if self.dead:
            return
        self.points += 1
        self.last = _named(what)
        self.trace.append(self.last)
        if self.points == self._end:
            self.die()
            raise Crash

    def end_after(self, points: int) -> None:
        """Die that many points from now."""
        self._end = self.points + points

    def die(self) -> None:
        """As by kill -9: the next life finds the files as they are just now."""
        leave(self.folder, self.folder.with_name(self.folder.name + "-grave"))
        self.cut()
        self._buried()

    def cut(self) -> None:
        """Nothing of it reaches the outside any more; nothing that was not committed is."""
        self.dead = True
        if self.journal is not None:
            self.journal._broken = JournalError("this life is over")
            self.journal._stack.close()

    # Its journal.

    def open_journal(self) -> Journal:
        """Raises Crash, and JournalError as `Journal` does."""
        self.journal = Journal.open(self.folder / JOURNAL)
        return self.journal

    def commit(self) -> None:
        """A commit is about to be made; raises as SQLite does where it cannot be."""
        self._jam.check()
        self.commits += 1
        if self.commits == self.full_at:
            raise turned_down(sqlite3.SQLITE_FULL)

    def committed(self) -> None:
        """It is on the disk; raises Crash."""
        self._kept(self.folder)
        self.point("after the commit")

    # After its death.

    def keep(self, task: asyncio.Task[None]) -> None:
        """Nobody else may hold what a crash has stopped, and it must not be collected."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def release(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let parked steps run, so that cancelled tasks can unwind; nothing of it goes out."""
        self._released = True
        if self.service is not None:
            _silence(self.service)
        while self._parked:
            loop.call_soon(self._parked.pop(0))


def turned_down(code: int) -> sqlite3.OperationalError:
    """SQLite's error with this code."""
    error = sqlite3.OperationalError("turned down")
    error.sqlite_errorcode = code
    return error


def _silence(service: Service) -> None:
    """What sessions and lanes were about to do is not done."""
    for session in service.sessions.values():
        session._controller.handle = lambda event, now: []  # type: ignore[method-assign]
    begun = service.outbox._begun
    while not begun.empty():
        begun.get_nowait()


def leave(folder: Path, grave: Path) -> None:
    """The files of a life as the next one finds them; without SQLite's shared memory."""
    grave.mkdir()
    for path in folder.iterdir():
        if path.is_dir():
            shutil.copytree(path, grave / path.name)
        elif not path.name.endswith(("-shm", ".lock")):
            shutil.copyfile(path, grave / path.name)


def at_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make points of what a journal does on the disk."""
    commit, settle = database.commit, disk.install

    def counted(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
        life = LIFE.get(None)

        def worked(db: sqlite3.Connection) -> T:
            done = work(db)
            if isinstance(life, Life):
                life.commit()
            here("before the commit")
            return done

        done = commit(db, worked)
        if isinstance(life, Life):
            life.committed()
        return done

    def settled(partial_: Path, final: Path) -> None:
        here("before an archive is settled")
        settle(partial_, final)
        here("after an archive was settled")

    monkeypatch.setattr(database, "commit", counted)
    monkeypatch.setattr(disk, "install", settled)


def here(what: str) -> None:
    """A point of the life that runs just now, if one does."""
    life = LIFE.get(None)
    if isinstance(life, Life):
        life.point(what)


def _is_of_asyncio(callback: Callable[..., object]) -> bool:
    """Whether a task needs it to come to its end."""
    owner = type(getattr(callback, "__self__", callback))
    return owner.__module__.startswith(("asyncio", "_asyncio")) or owner.__name__.startswith("Task")


def _named(what: object) -> str:
    """What a callback is, for whoever reads of a crash."""
    if isinstance(what, str):
        return what
    task = getattr(what, "__self__", None)
    if isinstance(task, asyncio.Task):
        coroutine = task.get_coro()
        return f"a step of {getattr(coroutine, '__qualname__', coroutine)}"
    return str(getattr(what, "__qualname__", what))
