"""What a command of `tillsign` is: an entry point in the group below, named as it is typed.

An entry point leads to a `Command`. Its module is imported whenever a list of commands is shown, so
it imports little by itself, and the rest only when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

GROUP = "tillsign.commands"

# Exit codes.
OK = 0
FAILED = 1
USAGE = 2


class UsageError(Exception):
    """The command line or a configuration is wrong; the text says how it is right."""


class Command(NamedTuple):
    """`help` in one line; `prepare` adds arguments; `run` gives the exit code."""

    help: str
    prepare: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]
