"""`tillsign demo`: play purchases from the till's key to the phone's screen, with no hardware."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from receiver.host.command import Command, UsageError
from simulator.world.cli import INTERNAL, RV32_HELP, build_rv32
from simulator.world.receiver_command import RV32

_HELP = "Watch purchases end to end, with no hardware"
SALES_MOST = 10_000


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document and no story")
    parser.add_argument(
        "--sales", type=int, metavar="N", help="make N plain purchases instead of the story"
    )
    parser.add_argument(
        "--sniff",
        action="store_true",
        help="make one plain purchase, or N by one phone, and show what an eavesdropper learns",
    )
    parser.add_argument(
        "--receiver",
        choices=(INTERNAL, RV32),
        default=INTERNAL,
        help=f"MicroPython for this computer (default), or {RV32}: {RV32_HELP}",
    )
    parser.add_argument(
        "--svg", type=Path, metavar="FILE", help="write the output to FILE as a picture, too"
    )


def _run(arguments: Namespace) -> int:
    if arguments.sales is not None and not 1 <= arguments.sales <= SALES_MOST:
        raise UsageError(f"--sales takes a number from 1 to {SALES_MOST}")
    if arguments.json and arguments.svg:
        raise UsageError("--svg needs the output that --json leaves out")
    if arguments.receiver == RV32:
        build_rv32()

    from . import show

    return show.run(arguments)


command = Command(_HELP, _prepare, _run)
