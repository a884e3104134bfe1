"""Faults of the journal and of tills, one after the other.

Another program locks the journal; it is backed up, restored and replaced by an older disk image; a
till is renumbered, or gets another receiver. Bridge or authority may crash in the middle of each.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from asyncio.subprocess import STDOUT
from collections import Counter as Counts
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bridge.journal import archive, backup
from bridge.journal.reader import Reader
from simulator.processes.child_process import ChildProcess, Ended

from .event_watcher import EventWatcher, Point
from .kills import Victims
from .plan import BACKUP, COPY_BACK, EXCHANGE, IMAGE, LOCK, RENUMBER, RESTORE, Change, JournalFault
from .shop import Counter, Shop

BUSY_S = 10.0  # for a lock that the bridge has at that moment
NS = 1_000_000_000
_FOLDER = "%Y%m%dT%H%M%S.%fZ"  # of a backup: its start
_NOT_ON_THE_IMAGE = (".lock", "-staged")  # of the machine, not of the disk's contents
# The log lines about a journal that was restored.
_RECOVERY = ("the journal is behind", "recovered", "alarm", "the journal is recovered")


class JournalFaults:
    """The faults; `say_again` has every till repeat its decisions since then (ns since 1970)."""

    def __init__(
        self,
        shop: Shop,
        victims: Victims,
        watcher: EventWatcher,
        say_again: Callable[[int], Awaitable[None]],
    ) -> None:
        self.done: Counts[str] = Counts()
        self._shop = shop
        self._victims = victims
        self._watcher = watcher
        self._say_again = say_again
        self._backups = shop.directory / "backup"
        self._image = shop.directory / "image"
        self._image_at = 0
        self._image_of = self._backup_of = 0  # the watcher's era at that time
        self._rewound_at = 0  # bytes of the bridge's log
        self._kinds = {
            LOCK: self._lock,
            BACKUP: self._backup,
            RESTORE: self._restore,
            IMAGE: self._take_image,
            COPY_BACK: self._copy_back,
        }

    def rewinds(self) -> int:
        """Return how often an older journal was restored, or is being restored."""
        return self.done[RESTORE] + self.done[COPY_BACK]

    async def run(self, faults: Iterable[JournalFault]) -> None:
        """Run all faults, in their order."""
        for fault in faults:
            await self._victims.until(fault.sales)
            async with asyncio.TaskGroup() as tasks:
                if fault.kill:
                    tasks.create_task(self._victims.kill(fault.kill))
                tasks.create_task(self._kinds[fault.kind](fault))

    async def change(self, change: Change, counter: Counter) -> None:
        """Change a till between two of its sales."""
        does = {RENUMBER: self._shop.renumber, EXCHANGE: self._shop.exchange}[change.kind]
        async with asyncio.TaskGroup() as tasks:
            if change.kill:
                tasks.create_task(self._victims.kill(change.kill))
            tasks.create_task(self._victims.without_bridge(partial(does, counter)))
        self.done[change.kind] += 1

    def recovery(self) -> list[str]:
        """Return the bridge's log about the last restored journal."""
        with self._shop.bridge.log.open(encoding="utf-8") as log:
            log.seek(self._rewound_at)
            lines = [json.loads(line) for line in log if line.startswith("{")]
        return [_said(line) for line in lines if line["event"] in _RECOVERY]

    async def _lock(self, fault: JournalFault) -> None:
        await asyncio.to_thread(_hold, self._shop.journal, fault.lasts_s)
        self.done[LOCK] += 1

    async def _backup(self, fault: JournalFault) -> None:
        self._backup_of = self._watcher.era
        await self._command(fault, "backup", str(self._backups))
        self.done[BACKUP] += 1

    async def _restore(self, fault: JournalFault) -> None:
        """Restore a backup; repeat what was decided since it was begun."""
        made = backup.found(self._backups)
        begun = datetime.strptime(made.folder, _FOLDER).replace(tzinfo=UTC)

        async def restore() -> Point:
            self.done[RESTORE] += 1
            await self._command(fault, "restore", str(self._backups), "--replace")
            return Point(self._backup_of, made.sequence)

        await self._put_back(restore, int(begun.timestamp() * NS))

    async def _take_image(self, fault: JournalFault) -> None:
        """Copy the disk as it is after a crash."""
        self._image_at, self._image_of = time.time_ns(), self._watcher.era

        async def copy() -> None:
            shutil.rmtree(self._image, ignore_errors=True)
            self._image.mkdir()
            _copy(_files(self._shop.journal), self._image)

        await self._victims.without_bridge(copy)
        self.done[IMAGE] += 1

    async def _copy_back(self, fault: JournalFault) -> None:
        journal = self._shop.journal

        async def put_back() -> Point:
            self.done[COPY_BACK] += 1
            for path in _files(journal):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            _copy(self._image.iterdir(), journal.parent)
            with Reader(journal) as older:
                return Point(self._image_of, older.position.sequence)

        await self._put_back(put_back, self._image_at)

    async def _put_back(self, older: Callable[[], Awaitable[Point]], since_ns: int) -> None:
        """Put an older journal back, which ends at `older`."""

        async def work() -> None:
            self._rewound_at = self._shop.bridge.log.stat().st_size
            self._watcher.put_back(await older())

        await self._victims.without_bridge(work)
        await self._say_again(since_ns)

    async def _command(self, fault: JournalFault, *words: str) -> None:
        """Run `tillsign journal`; it may be killed in the middle, and then runs again."""
        arguments = ("bridge.cli", "journal", *words, "--config", str(self._shop.bridge.config))
        for cut_s in (fault.cut_s, None) if fault.cut_s else (None,):
            process = await ChildProcess.start_module(*arguments, stderr=STDOUT)
            ended = await _ended(process, cut_s)
            if ended.code == 0:
                return
        raise RuntimeError(f"{' '.join(words)}: {ended.out.strip()}")


async def _ended(process: ChildProcess, cut_s: float | None) -> Ended:
    """Return its end, a kill after `cut_s`."""
    try:
        async with asyncio.timeout(cut_s):
            return await process.ended()
    except TimeoutError:
        process.kill()
        return await process.ended()


def _hold(journal: Path, seconds: float) -> None:
    """Hold SQLite's write lock, as another program may."""
    uri = f"{journal.resolve().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S)) as db:
        db.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        db.execute("ROLLBACK")


def _files(journal: Path) -> list[Path]:
    """Return all files that a disk image has of a journal."""
    found = [*journal.parent.glob(f"{journal.name}*"), archive.folder(journal)]
    aside = f"{journal.name}-until-"
    return [
        path
        for path in found
        if path.exists() and not path.name.endswith(_NOT_ON_THE_IMAGE)
        if not path.name.startswith(aside)
    ]


def _copy(files: Iterable[Path], to: Path) -> None:
    for path in files:
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, to / path.name)


def _said(line: dict[str, str]) -> str:
    words = (line.get(name) for name in ("time", "event", "kind", "sale", "state", "detail"))
    return " ".join(word for word in words if word)
