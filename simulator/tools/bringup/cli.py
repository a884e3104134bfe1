"""`tillsign receiver bringup`: what only a board can say, in one report."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from receiver.host.command import Command, UsageError
from simulator.tools.bringup import radio_option

_HELP = "Bring a board up: measure all that only a board can show, and write one report"
_REPORT = Path("tillsign-bringup.json")
_SALES, _SALES_MOST = 100, 10_000
_CUTS, _CUTS_MOST = 5, 100


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port", required=True, metavar="URL", help="the board's serial port; it must be blank"
    )
    parser.add_argument(
        "--report",
        type=Path,
        default=_REPORT,
        metavar="FILE",
        help=f"where the report is; one that is there is continued (default: {_REPORT})",
    )
    parser.add_argument("--fresh", action="store_true", help="begin the report anew")
    parser.add_argument(
        "--only", action="append", metavar="STEP", help="this step alone; may be repeated"
    )
    parser.add_argument(
        "--sales", type=int, default=_SALES, metavar="N", help=f"how many (default: {_SALES})"
    )
    parser.add_argument(
        "--cuts", type=int, default=_CUTS, metavar="N", help=f"power cuts (default: {_CUTS})"
    )
    parser.add_argument(
        "--no-person",
        action="store_true",
        help="without a person at the board: leave out what needs a hand; the report says so",
    )
    radio_option.add(parser)
    parser.add_argument("--json", action="store_true", help="print the report, and no words")


def _run(arguments: Namespace) -> int:
    for name, most in (("sales", _SALES_MOST), ("cuts", _CUTS_MOST)):
        if not 1 <= getattr(arguments, name) <= most:
            raise UsageError(f"--{name} takes a number from 1 to {most}")

    from . import run

    return run.run(arguments)


command = Command(_HELP, _prepare, _run)
