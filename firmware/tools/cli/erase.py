"""`tillsign firmware erase`: everything off a board, its key too."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from receiver.host.command import Command, UsageError
from receiver.host.output import Result, add_json

from .flash_arguments import add_ports

if TYPE_CHECKING:
    from firmware.tools.flash.errors import FlashError
    from firmware.tools.flash.plan import Found

_HELP = "Erase a board's flash: firmware, key, certificate; nothing brings them back"


def _prepare(parser: ArgumentParser) -> None:
    add_ports(parser, many=False)
    parser.add_argument(
        "--yes", action="store_true", help="the receiver's key and certificate may be lost"
    )
    add_json(parser)


def _erase(arguments: Namespace) -> int:
    from firmware.tools.flash import flash, showing
    from firmware.tools.flash.errors import FlashError

    if not arguments.yes:
        raise UsageError(
            "a receiver loses its key and must be enrolled anew: revoke it, then say --yes"
        )

    async def run() -> list[Found | FlashError]:
        return await showing.each([arguments.port], flash.erase, arguments.json)

    found = asyncio.run(run())[0]
    if isinstance(found, FlashError):
        from .flash_arguments import problem

        return problem(found).show(arguments)
    value = {"port": arguments.port, **found._asdict()}
    return Result(value, [f"{arguments.port}: erased {found.flash_mb} MB"]).show(arguments)


command = Command(_HELP, _prepare, _erase)
