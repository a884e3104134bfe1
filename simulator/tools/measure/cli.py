"""`tillsign measure`: n purchases at a receiver, and the table of what they promise a buyer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from receiver.host import output
from receiver.host.command import Command, UsageError
from simulator.tools.bringup import radio_option

_HELP = "Measure what a buyer waits for: n purchases by Bluetooth at a receiver"
_REPETITIONS, _REPETITIONS_MOST = 20, 10_000
_TYPING_S, _TYPING_MOST_S = 2.0, 30.0  # a person takes two seconds for six digits
_OUTPUT = Path("tillsign-measure.json")


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--repetitions",
        type=int,
        default=_REPETITIONS,
        metavar="N",
        help=f"purchases (default: {_REPETITIONS})",
    )
    _add_till(parser)
    parser.add_argument(
        "--wallet",
        type=Path,
        metavar="FILE",
        help="a phone of the test authority, as `tillsign phone --wallet` keeps it",
    )
    parser.add_argument("--code", metavar="N", help="the buyer's six digits (default: the demo's)")
    parser.add_argument(
        "--typing",
        type=float,
        default=_TYPING_S,
        metavar="S",
        help=f"seconds from the first digit to the last (default: {_TYPING_S:g})",
    )
    radio_option.add(parser)
    parser.add_argument(
        "--air", default="here", metavar="WORD", help="what the room is called in the report"
    )
    parser.add_argument(
        "--profile",
        default="this computer",
        metavar="WORD",
        help="what the phone is called there: with the words of a run, both can be compared",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=_OUTPUT,
        metavar="FILE",
        help=f"where the report is written (default: {_OUTPUT})",
    )
    output.add_json(parser)


def _add_till(parser: ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--bridge",
        metavar="URL",
        help="ring up at this till API (default: a person rings up, and presses Enter)",
    )
    where.add_argument(
        "--world",
        nargs="?",
        const="",
        metavar="URL",
        help="at a running world with its radio, by its control's URL (default: the newest)",
    )
    parser.add_argument("--till", type=int, metavar="N", help="with --bridge: the till's number")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="with --bridge: the till API's token"
    )
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="with --bridge: who issued its certificate (PEM)"
    )


def _run(arguments: Namespace) -> int:
    if not 1 <= arguments.repetitions <= _REPETITIONS_MOST:
        raise UsageError(f"--repetitions takes a number from 1 to {_REPETITIONS_MOST}")
    if not 0 <= arguments.typing <= _TYPING_MOST_S:
        raise UsageError(f"--typing takes seconds from 0 to {_TYPING_MOST_S:g}")
    if arguments.code and not (arguments.code.isdecimal() and len(arguments.code) == 6):
        raise UsageError("--code: a code has six digits")
    if arguments.bridge and arguments.till is None:
        raise UsageError("--bridge goes with --till N, the till that rings up")
    if not arguments.bridge and (arguments.token_file or arguments.ca):
        raise UsageError("--token-file and --ca go with --bridge")
    if arguments.world is None and arguments.wallet is None:
        raise UsageError("--wallet FILE says whose purchases these are; a --world has its own")

    from . import course

    return course.run(arguments)


command = Command(_HELP, _prepare, _run)
