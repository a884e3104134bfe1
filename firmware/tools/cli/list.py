"""`tillsign receiver list`: every serial port with a board."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command, UsageError
from receiver.host.output import Result

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from bridge.lines.usb_lookup import Present

_HELP = "List every serial port on USB with the board behind it, or why it says nothing"
_NONE = "no serial port on USB: plug a board in, with a cable that carries data"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="URL",
        help="ask this port (a device or pyserial URL) instead; may be repeated",
    )
    output.add_json(parser)


def _list(arguments: Namespace) -> int:
    from firmware.tools.everyday import listing, tables

    answers = asyncio.run(listing.ask(_ports(arguments.port)))
    lines = tables.table(listing.columns(), (answer.row() for answer in answers))
    value = {"ports": [answer.value() for answer in answers]}
    ok = any(answer.hello for answer in answers)
    return Result(value, lines if answers else [_NONE], ok).show(arguments)


def _ports(urls: list[str]) -> list[Present]:
    from bridge.lines import usb_lookup
    from bridge.lines.errors import PortError
    from firmware.tools.everyday import listing

    try:
        there = usb_lookup.listed(usb_lookup.present)
    except PortError as error:
        raise UsageError(str(error)) from error
    if urls:
        known = {port.device: port for port in there}
        return [known.get(url, usb_lookup.Present(url, None)) for url in urls]
    return [port for port in there if port.usb][: listing.PORTS_MOST]


command = Command(_HELP, _prepare, _list)
