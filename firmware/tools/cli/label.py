"""`tillsign receiver label`: write a receiver's label again, from the board or its certificate."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command, UsageError
from receiver.host.output import Result

from .ticketed import add_till, told

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from firmware.tools.enrol.label import Label

_HELP = "Write a receiver's label as text, SVG and PNG"


def _prepare(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--port", metavar="URL", help="the board; it sells nothing meanwhile")
    source.add_argument("--certificate", type=Path, metavar="FILE", help="with --till")
    add_till(parser, required=False)
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="(default: here)")
    output.add_json(parser)


def _label(arguments: Namespace) -> int:
    def act() -> Result:
        label = _of(arguments)
        files = [str(file) for file in label.keep_in(arguments.out)]
        value = {"text": label.lines(), "code": label.code, "files": files}
        return Result(value, [*label.lines(), *files])

    if arguments.certificate and not arguments.till:
        raise UsageError("--certificate needs --till: a certificate does not name the till")
    return told(arguments, act)


def _of(arguments: Namespace) -> Label:
    from firmware.tools.enrol import care

    if arguments.certificate:
        return care.label_of(arguments.certificate.read_bytes(), arguments.till)
    identity = asyncio.run(care.identity(arguments.port))
    return care.label_of(identity.certificate, identity.till)


command = Command(_HELP, _prepare, _label)
