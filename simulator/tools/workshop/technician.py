"""The technician at the laptop: types commands of `tillsign`, each a process of its own."""

from __future__ import annotations

import json
import shlex
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from simulator.processes.child_process import ChildProcess

PROGRAM = "bridge.cli"
SIX = 6  # words that two people compare

Heard = Callable[[str], None]


class CommandFailedError(Exception):
    """A command ended with an error; the text is its own."""


class Technician:
    """Works in `folder`; `heard` gets each command line, and what the command says meanwhile."""

    def __init__(self, folder: Path, typed: Heard, heard: Heard) -> None:
        self._folder = folder
        self._typed = typed
        self._heard = heard

    async def run(
        self, line: str, compare: Callable[[list[str]], Awaitable[None]] | None = None
    ) -> dict[str, Any]:
        """Run one command line; return its JSON. Raises CommandFailedError.

        `compare` gets the six words of an enrolment, and returns once the second person decided.
        """
        self._typed(f"tillsign {line}")
        words = [*shlex.split(line), "--json"]
        process = await ChildProcess.start_module(PROGRAM, *words, stderr=PIPE, cwd=self._folder)
        try:
            said = ""
            while text := (await process.stderr.readline()).decode().strip():
                said = text
                self._heard(text)
                if compare and len(text.split()) == SIX and text.replace(" ", "").isalpha():
                    await compare(text.split())
            ended = await process.ended()
        finally:
            process.kill()
        if ended.code:
            raise CommandFailedError(f"tillsign {line}: {_error(ended.out) or said}")
        return dict(json.loads(ended.out))


def _error(out: str) -> str:
    try:
        return str(json.loads(out)["error"])
    except (ValueError, KeyError, TypeError):
        return out.strip()
