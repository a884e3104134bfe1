"""`tillsign bridge`: the daemon on a cashier terminal."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host import output
from receiver.host.command import FAILED, OK, Command, Group, UsageError
from receiver.host.output import Result

from .configured import configured

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from bridge.daemon.findings import Finding

_HELP = "The daemon between till, receivers and authority"
_RUN_HELP = "Serve until stopped; prints one JSON line when ready"
_CHECK_HELP = "Say what a bridge with this configuration lacks, and how to mend it"
_LOG_LEVELS = ("debug", "info", "warning", "error")


def _prepare_run(parser: ArgumentParser) -> None:
    from bridge.observability.logs import FORMATS

    _add_config(parser)
    parser.add_argument(
        "--log", choices=_LOG_LEVELS, default="info", help="how much to log (default: info)"
    )
    parser.add_argument(
        "--log-format",
        choices=FORMATS,
        help="how to log (default: text on a terminal, else json)",
    )


def _prepare_check(parser: ArgumentParser) -> None:
    _add_config(parser)
    output.add_json(parser)


def _add_config(parser: ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="a TOML file")


def _serve(arguments: Namespace) -> int:
    import asyncio

    from bridge.config.configuration import ConfigError
    from bridge.config.private_files import UMASK
    from bridge.daemon import process
    from bridge.journal import JournalError
    from bridge.observability import logs

    logs.setup(sys.stderr, arguments.log, arguments.log_format)
    os.umask(UMASK)
    log = logs.Log("bridge")
    try:
        asyncio.run(process.run(configured(arguments.config), _ready))
    except ConfigError as error:
        raise UsageError(str(error)) from error
    except (JournalError, OSError) as error:
        log.error("the bridge cannot start", detail=str(error))
        return FAILED
    except ExceptionGroup:
        log.exception("the bridge failed")
        return FAILED
    return OK


def _check(arguments: Namespace) -> int:
    import asyncio

    from bridge.daemon import checks

    found = asyncio.run(checks.check(configured(arguments.config)))
    value = {"findings": [finding._asdict() for finding in found]}
    return Result(value, _lines(found), all(finding.ok for finding in found)).show(arguments)


def _lines(found: list[Finding]) -> Iterator[str]:
    for what, ok, detail, todo in found:
        yield f"{'ok' if ok else 'FAILED':7}{what}: {detail}"
        if todo:
            yield f"{'':7}→ {todo}"


def _ready(till_api: str) -> None:
    from bridge.observability.logs import say

    say(sys.stdout, json.dumps({"till_api": till_api}) + "\n")


group = Group(_HELP)
run = Command(_RUN_HELP, _prepare_run, _serve)
check = Command(_CHECK_HELP, _prepare_check, _check)
