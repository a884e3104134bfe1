"""`tillsign update sign`: one key holder's signature of a release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command, UsageError
from receiver.host.output import Result

from .update_arguments import add_build

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HELP = "Prove a release's files, show what is signed, and add one signature"


def _prepare(parser: ArgumentParser) -> None:
    add_build(parser)
    parser.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="of `tillsign update key`"
    )
    output.add_json(parser)


def _sign(arguments: Namespace) -> int:
    from firmware.tools.release import folder, keys, signatures, views
    from receiver.protocol.firmware import SIGNATURES_LEAST

    try:
        key = keys.load(arguments.key)
    except keys.KeyFileError as error:
        raise UsageError(str(error)) from error
    try:
        release = folder.read(arguments.build)
        written = signatures.sign(arguments.build, release, key)
        whole = signatures.join(arguments.build, release)
        signers = [one.kid.hex() for one in signatures.found(arguments.build, release)]
    except (folder.ReleaseError, OSError) as error:
        return Result({"error": str(error)}, [str(error)], ok=False).show(arguments)
    lines = [*views.manifest(release.manifest), f"signed   {written}"]
    if whole is None:
        lines.append(f"missing  {SIGNATURES_LEAST - len(signers)} signature of another key holder")
    else:
        lines.append(f"complete {arguments.build / folder.SIGNED}: tillsign update publish")
    value = {
        "release_id": release.id.hex(),
        "release": release.manifest.release,
        "version": release.manifest.version,
        "board_class": release.manifest.board_class,
        "git": release.manifest.git.hex(),
        "signers": signers,
        "complete": whole is not None,
    }
    return Result(value, lines).show(arguments)


command = Command(_HELP, _prepare, _sign)
