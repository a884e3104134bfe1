"""`tillsign receiver scan`: the tills in the air."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.errors import Error
from receiver.host import output
from receiver.host.command import FAILED, Command, UsageError
from receiver.host.output import Result

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from firmware.tools.everyday.air import Adapter

_HELP = "List the tills in the air, and whether what they offer is genuine"
_SECONDS = 5.0
_NONE = "no till in the air: is it powered, enrolled, out of service mode and within ten metres?"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--seconds",
        type=float,
        default=_SECONDS,
        metavar="N",
        help=f"how long to listen (default: {_SECONDS:g})",
    )
    parser.add_argument(
        "--pins",
        type=Path,
        metavar="FILE",
        help="the authority's keys (`pins` of the bridge's configuration), to check signatures by",
    )
    parser.add_argument(
        "--no-connect", action="store_true", help="listen only: read nothing, check nothing"
    )
    output.add_json(parser)


def _scan(arguments: Namespace) -> int:
    from firmware.tools.everyday.air import Adapter

    try:
        return asyncio.run(scanned(arguments, Adapter()))
    except KeyboardInterrupt:
        return FAILED


async def scanned(arguments: Namespace, adapter: Adapter) -> int:
    """Scan by this adapter and show the tills; return the exit code."""
    from firmware.tools.everyday import air, scan, tables

    pins = _pins(arguments.pins)
    connect = not arguments.no_connect
    try:
        tills = await scan.scan(adapter, pins, arguments.seconds, connect=connect)
    except air.NoAdapterError as error:
        print(f"tillsign: {error}", file=sys.stderr)
        return FAILED
    lines = tables.table(scan.COLUMNS, (till.row() for till in tills)) if tills else [_NONE]
    ok = bool(tills) and not any(till.problems for till in tills)
    return Result({"tills": [till.value() for till in tills]}, lines, ok).show(arguments)


def _pins(path: Path | None) -> Mapping[bytes, bytes] | None:
    from receiver.protocol import pins

    if path is None:
        return None
    try:
        return pins.decode(path.read_bytes())
    except (OSError, Error) as error:
        raise UsageError(f"--pins {path}: {error}") from error


command = Command(_HELP, _prepare, _scan)
