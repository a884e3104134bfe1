"""`tillsign update publish`: a signed release to the authority, for a share of the receivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command, UsageError
from receiver.host.output import Result

from .ticketed import add_administrator
from .update_arguments import add_build, administrator

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

SHARE = 5  # percent: a mistake that tests did not find reaches few tills
STOP_AT = 10  # percent of the reports: more than lines and plugs in a store cause
LEAST_REPORTS = 10  # the first bad plug among three receivers stops nothing

_HELP = "Publish a signed release, or change for whom a published one is"


def _prepare(parser: ArgumentParser) -> None:
    add_build(parser)
    add_administrator(parser)
    for name, default, text in (
        ("share", SHARE, "of the receivers get it"),
        ("stop-at", STOP_AT, "of the reports failed: it stops by itself"),
    ):
        parser.add_argument(
            f"--{name}",
            type=int,
            default=default,
            metavar="PERCENT",
            help=f"{text} (default: {default})",
        )
    parser.add_argument(
        "--least-reports",
        type=int,
        default=LEAST_REPORTS,
        metavar="N",
        help=f"before --stop-at counts (default: {LEAST_REPORTS})",
    )
    stop = parser.add_mutually_exclusive_group()
    stop.add_argument("--stop", action="store_true", help="let it reach no more receivers")
    stop.add_argument("--resume", action="store_true", help="go on with one that was stopped")
    output.add_json(parser)


def _publish(arguments: Namespace) -> int:
    from bridge.authority.enrolment_client import EnrolmentFailedError
    from bridge.authority.update_messages import Published, ReleaseChange
    from firmware.tools.release import folder, signatures, views

    _check(arguments)
    try:
        authority = administrator(arguments)
        release = folder.read(arguments.build)
        signed = signatures.join(arguments.build, release)
        if signed is None:
            raise folder.ReleaseError(
                f"{arguments.build}: fewer than two signatures: tillsign update sign"
            )
        settings = (arguments.share, arguments.stop_at, arguments.least_reports)
        if arguments.stop:  # before anything else, and without touching share and limits
            view = authority.change(release.id, ReleaseChange(stopped=True))
        else:
            view = authority.publish(Published(signed, release.files, *settings))
        if arguments.resume:
            view = authority.change(release.id, ReleaseChange(stopped=False))
    except (folder.ReleaseError, EnrolmentFailedError, OSError) as error:
        return Result({"error": str(error)}, [str(error)], ok=False).show(arguments)
    return Result(views.release(view), views.lines([view])).show(arguments)


def _check(arguments: Namespace) -> None:
    if not 0 <= arguments.share <= 100:
        raise UsageError("--share must be a percentage from 0 to 100")
    if not 1 <= arguments.stop_at <= 100:
        raise UsageError("--stop-at must be a percentage from 1 to 100")
    if arguments.least_reports < 1:
        raise UsageError("--least-reports must be 1 or more")


command = Command(_HELP, _prepare, _publish)
