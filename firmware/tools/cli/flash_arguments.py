"""Which boards a command is for, and how a refusal is shown."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from receiver.host.output import Result

if TYPE_CHECKING:
    from firmware.tools.flash.errors import FlashError

_BAUD = 460_800  # as `boot_loader.FAST_BAUD`, which would load esptool for a help text


def add_ports(parser: ArgumentParser, *, many: bool = True) -> None:
    if many:
        group = parser.add_mutually_exclusive_group(required=True)
        group.add_argument(
            "--port", action="append", metavar="P", help="a device, or rfc2217://HOST:PORT; repeat"
        )
        group.add_argument("--all", action="store_true", help="every board that is plugged in")
    else:
        parser.add_argument("--port", required=True, metavar="P")
    parser.add_argument(
        "--baud", type=int, default=_BAUD, metavar="N", help=f"while writing ({_BAUD})"
    )


def chosen(arguments: Namespace) -> list[str]:
    """Return the ports that were named, or all; raise FlashError if no board is there."""
    from firmware.tools.flash import ports

    return ports.boards() if arguments.all else list(dict.fromkeys(arguments.port))


def problem(error: FlashError) -> Result:
    value = {"error": {"code": error.code, "text": str(error)}}
    return Result(value, [str(error)], ok=False)
