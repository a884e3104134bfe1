"""The journal of a bridge: append-only, hash-chained, archived, its secrets erasable."""

from .errors import CursorError, DamageError, JournalError, JournalFullError
from .records import Closed, Entry
from .writer import Journal

__all__ = [
    "Closed",
    "CursorError",
    "DamageError",
    "Entry",
    "Journal",
    "JournalError",
    "JournalFullError",
]
