"""The journal of a bridge: append-only, hash-chained, archived, its secrets erasable."""

from .errors import (
    CursorError,
    DamageError,
    JournalBusyError,
    JournalError,
    JournalFullError,
    JournalLaterError,
)
from .records import Closed, Entry
from .writer import Journal

__all__ = [
    "Closed",
    "CursorError",
    "DamageError",
    "Entry",
    "Journal",
    "JournalBusyError",
    "JournalError",
    "JournalFullError",
    "JournalLaterError",
]
