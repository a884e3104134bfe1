"""From each older schema to the next. A new version is one row more in the table below."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

# By the version that a step begins with; it leaves what `check` of `opening` accepts.
# The steps are written for what they lead to: a later one may need the tables of its day spelled.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {}
