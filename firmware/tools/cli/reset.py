"""`tillsign receiver reset`: erase a board's keys, while a person holds its button."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command
from receiver.host.output import Result

from .board import add_port
from .ticketed import told

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HELP = "Erase a board's key and certificate, with its button held"


def _prepare(parser: ArgumentParser) -> None:
    add_port(parser)
    output.add_json(parser)


def _reset(arguments: Namespace) -> int:
    from firmware.tools.enrol import care
    from firmware.tools.enrol.progress import Progress

    def act() -> Result:
        before = asyncio.run(care.reset(arguments.port, Progress(sys.stderr)))
        value = {"port": arguments.port, "receiver_id": before.hex()}
        lines = [f"{arguments.port}: the board has no key any more; enrol it anew"]
        if before:
            lines.append(
                f"it was receiver {before.hex()}: `tillsign receiver revoke` ends that one"
            )
        return Result(value, lines)

    return told(arguments, act)


command = Command(_HELP, _prepare, _reset)
