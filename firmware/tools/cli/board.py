"""What the commands at one board share: the port, and an error in words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from receiver.host.command import FAILED
from receiver.host.output import Result

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable


def add_port(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port",
        required=True,
        metavar="URL",
        help="the board's serial port: a device or a pyserial URL; see `tillsign receiver list`",
    )


def at_the_board(arguments: Namespace, act: Callable[[], Result]) -> int:
    """Show the result of `act`, or what the board or its port did instead; return the exit code."""
    from firmware.tools.board_line import BoardLineError

    try:
        return act().show(arguments)
    except BoardLineError as error:
        if arguments.json:
            return Result({"error": str(error)}, (), ok=False).show(arguments)
        print(f"tillsign: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED
