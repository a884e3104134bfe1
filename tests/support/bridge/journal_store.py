"""A store with a journal and its backup: what tests of both commands share."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import main as cli
from bridge.journal import Journal, disk, position_file
from bridge.journal.reader import Reader
from tests.support.bridge.journals import CrashError, closed, tamper


def opened(path: Path) -> Journal:
    """With two archives, a sale that is open since before them, one more, and a WAL."""
    path.parent.mkdir()
    journal = Journal.open(path)
    journal.append(1, "open", "rung", "{}", b"an open secret")
    for number in (1, 2):
        sell(journal, f"sale {number}")
        journal.archive({"open"})
    sell(journal, "sale 3")
    return journal


def sell(journal: Journal, sale_id: str) -> None:
    journal.append(2, sale_id, "rung", "{}", sale_id.encode() + b" secret")
    journal.close_sale(closed(sale_id))
    journal.flush()


def run(path: Path, *arguments: object) -> int:
    return cli.main(["journal", "--journal", str(path), *map(str, arguments)])


def sales(path: Path) -> list[str]:
    with Reader(path) as reader:
        return [one.sale_id for one in reader.all_closed()]


def tree(place: Path) -> dict[str, bytes]:
    files = [file for file in place.rglob("*") if file.is_file()]
    return {str(file.relative_to(place)): file.read_bytes() for file in files}


def copied(place: Path) -> Path:
    """The journal in the one backup that is there."""
    [found] = [file for file in place.rglob("journal.sqlite") if ".partial" not in str(file)]
    return found


def copied_by_name(place: Path) -> Path:
    """The journal in the backup that the manifest names."""
    folder: str = json.loads((place / "backup.json").read_text())["folder"]
    return place / folder / "journal.sqlite"


def backed_up(path: Path, journal: Journal, place: Path) -> None:
    """A backup, then two sales more, an archive, and no bridge any more."""
    assert run(path, "backup", place) == 0
    for number in (4, 5):
        sell(journal, f"sale {number}")
    journal.archive({"open"})
    position_file.write(position_file.beside(path), journal.position)
    journal.close()


def root_of(path: Path, place: Path) -> Path:
    """The two on one disk, as `cuts` copies it."""
    root = path.parent.with_name("root")
    root.mkdir()
    path.parent.rename(root / "store")
    place.rename(root / "backup")
    return root


def missing_archive(path: Path) -> None:
    (path.with_suffix(".archive") / "000001.sqlite").unlink()


def damaged_archive(path: Path) -> None:
    archive = path.with_suffix(".archive") / "000002.sqlite"
    tamper(archive, "UPDATE entries SET body = '[]' WHERE kind = 'rung'")


def damaged_index(path: Path) -> None:
    tamper(path, "UPDATE closed SET amount = 1 WHERE sale_id = 'sale 1'")


class Cut:
    """Ends what is done with files at the `k`-th operation: without room, or without power."""

    def __init__(self, patch: pytest.MonkeyPatch, k: int, disk_: Path, left: Path | None) -> None:
        self._to_go = k
        self._disk = disk_
        self._left = left  # where the disk is kept as it is when the power goes
        for module, name in ((os, "fsync"), (disk, "copy")):
            patch.setattr(module, name, self.around(getattr(module, name)))
        for name in ("rename", "mkdir", "chmod", "replace", "touch", "unlink"):
            act = self.around(getattr(Path, name))
            patch.setattr(Path, name, lambda *a, act=act, **n: act(*a, **n))

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self._to_go -= 1
            if self._to_go <= 0:
                self.end()
            return act(*arguments, **named)

        return counted

    def end(self) -> None:
        if self._left is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if not self._left.exists():
            shutil.copytree(self._disk, self._left)
        raise CrashError


def cuts(root: Path, *command: str, crash: bool) -> Iterator[Path]:
    """The disk as `root`, after the command was cut off on it at each step in turn."""
    for k in range(1, 1000):
        now, left = root.with_name(f"now {k}"), root.with_name(f"left {k}")
        shutil.copytree(root, now)
        code = None
        with pytest.MonkeyPatch.context() as patch, suppress(CrashError):
            Cut(patch, k, now, left if crash else None)
            code = run(now / "store" / "journal.sqlite", command[0], now / "backup", *command[1:])
        yield left if left.exists() else now
        for done in (now, left):
            shutil.rmtree(done, ignore_errors=True)
        if code == 0:
            return
