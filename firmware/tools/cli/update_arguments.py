"""Arguments that the commands of `tillsign update` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host.command import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from firmware.tools.release.authority import Administrator


def add_build(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--build",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder that `tillsign firmware build` wrote",
    )


def add_authority(parser: ArgumentParser) -> None:
    parser.add_argument("--authority", required=True, metavar="URL", help="its https address")
    parser.add_argument(
        "--token-file",
        type=Path,
        required=True,
        metavar="FILE",
        help="the administrator's token",
    )
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="its CA, where the system does not know it (PEM)"
    )


def administrator(arguments: Namespace) -> Administrator:
    """Return the administrator's client; raises UsageError."""
    from firmware.tools.release.authority import Administrator

    if not arguments.authority.startswith("https://"):
        raise UsageError(f"--authority {arguments.authority}: must begin with https://")
    try:
        token = arguments.token_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {arguments.token_file}: {error}") from error
    return Administrator(arguments.authority, token, arguments.ca)
