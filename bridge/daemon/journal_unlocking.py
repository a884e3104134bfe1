"""Open the journal at start, however long another program has it locked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.journal import Journal, JournalBusyError, JournalLaterError, holder
from bridge.observability.logs import Log

from . import systemd

if TYPE_CHECKING:
    from pathlib import Path

AGAIN_S = 0.5  # between two tries; a person who ends the other program waits for it
SAID_EVERY = 10  # tries: a line about every five seconds
EXTRA_S = 30  # longer start granted by the service manager, with each line

_log = Log(__name__)


async def opened(path: Path) -> Journal:
    """Try until it can be read and written; raises JournalError where waiting does not help."""
    failed = 0
    while (journal := _try(path, failed)) is None:
        failed += 1
        await asyncio.sleep(AGAIN_S)
    if failed:
        systemd.tell(systemd.STARTING)
    return journal


def _try(path: Path, failed: int) -> Journal | None:
    try:
        return Journal.open(path)
    except JournalLaterError as error:
        if failed % SAID_EVERY == 0:
            _say(path, error)
        return None


def _say(path: Path, error: JournalLaterError) -> None:
    locked = isinstance(error, JournalBusyError)
    cause = f"{path}: locked by {holder.name(path)}" if locked else str(error)
    _log.error("waiting for the journal", detail=cause)
    systemd.tell(systemd.patience(EXTRA_S, f"Waiting for the journal: {cause}"))
