"""What the commands share: the configuration, and results for people or for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from receiver.host.command import FAILED, OK, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable
    from pathlib import Path

    from bridge.config.configuration import Config


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


def configured(path: Path) -> Config:
    """Read the configuration; raises UsageError."""
    from bridge.config import configuration

    try:
        return configuration.load(path)
    except configuration.ConfigError as error:
        raise UsageError(str(error)) from error
