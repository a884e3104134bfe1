"""Transition tables: state → event → next state. A pair that is not there is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import Error
from .reasons import WRONG_ORDER

if TYPE_CHECKING:
    from collections.abc import Mapping


def step(table: Mapping[str, Mapping[str, str]], state: str, event: str) -> str:
    """The state after `event`; raises Error(WRONG_ORDER) where the table has no such pair."""
    after = table[state].get(event)
    if after is None:
        raise Error(WRONG_ORDER, event + " in " + state)
    return after
