"""Migrate from each older schema to the next. A new version is one row more in the table below."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

# By the version that a step starts from; its result passes `check` of `opening`.
# The steps spell out their results: a later one may need the tables of its time.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {}
