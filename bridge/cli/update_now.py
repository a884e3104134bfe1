"""`tillsign update now`: update one receiver of a running bridge, outside the window too."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from receiver.host import output
from receiver.host.command import Command, UsageError
from receiver.host.output import Result

from .configured import configured

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from .running_bridge import RunningBridge

LOOK_S = 0.5  # between two looks at the progress
INSTALLED = "installed"

_HELP = "Update a receiver of a running bridge as soon as no buyer is at it; shows how it goes"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument("--till", type=int, required=True, metavar="N", help="the till's number")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the bridge's")
    parser.add_argument(
        "--till-api", metavar="URL", help="its address, where the system chose the port"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--no-wait", action="store_true", help="do not wait for the end")
    what.add_argument("--cancel", action="store_true", help="take it back; sell at once")
    output.add_json(parser)


def _update(arguments: Namespace) -> int:
    from bridge.config.configuration import ConfigError

    from .running_bridge import BridgeError, RunningBridge

    try:
        api = RunningBridge(configured(arguments.config).listen, arguments.till_api)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    path = f"/v1/receivers/{arguments.till}/update"
    try:
        if arguments.cancel:
            found = api.ask("POST", f"{path}/cancel")
            return Result(found, ["taken back"]).show(arguments)
        ordered = api.ask("POST", path)
        if arguments.no_wait:
            return Result(ordered, ["ordered"]).show(arguments)
        return _watched(arguments, api, ordered["attempt"])
    except BridgeError as error:
        return Result({"error": str(error)}, [str(error)], ok=False).show(arguments)


def _watched(arguments: Namespace, api: RunningBridge, attempt: int) -> int:
    """Wait for the end; print each phase to standard error."""
    said = ""
    while True:
        receiver = _receiver(api, arguments.till)
        update = receiver["update"]
        words = _words(receiver, attempt)
        if words != said and not arguments.json:
            print(words, file=sys.stderr)
        said = words
        if not receiver["update_waits"]:
            break
        time.sleep(LOOK_S)
    mine = update if update and update["attempt"] >= attempt else None
    ok = mine is None or mine["outcome"] == INSTALLED or mine["reason"] is None
    value = {"till": arguments.till, "release": receiver["release"], "update": mine}
    return Result(value, _lines(receiver, mine), ok).show(arguments)


def _receiver(api: RunningBridge, till: int) -> Any:
    found = api.ask("GET", "/v1/receivers")["receivers"]
    return next(one for one in found if one["till"] == till)


def _words(receiver: Any, attempt: int) -> str:
    update = receiver["update"]
    if update is None or update["attempt"] < attempt:
        return "waiting: for the receiver, the authority, or the end of a sale"
    if update["phase"] == "sending":
        return f"sending: {100 * update['offset'] // max(update['size'], 1)} %"
    return str(update["phase"])


def _lines(receiver: Any, update: Any) -> Iterator[str]:
    if update is None:
        yield f"nothing to do: release {receiver['release']} is what it should run"
    elif update["outcome"] == INSTALLED:
        yield f"release {update['release']} ({update['version']}) is installed"
    else:
        how = update["outcome"] or "not tried"
        yield f"release {update['release']}: {how}: {update['reason'] or 'nothing to do'}"


command = Command(_HELP, _prepare, _update)
