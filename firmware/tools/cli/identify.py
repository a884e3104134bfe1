"""`tillsign receiver identify`: let one board's lamp blink."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command
from receiver.host.output import Result

from .board import add_port, at_the_board

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HELP = "Let the lamp of one receiver blink white"
_SECONDS = range(1, 61)  # as in IDENTIFY


def _prepare(parser: ArgumentParser) -> None:
    add_port(parser)
    parser.add_argument(
        "--seconds",
        type=int,
        choices=_SECONDS,
        default=10,
        metavar="N",
        help="for how long, 1 to 60 (default: 10)",
    )
    output.add_json(parser)


def _identify(arguments: Namespace) -> int:
    from firmware.tools.everyday import listing
    from firmware.tools.everyday.identify import identify

    def act() -> Result:
        hello = asyncio.run(identify(arguments.port, arguments.seconds))
        value = {"port": arguments.port, "seconds": arguments.seconds}
        line = f"{arguments.port}: the lamp of {hello.board} blinks for {arguments.seconds} s"
        return Result(value | {"hello": listing.hello_value(hello)}, [line])

    return at_the_board(arguments, act)


command = Command(_HELP, _prepare, _identify)
