"""`tillsign receiver enrol`: from a board to a receiver that sells, with a ticket."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from receiver.host import output
from receiver.host.command import Command
from receiver.host.output import Result

from .board import add_port
from .ticketed import add_authority, add_till, told

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from firmware.tools.enrol.procedure import Enrolled

_HELP = "Give a board its key and certificate, with a ticket of the authority"


class Files(NamedTuple):
    """What the command leaves behind."""

    certificate: Path
    pins: Path
    label: list[Path]


def _prepare(parser: ArgumentParser) -> None:
    add_port(parser)
    add_authority(parser)
    parser.add_argument("--ticket", required=True, metavar="WORD", help="from the administrator")
    parser.add_argument("--store", type=int, required=True, metavar="N", help="its number")
    add_till(parser)
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the bridge's configuration: it gets the receiver's table",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="for certificate, keys, label and what a repeated run needs "
        "(default: beside --config, else here)",
    )
    output.add_json(parser)


def _enrol(arguments: Namespace) -> int:
    def act() -> Result:
        enrolled, files = asyncio.run(_run(arguments))
        return _result(enrolled, files)

    return told(arguments, act)


async def _run(arguments: Namespace) -> tuple[Enrolled, Files]:
    from bridge.authority.enrolment_client import BearerClient, TicketHolder
    from firmware.tools.board_line import BoardLine
    from firmware.tools.enrol.procedure import Asked, ReceiverEnrolment
    from firmware.tools.enrol.progress import Progress

    config: Path | None = arguments.config
    out = arguments.out or (config.parent if config else Path())
    state = out / f"enrolment-{arguments.till}.json"
    asked = Asked(arguments.ticket, arguments.store, arguments.till, state, config)
    holder = TicketHolder(BearerClient(arguments.authority, arguments.ca, arguments.ticket))
    async with BoardLine(arguments.port) as line:
        work = ReceiverEnrolment(line, holder, asked, Progress(sys.stderr))
        enrolled = await work.run()
        files = _keep(enrolled, out, config, arguments)
        await work.sell(enrolled)
    return enrolled, files


def _keep(enrolled: Enrolled, out: Path, config: Path | None, arguments: Namespace) -> Files:
    """Write everything before the board sells: a repeated run writes the same."""
    from firmware.tools.enrol import bridge_config
    from receiver.host import whole_files

    till: int = arguments.till
    certificate, pins = out / f"receiver-{till}.cose", out / "pins.cbor"
    whole_files.write(certificate, enrolled.certificate)
    whole_files.write(pins, enrolled.pins)
    label = enrolled.label.keep_in(out)
    if config is not None:
        bridge_config.add(config, bridge_config.row(till, config, certificate, arguments.port))
    return Files(certificate, pins, label)


def _result(enrolled: Enrolled, files: Files) -> Result:
    label = enrolled.label
    value = {
        "receiver_id": enrolled.receiver_id.hex(),
        "store": label.store,
        "till": label.till,
        "check": label.check,
        "words": enrolled.words,
        "board": enrolled.board,
        "certificate": str(files.certificate),
        "pins": str(files.pins),
        "label": [str(file) for file in files.label],
    }
    lines = [
        f"enrolled: {', '.join(label.lines())}",
        f"certificate {files.certificate}, keys {files.pins}",
        f"label to print: {files.label[1]}",
    ]
    return Result(value, lines)


command = Command(_HELP, _prepare, _enrol)
