"""`tillsign receiver revoke`: end a lost, stolen or broken receiver at the authority."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import Command, UsageError
from receiver.host.output import Result

from .ticketed import add_administrator, administrator, receiver_id, told

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HELP = "End a receiver for good: what it sold is settled, nothing more is sold"


def _prepare(parser: ArgumentParser) -> None:
    add_administrator(parser)
    parser.add_argument("--receiver", required=True, metavar="ID", help="as on its label")
    output.add_json(parser)


def _revoke(arguments: Namespace) -> int:
    try:
        id_ = receiver_id(arguments.receiver)
    except ValueError as error:
        raise UsageError(f"--receiver {arguments.receiver}: {error}") from error

    def act() -> Result:
        revoked = administrator(arguments).revoke(id_)
        value = {"receiver_id": revoked.receiver_id.hex(), "revoked": revoked.revoked}
        return Result(value, [f"receiver {revoked.receiver_id.hex()} is revoked"])

    return told(arguments, act)


command = Command(_HELP, _prepare, _revoke)
