"""Results of commands, for people or for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from .command import FAILED, OK

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable


class Result(NamedTuple):
    """A command's result: `value` for programs, `lines` for people."""

    value: object
    lines: Iterable[str]
    ok: bool = True

    def show(self, arguments: Namespace) -> int:
        """Print it; return the exit code."""
        if arguments.json:
            print(json.dumps(self.value, ensure_ascii=False, indent=2))
        else:
            for line in self.lines:
                print(line)
        return OK if self.ok else FAILED


def add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs: one JSON object")
