"""`tillsign firmware demo`: the command."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from receiver.host import output
from receiver.host.command import Command

_HELP = "Build, flash, enrol, sell, update and cut the power in the middle, with no hardware"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="leave keys, builds and logs in this new folder"
    )
    output.add_json(parser)


def _run(arguments: Namespace) -> int:
    from . import show

    return show.run(arguments.keep, as_json=arguments.json)


command = Command(_HELP, _prepare, _run)
