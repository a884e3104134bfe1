"""Define transition tables: state → event → next state. A missing pair is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import Error
from .reasons import WRONG_ORDER

if TYPE_CHECKING:
    from collections.abc import Mapping


def step(table: Mapping[str, Mapping[str, str]], state: str, event: str) -> str:
    """Return the state after `event`; raise Error(WRONG_ORDER) where the table has no such pair."""
    after = table[state].get(event)
    if after is None:
        raise Error(WRONG_ORDER, event + " in " + state)
    return after
