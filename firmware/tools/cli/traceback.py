"""`tillsign firmware traceback`: what a built firmware left, in the sources' names."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from receiver.host.command import FAILED, OK, Command, UsageError

_HELP = "Translate a traceback or log line of a built firmware into the sources' names"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--names",
        type=Path,
        required=True,
        metavar="PATH",
        help="the name map that the build wrote, or a folder of them",
    )
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="the text; without it, standard input"
    )


def _traceback(arguments: Namespace) -> int:
    """Print the text, each line translated by whichever map belongs to its build."""
    from receiver.host import name_map

    try:
        place = arguments.names
        maps = name_map.load_all(place) if place.is_dir() else [name_map.NameMap.load(place)]
        text = arguments.file.read_text() if arguments.file else sys.stdin.read()
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    text = "\n".join(map(_without_log, text.split("\n")))
    builds = name_map.builds_in(text)
    of_builds = [each for each in maps if each.build in builds]
    for each in of_builds or maps[:1] * (len(maps) == 1):
        text = "\n".join(map(each.log_line, each.traceback(text).split("\n")))
    print(text, end="" if text.endswith("\n") else "\n")
    return OK if of_builds or len(maps) == 1 else FAILED


def _without_log(line: str) -> str:
    """Return what the board wrote, of a line of the bridge's log in JSON; any other as it is."""
    try:
        entry = json.loads(line[line.index("{") :])  # behind what a journal puts before it
    except ValueError:
        return line
    text = entry.get("text") if isinstance(entry, dict) else None
    return text.rstrip("\r\n") if isinstance(text, str) else line


command = Command(_HELP, _prepare, _traceback)
