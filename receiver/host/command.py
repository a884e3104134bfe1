"""Define a command of `tillsign`: an entry point in the group below, named as it is typed.

The entry point refers to a `Command`. Listing commands imports its module, so import little at the
top and the rest when the command runs.
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
