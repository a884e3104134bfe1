"""`python -m simulator.authority`: run the authority as its own process.

One line of JSON on standard output announces that it serves, and its address. SIGTERM and SIGINT
stop it; SIGKILL loses nothing that was acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import signal
import sys
from pathlib import Path

from simulator.authority.ledger.journal_positions import LEASE_S
from simulator.crypto import pki

from .accounts import secret_word
from .service import Authority
from .workers import Workers


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    sys.exit(asyncio.run(_serve(_arguments())))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("simulator.authority", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="keys, certificates, books")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--database", help="a postgresql:// URL instead of a file")
    parser.add_argument(
        "--processes", type=int, default=1, help="serving; more than one needs a database"
    )
    parser.add_argument(
        "--lease-s", type=int, default=LEASE_S, help="silence before another journal takes over"
    )
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> int:
    """Serve until stopped; return 1 if another of the processes ended by itself."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    directory: Path = arguments.directory
    authority = Authority(
        directory,
        arguments.host,
        arguments.port,
        database=arguments.database,
        admin_token=_admin_token(directory),
        lease_s=arguments.lease_s,
    )
    async with authority, Workers(arguments.processes - 1, _same(arguments, authority)) as workers:
        gc.freeze()  # do not scan again what lives until the end
        print(json.dumps(_ready(authority)), flush=True)
        ends = [asyncio.create_task(wait) for wait in (stopped.wait(), workers.ended())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
    return 0 if stopped.is_set() else 1


def _same(arguments: argparse.Namespace, authority: Authority) -> list[str]:
    """Return the arguments for a process at the same port with the same books."""
    same = ["--directory", str(arguments.directory), "--host", arguments.host]
    same += ["--port", str(authority.port), "--lease-s", str(arguments.lease_s)]
    return [*same, "--database", arguments.database] if arguments.database else same


def _ready(authority: Authority) -> dict[str, str]:
    return {
        "url": authority.url,
        "admin_token": authority.admin_token,
        "ca": str(authority.ca.certificate),
    }


def _admin_token(directory: Path) -> str:
    """Return the administrator's token, the same at every start."""
    path = directory / "admin-token"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        pki.write_private(path, secret_word.new().encode())
    return path.read_text()


if __name__ == "__main__":
    main()
