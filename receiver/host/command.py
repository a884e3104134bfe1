"""Define a command of `tillsign`: an entry point in the group below, named as it is typed.

One word names a command or a group of commands; two words name a command in a group, wherever it
lives. The entry point refers to a `Command` or a `Group`. Listing commands imports its module, so
import little at the top and the rest when the command runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import NamedTuple

GROUP = "tillsign.commands"

# Exit codes.
OK = 0
FAILED = 1
USAGE = 2


class UsageError(Exception):
    """The command line or the configuration is wrong; the text says how to correct it."""


class Command(NamedTuple):
    """`help` is one line; `prepare` adds arguments; `run` returns the exit code."""

    help: str
    prepare: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


class Group(NamedTuple):
    """Commands whose entry points begin with this group's name; `help` is one line."""

    help: str
