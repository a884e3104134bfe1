"""Arguments that the commands of `tillsign update` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .ticketed import bearer

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from firmware.tools.release.authority import ReleaseAdministrator


def add_build(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--build",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder that `tillsign firmware build` wrote",
    )


def administrator(arguments: Namespace) -> ReleaseAdministrator:
    """Return the administrator of releases; raises UsageError or EnrolmentFailedError."""
    from firmware.tools.release.authority import ReleaseAdministrator

    return ReleaseAdministrator(bearer(arguments))
