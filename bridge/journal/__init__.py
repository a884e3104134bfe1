"""The journal of a bridge: append-only, hash-chained, archived; its secrets can be erased."""

from .errors import (
    ArchiveError,
    CursorError,
    DamageError,
    JournalBusyError,
    JournalError,
    JournalFullError,
    JournalLaterError,
    ReplacedError,
)
from .records import Acknowledgement, Alarm, Closed, Entry, Life, Position, Standing
from .writer import Journal

__all__ = [
    "Acknowledgement",
    "Alarm",
    "ArchiveError",
    "Closed",
    "CursorError",
    "DamageError",
    "Entry",
    "Journal",
    "JournalBusyError",
    "JournalError",
    "JournalFullError",
    "JournalLaterError",
    "Life",
    "Position",
    "ReplacedError",
    "Standing",
]
