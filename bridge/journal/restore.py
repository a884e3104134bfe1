"""Replace a journal by a backup; the entry of a new life records the restore."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from . import archive, backup, database, disk, lock
from .errors import BackupError, DamageError, failures
from .lives import RESTORED
from .opening import restoring
from .reader import Reader
from .verify import verify
from .writer import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from .backup import Backup, Progress
    from .verify import Report


class Restored(NamedTuple):
    """What the journal holds now, and where the old one is."""

    report: Report
    aside: Path | None


def restore(directory: Path, journal: Path, progress: Progress, *, replace: bool) -> Restored:
    """Put the backup in `directory` in the place of `journal`, in a new life.

    Raises JournalError where a bridge has the journal, BackupError where there is no backup or a
    journal that is not to be replaced, DamageError where the backup is damaged, OSError where
    files cannot be written. Nothing is changed before all is copied and checked.
    """
    with ExitStack() as stack:
        with failures(journal):
            stack.enter_context(lock.hold(journal))
        found = backup.found(directory)
        if _stands(journal) and not (replace or restoring(journal).exists()):
            raise BackupError(
                f"{journal}: exists already; --replace puts it aside and deletes nothing"
            )
        staged = _staging(journal) / journal.name
        stack.callback(shutil.rmtree, staged.parent, ignore_errors=True)
        report = _staged(directory, found, staged, progress)
        return Restored(report, _put(staged, journal))


def _staged(directory: Path, found: Backup, staged: Path, progress: Progress) -> Report:
    """Make a checked copy; raises DamageError where the backup is damaged."""
    try:
        _copy(directory / found.folder, staged)
        return _check(staged, found, progress)
    except DamageError as error:
        raise DamageError(f"{directory}: is damaged, and nothing was changed: {error}") from error


def _copy(source: Path, staged: Path) -> None:
    """Copy to the disk of the journal, so that renaming is enough at the end."""
    if staged.parent.exists():
        disk.remove_tree(staged.parent)
    disk.folder(staged.parent)
    disk.folder(archive.folder(staged))
    original = source / backup.JOURNAL
    disk.copy(original, staged)
    for number in archive.numbers(original):
        backup.copy_archive(archive.file(original, number), archive.file(staged, number))


def _check(staged: Path, found: Backup, progress: Progress) -> Report:
    """Check that it is the manifest's backup, migrate an older one, and begin a new life."""
    with closing(Journal.open(staged)) as copy:
        if copy.hash_at(found.sequence) != bytes.fromhex(found.hash):
            raise DamageError(f"{staged}: is not the backup in {backup.MANIFEST}")
        copy.begin_life(time.time_ns() // 1_000_000, RESTORED)
    with Reader(staged) as made:
        report = verify(made, progress)
    if report.findings:
        raise DamageError("; ".join(report.findings))
    for file in (lock.file_of(staged), *database.beside(staged)):  # empty: nothing is open
        file.unlink(missing_ok=True)
    for path in (staged, archive.folder(staged), staged.parent):
        disk.sync(path)
    return report


def _put(staged: Path, journal: Path) -> Path | None:
    """Move the old files aside, then the new ones in; a bridge cannot start meanwhile."""
    disk.give(staged.parent, journal.parent)
    disk.give(lock.file_of(journal), journal.parent)
    restoring(journal).touch(disk.PRIVATE)
    disk.sync(journal.parent)
    aside = _aside(journal) if _stands(journal) else None
    archive.folder(staged).rename(archive.folder(journal))
    staged.rename(journal)
    disk.sync(journal.parent)
    disk.remove(restoring(journal))
    return aside


def _aside(journal: Path) -> Path:
    """Name a folder for the old journal and its archives, after their last moment."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = journal.with_name(f"{journal.name}-until-{now}")
    disk.folder(aside)
    disk.give(aside, journal.parent)
    for path in _files(journal):
        if path.exists():
            path.rename(aside / path.name)
    disk.sync(aside)
    disk.sync(journal.parent)
    return aside


def _staging(journal: Path) -> Path:
    return journal.with_name(journal.name + "-staged")


def _files(journal: Path) -> list[Path]:
    return [journal, *database.beside(journal), archive.folder(journal)]


def _stands(journal: Path) -> bool:
    return any(path.exists() for path in _files(journal))
