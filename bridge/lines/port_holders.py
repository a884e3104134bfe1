"""Find the other programs that have a serial port open: they take bytes meant for the bridge.

Linux gives each byte to one reader only. Files of another user's processes cannot be seen;
programs that are known to open every new port are named if they run at all.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

PROCESSES = Path("/proc")
PROCESSES_MOST = 4096  # processes to look at: a terminal has a few hundred
FILES_MOST = 1024  # of each process: the usual limit of open files
THIEVES = ("ModemManager", "brltty")  # they look for modems and braille displays on every port
REMEDY = "stop it, and keep it away with docs/99-tillsign-receivers.rules"


class Holder(NamedTuple):
    """A process; `sure` if its open file was seen."""

    name: str
    process: int
    sure: bool

    def __str__(self) -> str:
        return f"{self.name} (process {self.process}){'' if self.sure else ', perhaps'}"


def find(device: str, but: Collection[int] = (), processes: Path = PROCESSES) -> list[Holder]:
    """Return the processes that have `device` open, without this one and `but`; blocks some ms."""
    try:
        file = Path(device).stat()
        numbers = list(islice(_numbers(processes), PROCESSES_MOST))
    except OSError:  # unplugged, or a system without /proc
        return []
    found = []
    for number in numbers:
        if number in (os.getpid(), *but):
            continue
        process = processes / str(number)
        holds, name = _holds(process / "fd", file), _name(process)
        if holds or (holds is None and name in THIEVES):
            found.append(Holder(name, number, bool(holds)))
    return found


def shown(holders: Collection[Holder]) -> str:
    return ", ".join(map(str, holders))


def _numbers(processes: Path) -> Iterator[int]:
    with os.scandir(processes) as entries:
        yield from (int(entry.name) for entry in entries if entry.name.isdecimal())


def _holds(files: Path, file: os.stat_result) -> bool | None:
    """Whether one of these is `file`; None without permission to see them."""
    try:
        with os.scandir(files) as entries:
            return any(_is(entry, file) for entry in islice(entries, FILES_MOST))
    except PermissionError:
        return None
    except OSError:  # the process has ended meanwhile
        return False


def _is(entry: os.DirEntry[str], file: os.stat_result) -> bool:
    try:
        return os.path.samestat(entry.stat(), file)
    except OSError:  # closed meanwhile
        return False


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return "a process"
