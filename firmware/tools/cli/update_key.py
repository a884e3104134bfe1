"""`tillsign update key`: one of the three keys that sign firmware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command, UsageError
from receiver.host.output import Result

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HELP = "Make one of the three keys that sign firmware; two of them must sign each release"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--epoch", type=int, required=True, metavar="N", help="a number of its own: 1, 2, 3"
    )
    parser.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="the private file to make"
    )
    parser.add_argument(
        "--public",
        type=Path,
        required=True,
        metavar="FILE",
        help="where to add the public key: JSON for the authority's folder",
    )
    output.add_json(parser)


def _make(arguments: Namespace) -> int:
    from firmware.tools.release import keys

    if not 1 <= arguments.epoch <= keys.EPOCH_MOST:
        raise UsageError(f"--epoch must be a number from 1 to {keys.EPOCH_MOST}")
    key = keys.new(arguments.epoch)
    try:
        keys.write(arguments.key, key)
        public = keys.add_public(arguments.public, key)
    except keys.KeyFileError as error:
        raise UsageError(str(error)) from error
    lines = [
        f"private  {arguments.key}: keep it on this machine alone, off the network",
        f"public   {arguments.public}: {len(public)} of 3, for the authority's folder",
    ]
    value = {"kid": key.kid.hex(), "public": key.public.hex(), "keys": len(public)}
    return Result(value, lines).show(arguments)


command = Command(_HELP, _prepare, _make)
