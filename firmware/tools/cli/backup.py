"""`tillsign firmware backup`: all of a board's flash as a file."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host.command import Command, UsageError
from receiver.host.output import Result, add_json

from .flash_arguments import add_ports, problem

if TYPE_CHECKING:
    from firmware.tools.flash.errors import FlashError
    from firmware.tools.flash.flash import Tell
    from firmware.tools.flash.plan import Found

_HELP = "Read all of a board's flash into a file, which holds the receiver's key"


def _prepare(parser: ArgumentParser) -> None:
    add_ports(parser, many=False)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
    add_json(parser)


def _backup(arguments: Namespace) -> int:
    from firmware.tools.flash import flash, showing
    from firmware.tools.flash.errors import FlashError

    if arguments.out.exists():
        raise UsageError(f"{arguments.out} is there already: name a new file")
    if not arguments.out.parent.is_dir():
        raise UsageError(f"{arguments.out.parent} is no folder")

    async def one(port: str, tell: Tell) -> Found:
        return await flash.backup(port, arguments.out, arguments.baud, tell)

    async def run() -> list[Found | FlashError]:
        return await showing.each([arguments.port], one, arguments.json)

    found = asyncio.run(run())[0]
    if isinstance(found, FlashError):
        return problem(found).show(arguments)
    value = {"port": arguments.port, "file": str(arguments.out), **found._asdict()}
    text = f"{arguments.out}: {found.flash_mb} MB of {arguments.port}; keep it as you keep a key"
    return Result(value, [text]).show(arguments)


command = Command(_HELP, _prepare, _backup)
