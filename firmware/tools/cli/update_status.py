"""`tillsign update status`: how far each release has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command
from receiver.host.output import Result

from .ticketed import add_administrator
from .update_arguments import administrator

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HELP = "Show each release: for how many receivers it is, how many run it, what failed and why"


def _prepare(parser: ArgumentParser) -> None:
    add_administrator(parser)
    output.add_json(parser)


def _show(arguments: Namespace) -> int:
    from bridge.authority.enrolment_client import EnrolmentFailedError
    from firmware.tools.release import views

    try:
        found = administrator(arguments).releases()
    except EnrolmentFailedError as error:
        return Result({"error": str(error)}, [str(error)], ok=False).show(arguments)
    value = {"releases": [views.release(view) for view in found]}
    return Result(value, views.lines(found)).show(arguments)


command = Command(_HELP, _prepare, _show)
