"""`tillsign bridge`: the daemon on a cashier terminal."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from .command import FAILED, OK, Command, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HELP = "The daemon between till, receivers and authority"
_RUN_HELP = "Serve until stopped; prints one JSON line when ready"
_LOG_LEVELS = ("debug", "info", "warning", "error")


def _prepare(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    run = actions.add_parser("run", help=_RUN_HELP, description=_RUN_HELP)
    run.add_argument("--config", type=Path, required=True, metavar="FILE", help="a TOML file")
    run.add_argument(
        "--log", choices=_LOG_LEVELS, default="info", help="how much to log (default: info)"
    )


def _run(arguments: Namespace) -> int:
    import asyncio

    from bridge import config, daemon
    from bridge.journal import JournalError

    logging.basicConfig(
        level=arguments.log.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    try:
        asyncio.run(daemon.run(config.load(arguments.config), _ready))
    except config.ConfigError as error:
        raise UsageError(str(error)) from error
    except (JournalError, OSError) as error:
        logging.error("%s", error)
        return FAILED
    except ExceptionGroup:
        logging.exception("the bridge failed")
        return FAILED
    return OK


def _ready(till_api: str) -> None:
    print(json.dumps({"till_api": till_api}), flush=True)


command = Command(_HELP, _prepare, _run)
