"""The journal's newest position in a small, separate file: it shows that an old copy was restored.

It is written without waiting for the disk, off the event loop, and lags by LAG_S: it is no part of
a sale. Its content counts only as far as it can be checked against the journal.
"""

from __future__ import annotations

import asyncio
import os
import re
from hashlib import sha256
from typing import TYPE_CHECKING

from bridge import foreign_code
from bridge.observability.logs import Log

from . import Position

if TYPE_CHECKING:
    from pathlib import Path

    from . import Journal

LAG_S = 1.0  # a till itself reports what it knows of the last second
_SUFFIX = "-position"
_FORMAT = "tillsign-position 1"
_LINE = re.compile(
    rf"({_FORMAT} ([0-9a-f]{{32}}) (0|[1-9][0-9]{{0,18}}) ([0-9a-f]{{64}})) ([0-9a-f]{{16}})\n"
)
_MOST = 256  # bytes; a line is shorter
_MODE = 0o600

_log = Log(__name__)


def beside(journal: Path) -> Path:
    """Return the default place of the file."""
    return journal.with_name(journal.name + _SUFFIX)


def read(path: Path) -> Position | None:
    """Read the last position; None, with a log line, where it cannot be read."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST).decode("ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        _log.warning("position not read", detail=f"{path}: {error}")
        return None
    found = _LINE.fullmatch(text)
    if found is None or found[5] != _checksum(found[1]):
        _log.warning("position not read", detail=f"{path}: is damaged, or another file")
        return None
    return Position(bytes.fromhex(found[2]), int(found[3]), bytes.fromhex(found[4]))


def write(path: Path, position: Position) -> None:
    """Replace the file in one step; raises OSError."""
    text = f"{_FORMAT} {position.life.hex()} {position.sequence} {position.hash.hex()}"
    fresh = path.with_name(path.name + "-new")
    with open(fresh, "w", encoding="ascii", opener=_private) as file:
        file.write(f"{text} {_checksum(text)}\n")
    fresh.replace(path)


def last(journal: Journal, path: Path) -> None:
    """Write the journal's position at the end of the bridge."""
    try:
        write(path, journal.position)
    except Exception as error:
        _not_kept(path, error)


async def keep(journal: Journal, path: Path) -> None:
    """Write each new position, at most one every LAG_S; raises ReplacedError.

    Compare the file with the journal before: it is overwritten.
    """
    written: Position | None = None
    failing = False
    while True:
        journal.check_place()
        position = journal.position
        if position != written:
            try:
                await asyncio.to_thread(write, path, position)
                written, failing = position, False
            except Exception as error:
                if not failing:
                    _not_kept(path, error)
                failing = True
        await asyncio.sleep(LAG_S)


def _not_kept(path: Path, error: Exception) -> None:
    _log.warning(
        "position not written", detail=f"{path}: {foreign_code.said(foreign_code.POSITION, error)}"
    )


def _checksum(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, _MODE)
