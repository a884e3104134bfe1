"""`tillsign receiver doctor`: examine one board from end to end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command
from receiver.host.output import Result

from .board import add_port, at_the_board

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from firmware.tools.everyday.tables import Finding

_HELP = "Examine a receiver: line, radio, arithmetic, clock, certificate, store, memory, signal"


def _prepare(parser: ArgumentParser) -> None:
    add_port(parser)
    parser.add_argument(
        "--no-clock", action="store_true", help="leave out the clock, which takes over a minute"
    )
    parser.add_argument(
        "--no-signal", action="store_true", help="do not listen with this computer's Bluetooth"
    )
    output.add_json(parser)


def _doctor(arguments: Namespace) -> int:
    from firmware.tools.everyday import tables
    from firmware.tools.everyday.air import Adapter
    from firmware.tools.everyday.doctor import Doctor

    async def examined() -> list[Finding]:
        adapter = None if arguments.no_signal else Adapter()
        doctor = Doctor(arguments.port, adapter, tell)
        return await doctor.examine(clock=not arguments.no_clock)

    def tell(finding: Finding) -> None:
        if not arguments.json:
            for line in tables.findings([finding]):
                print(line, flush=True)

    def act() -> Result:
        found = asyncio.run(examined())
        value = {"port": arguments.port, "findings": [finding._asdict() for finding in found]}
        return Result(value, (), all(finding.ok for finding in found))

    return at_the_board(arguments, act)


command = Command(_HELP, _prepare, _doctor)
