"""`tillsign receiver test`: does this till sell?"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from receiver.host import output
from receiver.host.command import Command, UsageError
from simulator.tools.bringup import radio_option

_HELP = "Make one purchase of one öre at a till, and give it back: does it sell?"


def _prepare(parser: ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--till-api",
        metavar="URL",
        help="a till whose bridge runs: the address of its till API",
    )
    where.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="a till whose bridge does not run: its configuration, to start it for the test",
    )
    where.add_argument(
        "--port",
        metavar="URL",
        help="a blank board: enrolled at a throw-away authority for the test, then blank again",
    )
    parser.add_argument("--till", type=int, metavar="N", help="with a bridge: the till's number")
    parser.add_argument(
        "--wallet",
        type=Path,
        metavar="FILE",
        help="with a bridge: a phone of its test authority, as `tillsign phone --wallet` keeps it",
    )
    parser.add_argument(
        "--activation",
        metavar="WORD",
        help="with --config: make that wallet first, for the buyer of this activation",
    )
    parser.add_argument("--code", metavar="N", help="the buyer's six digits (default: the demo's)")
    radio_option.add(parser)
    output.add_json(parser)


def _run(arguments: Namespace) -> int:
    bridge = arguments.till_api or arguments.config
    if bridge and (arguments.till is None or arguments.wallet is None):
        raise UsageError("with a bridge, --till N and --wallet FILE say whose purchase it is")
    if arguments.activation and not arguments.config:
        raise UsageError("--activation goes with --config, which names the authority")

    from . import till_test

    return till_test.run(arguments)


command = Command(_HELP, _prepare, _run)
