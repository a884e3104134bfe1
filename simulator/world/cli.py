"""`tillsign simulate`: run a world until stopped, for other tills and phones."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from receiver.host.command import OK, Command, UsageError

_HELP = "Run a whole world until stopped; prints one JSON line when ready"
APPROVE, NONE = "approve", "none"
INTERNAL, EXTERNAL = "internal", "external"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--phone",
        choices=(APPROVE, NONE),
        default=APPROVE,
        help="a phone that approves each sale (default), or none: then use `tillsign phone`",
    )
    parser.add_argument(
        "--receiver",
        choices=(INTERNAL, EXTERNAL),
        default=INTERNAL,
        help="start the receiver (default), or leave that to you: see `receiver` in the JSON line",
    )
    parser.add_argument(
        "--offline",
        action="store_true",
        help="let the bridge accept purchases within limits while the authority is away",
    )
    parser.add_argument(
        "--serial", metavar="URL", help="where the external receiver is: any pyserial URL"
    )
    parser.add_argument(
        "--hci",
        type=Path,
        metavar="PATH",
        help="expose the external receiver's controller as an H4 HCI terminal at PATH",
    )


def _run(arguments: Namespace) -> int:
    external = arguments.receiver == EXTERNAL
    if external and not arguments.serial:
        raise UsageError("--receiver external needs --serial URL")
    if not external and (arguments.serial or arguments.hci):
        raise UsageError("--serial and --hci go with --receiver external")

    from .serving import run

    run(arguments, arguments.phone == APPROVE)
    return OK


command = Command(_HELP, _prepare, _run)
