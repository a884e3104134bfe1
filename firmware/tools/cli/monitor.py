"""`tillsign receiver monitor`: decoded frames, live."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from receiver.host.command import FAILED, OK, Command

from .board import add_port

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from firmware.tools.everyday.frames_in_words import Said

_HELP = "Show what a receiver says on its line, decoded, until Ctrl-C"


def _prepare(parser: ArgumentParser) -> None:
    add_port(parser)
    parser.add_argument("--seconds", type=float, metavar="N", help="end by itself after so long")
    parser.add_argument("--json", action="store_true", help="for programs: one JSON object a line")


def _monitor(arguments: Namespace) -> int:
    from firmware.tools.board_line import BoardLineError
    from firmware.tools.everyday.monitor import as_json, as_line, monitor

    form = as_json if arguments.json else as_line

    def show(when: float, what: Said) -> None:
        print(form(when, what), flush=True)

    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(monitor(arguments.port, show, arguments.seconds))
        except BoardLineError as error:
            print(f"tillsign: {error}", file=sys.stderr)
            return FAILED
        except BrokenPipeError:  # its reader has seen enough
            sys.stdout = None
    return OK


command = Command(_HELP, _prepare, _monitor)
