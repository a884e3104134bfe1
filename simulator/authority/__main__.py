"""`python -m simulator.authority`: the authority as a process of its own.

One line of JSON on standard output says that it serves, and where. SIGTERM and SIGINT stop it;
SIGKILL loses nothing that was acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import signal
from pathlib import Path

from simulator import pki

from .service import Authority


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_serve(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("simulator.authority", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="keys, certificates, books")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--database", help="a postgresql:// URL, in place of a file")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
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
    )
    async with authority:
        print(json.dumps(_ready(authority)), flush=True)
        await stopped.wait()


def _ready(authority: Authority) -> dict[str, str]:
    return {
        "url": authority.url,
        "admin_token": authority.admin_token,
        "ca": str(authority.ca.certificate),
    }


def _admin_token(directory: Path) -> str:
    """The same one at every start."""
    path = directory / "admin-token"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        pki.write_private(path, secrets.token_urlsafe().encode())
    return path.read_text()


if __name__ == "__main__":
    main()
