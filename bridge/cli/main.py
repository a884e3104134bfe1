"""`tillsign`: find the installed commands and call one; it has none itself."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import entry_points

from bridge import __version__
from receiver.host.command import GROUP, USAGE, Command, Group, UsageError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code (0 done, 1 failed, 2 usage or configuration)."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    command: Command = chosen.command
    try:
        return command.run(chosen)
    except UsageError as error:
        print(f"tillsign: {error}", file=sys.stderr)
        return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tillsign", description="Pay at a till by holding a phone to a small receiver."
    )
    parser.add_argument("--version", action="version", version=f"tillsign {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    places = {"": commands}  # by the words before a command's own
    # A group comes before its commands: "firmware" sorts before "firmware build".
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        before, _, word = point.name.rpartition(" ")
        found: Command | Group = point.load()
        own = places[before].add_parser(word, help=found.help, description=found.help)
        if isinstance(found, Group):
            inner = own.add_subparsers(title="commands", metavar="COMMAND", required=True)
            places[point.name] = inner
        else:
            own.set_defaults(command=found)
            found.prepare(own)
    return parser
