"""Backups: the journal with its archives at one moment, in their own folder.

A folder holds one backup, which the file MANIFEST names; that file is replaced in one step, so that
there is always one complete backup, old or new.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from . import archive, database, disk
from .chain import HASH_SIZE
from .errors import BackupError, DamageError, failures
from .reader import Reader
from .verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Progress = Callable[[int, int], None]

FORMAT = 1
MANIFEST = "backup.json"
JOURNAL = "journal.sqlite"  # whatever name the bridge uses
_TEXTS = ("folder", "life", "hash")
_NEW = MANIFEST + "-new"
_PARTIAL = ".partial"
_FOLDER = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z")
_OURS = re.compile(rf"{re.escape(MANIFEST)}(-new)?|{_FOLDER.pattern}({re.escape(_PARTIAL)})?")


class Backup(NamedTuple):
    """What a backup holds, and how far it goes; times in milliseconds since 1970."""

    folder: str  # where it is, in the folder of the manifest
    made_at: int
    entries: int
    archives: int
    closed: int
    newest_at: int
    life: str
    sequence: int
    hash: str


def make(journal: Path, directory: Path, progress: Progress) -> Backup:
    """Replace the backup in `directory` by a new one, also beside a running bridge.

    Raises BackupError where the folder is not for backups, DamageError where the journal is
    damaged, OSError where the copy cannot be written. The old backup stays then.
    """
    with _held(directory):
        _clear(directory, keep=_named(directory))
        now = datetime.now(UTC)
        name = now.strftime("%Y%m%dT%H%M%S.%fZ")
        partial = directory / (name + _PARTIAL)
        partial.mkdir(disk.PRIVATE_FOLDER)
        try:
            backup = _copy(journal, partial, name, progress)
            partial.rename(directory / name)
        except BaseException:
            disk.remove_tree(partial)
            raise
        disk.sync(directory)
        _name(directory, backup)
        _clear(directory, keep=name)
        return backup


def found(directory: Path) -> Backup:
    """Return the backup in a folder; raises BackupError."""
    try:
        values = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        if values.pop("format") != FORMAT:
            raise BackupError(f"{directory}: is a backup of a newer version: restore it with that")
        backup = Backup(**values)
        kinds = {name: str if name in _TEXTS else int for name in Backup._fields}
        if not all(isinstance(getattr(backup, name), kind) for name, kind in kinds.items()):
            raise TypeError
        if not _FOLDER.fullmatch(backup.folder) or len(bytes.fromhex(backup.hash)) != HASH_SIZE:
            raise ValueError
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        raise BackupError(f"{directory}: holds no complete backup ({MANIFEST} names it)") from None
    return backup


def _copy(journal: Path, partial: Path, name: str, progress: Progress) -> Backup:
    """Copy one moment of the journal. Its archives of that moment are complete and never change:
    an archive made meanwhile holds entries of the copied live part.
    """
    copied = partial / JOURNAL
    with Reader(journal) as source:  # no longer than that: it keeps a bridge's WAL from shrinking
        archives = [number for number, _ in archive.known(source.db)]
        _copy_live(source, copied)
    files = 2 * (len(archives) + 1)  # each is written, and read again
    disk.folder(archive.folder(copied))
    for done, number in enumerate(archives, 1):
        progress(done, files)
        copy_archive(archive.file(journal, number), archive.file(copied, number))
    disk.sync(archive.folder(copied))
    disk.sync(partial)
    with Reader(copied) as made:
        report = verify(made, lambda done, _: progress(files // 2 + done, files))
        position = made.position
    if report.findings:
        raise DamageError("; ".join(report.findings))
    counts = (report.entries, report.archives, report.closed, report.newest_at)
    reached = (position.life.hex(), position.sequence, position.hash.hex())
    return Backup(name, time.time_ns() // 1_000_000, *counts, *reached)


def _copy_live(source: Reader, target: Path) -> None:
    """Copy to a file that needs no other file beside it."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL, disk.PRIVATE))
    with failures(target), closing(database.plain(target)) as copy:
        source.db.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    disk.sync(target)


def copy_archive(source: Path, target: Path) -> None:
    """Copy; raises ArchiveError where it is missing, OSError where it cannot be written."""
    archive.must_exist(source)
    disk.copy(source, target, disk.READ_ONLY)


def _name(directory: Path, backup: Backup) -> None:
    """Make it the folder's backup, from now on."""
    (directory / _NEW).unlink(missing_ok=True)
    text: dict[str, Any] = {"format": FORMAT, **backup._asdict()}
    disk.write(directory / _NEW, json.dumps(text, indent=2) + "\n")
    (directory / _NEW).replace(directory / MANIFEST)
    disk.sync(directory)


def _named(directory: Path) -> str:
    """Return the folder of the present backup; empty for none."""
    if not (directory / MANIFEST).exists():
        return ""
    return found(directory).folder


def _clear(directory: Path, keep: str) -> None:
    """Remove all but `keep`: an older backup, or the remains of a new one after a crash."""
    for path in directory.iterdir():
        if _FOLDER.fullmatch(path.name.removesuffix(_PARTIAL)) and path.name != keep:
            disk.remove_tree(path)


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Lock the folder, made if missing, for one backup at a time; raises BackupError."""
    try:
        directory.mkdir(disk.PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        raise BackupError(f"{directory}: cannot be created: {error.strerror}") from None
    foreign = [path.name for path in directory.iterdir() if not _OURS.fullmatch(path.name)]
    if foreign:
        raise BackupError(
            f"{directory}: holds {foreign[0]}, which is not part of a backup; name an empty folder"
        )
    file = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"{directory}: another backup is running there; wait") from None
        yield
    finally:
        os.close(file)
