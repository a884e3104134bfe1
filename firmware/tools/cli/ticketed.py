"""What the commands share that talk with the authority about enrolments."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host.command import FAILED, UsageError
from receiver.host.output import Result
from receiver.protocol.messages import TILL_MOST

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from bridge.authority.enrolment_client import BearerClient, EnrolmentAdministrator


def add_authority(parser: ArgumentParser) -> None:
    parser.add_argument("--authority", required=True, metavar="URL", help="its https address")
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="its CA, where the system does not know it (PEM)"
    )


def add_administrator(parser: ArgumentParser) -> None:
    add_authority(parser)
    parser.add_argument(
        "--token-file", type=Path, required=True, metavar="FILE", help="the administrator's token"
    )


def add_till(parser: ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--till", type=till, required=required, metavar="N", help=f"its number, 1 to {TILL_MOST}"
    )


def till(text: str) -> int:
    """Read a till's number; raises ValueError."""
    number = int(text)
    if not 1 <= number <= TILL_MOST:
        raise ValueError(text)
    return number


def administrator(arguments: Namespace) -> EnrolmentAdministrator:
    """Return the administrator of enrolments; raises UsageError or EnrolmentFailedError."""
    from bridge.authority.enrolment_client import EnrolmentAdministrator

    return EnrolmentAdministrator(bearer(arguments))


def bearer(arguments: Namespace) -> BearerClient:
    """Return the administrator's client; raises UsageError or EnrolmentFailedError."""
    from bridge.authority.enrolment_client import BearerClient

    if not arguments.authority.startswith("https://"):
        raise UsageError(f"--authority {arguments.authority}: must begin with https://")
    try:
        token = arguments.token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {arguments.token_file}: {error}") from error
    return BearerClient(arguments.authority, arguments.ca, token)


def told(arguments: Namespace, act: Callable[[], Result]) -> int:
    """Show the result of `act`, or what failed; return the exit code."""
    from bridge.authority.enrolment_client import EnrolmentFailedError
    from firmware.tools.board_line import BoardLineError

    try:
        return act().show(arguments)
    except (BoardLineError, EnrolmentFailedError, OSError) as error:
        if arguments.json:
            return Result({"error": str(error)}, (), ok=False).show(arguments)
        print(f"tillsign: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("tillsign: stopped; the same command goes on from here", file=sys.stderr)
        return FAILED


def receiver_id(text: str) -> bytes:
    """Read a receiver's id, with or without the spaces of its label; raises ValueError."""
    from bridge.authority.messages import ReceiverId

    return ReceiverId.read(text.replace(" ", ""))
