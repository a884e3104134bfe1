"""`tillsign update status`: how far each release has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command
from receiver.host.output import Result

from .update_arguments import add_authority, administrator

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HELP = "Show each release: for how many receivers it is, how many run it, what failed and why"


def _prepare(parser: ArgumentParser) -> None:
    add_authority(parser)
    output.add_json(parser)


def _show(arguments: Namespace) -> int:
    from firmware.tools.release import views
    from firmware.tools.release.authority import AuthorityError

    try:
        found = administrator(arguments).releases()
    except AuthorityError as error:
        return Result({"error": str(error)}, [str(error)], ok=False).show(arguments)
    value = {"releases": [views.release(view) for view in found]}
    return Result(value, views.lines(found)).show(arguments)


command = Command(_HELP, _prepare, _show)
