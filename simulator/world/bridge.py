"""The bridge in its own process, started as on a cashier terminal."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from signal import SIGTERM, Signals
from typing import NamedTuple, Protocol

from simulator.crypto.pki import DemoCa, Identity
from simulator.processes.child_process import ChildProcess

PROGRAM = ("bridge.cli",)

_CONFIG = """\
[bridge]
id = "{id}"
journal = "journal.sqlite"
pins = "{pins}"

[till]
listen = "127.0.0.1:0"

[authority]
url = "{url}"
ca = "{ca}"
certificate = "{certificate}"
key = "{key}"
timeout_s = {timeout_s}

[offline]
enabled = {offline}
"""
_RECEIVER = """
[[receiver]]
till = {till}
url = "{url}"
certificate = "{certificate}"
"""


class AuthorityAddress(Protocol):
    """The authority's address."""

    @property
    def url(self) -> str: ...
    @property
    def ca(self) -> DemoCa: ...


class Place(NamedTuple):
    """One receiver: its till, its pyserial URL, its certificate (COSE file)."""

    till: int
    url: str
    certificate: Path


class BridgeProcess:
    """`tillsign bridge run`, from its configuration file to its readiness line.

    `program` is the module to run instead of `tillsign`, with its own arguments.
    """

    def __init__(self, directory: Path, program: Sequence[str] = PROGRAM) -> None:
        self.directory = directory
        self.config = directory / "bridge.toml"
        self.log = directory / "bridge.log"
        self.till_api = ""
        self._program = program
        self._head = ""  # of the configuration: everything but the receivers
        self._process: ChildProcess | None = None

    def configure(
        self,
        authority: AuthorityAddress,
        identity: Identity,
        receivers: Iterable[Place],
        *,
        pins: Path,
        timeout_s: float,
        offline: bool = False,
    ) -> None:
        """Write the configuration file; `offline` lets the bridge use the authority's limits."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._head = _CONFIG.format(
            id=secrets.token_hex(8),
            pins=pins,
            url=authority.url,
            ca=authority.ca.certificate,
            certificate=identity.certificate,
            key=identity.key,
            timeout_s=timeout_s,
            offline=str(offline).lower(),
        )
        self.place(receivers)

    def place(self, receivers: Iterable[Place]) -> None:
        """Write these receivers into the configuration for the next start."""
        tables = [_RECEIVER.format_map(receiver._asdict()) for receiver in receivers]
        self.config.write_text(self._head + "".join(tables))

    @property
    def pid(self) -> int:
        """Return the process id."""
        if self._process is None:
            raise RuntimeError("the bridge is not running")
        return self._process.pid

    async def start(self) -> None:
        """Start the process and wait until it serves; a RuntimeError quotes its last output."""
        arguments = [*self._program, "bridge", "run", "--config", str(self.config)]
        self._process = await ChildProcess.start_module(*arguments, log=self.log)
        self.till_api = json.loads(await self._process.ready())["till_api"]

    async def stop(self, how: Signals = SIGTERM) -> None:
        """End the process and wait for it."""
        process, self._process = self._process, None
        if process is not None:
            await process.stop(how)
