"""`tillsign bridge enrol`: from nothing to a configuration that `bridge check` accepts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import FAILED, Command
from receiver.host.output import Result

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HELP = "Give this terminal's bridge its key and client certificate, with a ticket"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument("--authority", required=True, metavar="URL", help="its https address")
    parser.add_argument("--ca", type=Path, required=True, metavar="FILE", help="its CA (PEM)")
    parser.add_argument("--ticket", required=True, metavar="WORD", help="from the administrator")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="for key, certificate, bridge.toml"
    )
    output.add_json(parser)


class _Progress:
    """Tells how far it is, on standard error."""

    def step(self, text: str) -> None:
        print(f"… {text}", file=sys.stderr, flush=True)

    def compare(self, six: list[str]) -> None:
        self.step("the second person finds these six words at the authority:")
        print(f"    {' '.join(six)}", file=sys.stderr)
        self.step("if they are the same ones, in this order, confirm there; waiting")


def _enrol(arguments: Namespace) -> int:
    from bridge.authority.enrolment_client import EnrolmentFailedError
    from bridge.daemon.bridge_enrolment import BridgeEnrolment, Files

    files = Files(arguments.out)
    try:
        work = BridgeEnrolment(
            arguments.authority, arguments.ca, arguments.ticket, files, _Progress()
        )
        enrolled = work.run()
    except (EnrolmentFailedError, OSError) as error:
        if arguments.json:
            return Result({"error": str(error)}, (), ok=False).show(arguments)
        print(f"tillsign: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("tillsign: stopped; the same command goes on from here", file=sys.stderr)
        return FAILED
    value = {
        "client_fingerprint": enrolled.fingerprint,
        "words": enrolled.words,
        "config": str(files.config),
    }
    lines = [
        f"enrolled; configuration: {files.config}",
        f"for the tickets of its receivers: --client {enrolled.fingerprint}",
    ]
    return Result(value, lines).show(arguments)


command = Command(_HELP, _prepare, _enrol)
