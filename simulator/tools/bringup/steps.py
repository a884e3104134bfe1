"""The steps of a bring-up, in their order; docs/hardware-bringup.md names each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from . import board_steps, radio_steps, sale_steps, store_steps
from .bench import Bench
from .figures import BoardFigure


class BoardStep(NamedTuple):
    """`title` is for people; `run` raises SkippedError, StepError, or as a board's line does."""

    name: str
    title: str
    run: Callable[[Bench], Awaitable[list[BoardFigure]]]


STEPS = (
    BoardStep("board", "who it is", board_steps.board),
    BoardStep("boot", "from an order to start until HELLO", board_steps.boot),
    BoardStep("crypto", "known answers and their times", board_steps.crypto),
    BoardStep("memory", "in service mode and after the start", board_steps.memory),
    BoardStep("line", "the longest messages there are", board_steps.serial),
    BoardStep("advertising", "as this computer hears it", radio_steps.advertising),
    BoardStep("links", "four at once", radio_steps.links),
    BoardStep("sales", "against a throw-away authority", sale_steps.sales),
    BoardStep("power-cuts", "while the store is written", store_steps.power_cuts),
)
NAMES = tuple(step.name for step in STEPS)
