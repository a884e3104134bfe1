"""The bridge in its own process, started as on a cashier terminal."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from simulator.authority.api.client import Administered
from simulator.crypto.pki import Identity
from simulator.processes.child_process import ServerProcess

PROGRAM = ("bridge.cli",)

_CONFIG = """\
[bridge]
id = "{id}"
journal = "journal.sqlite"
pins = "{pins}"
{names}
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


class Place(NamedTuple):
    """One receiver: its till, its pyserial URL, its certificate (COSE file)."""

    till: int
    url: str
    certificate: Path


class BridgeProcess(ServerProcess):
    """`tillsign bridge run`, from its configuration file to its readiness line.

    `program` is the module to run instead of `tillsign`, with its own arguments.
    """

    def __init__(self, directory: Path, program: Sequence[str] = PROGRAM) -> None:
        super().__init__(directory / "bridge.log")
        self.directory = directory
        self.config = directory / "bridge.toml"
        self.till_api = ""
        self._program = program
        self._head = ""  # of the configuration: everything but the receivers

    def configure(
        self,
        authority: Administered,
        identity: Identity,
        receivers: Iterable[Place],
        *,
        pins: Path,
        timeout_s: float,
        offline: bool = False,
        names: Path | None = None,
    ) -> None:
        """Write the configuration file; `offline` lets the bridge use the authority's limits.

        `names` is the folder of built firmware's name maps.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self._head = _CONFIG.format(
            id=secrets.token_hex(8),
            pins=pins,
            names=f'firmware_names = "{names}"\n' if names else "",
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

    async def start(self) -> None:
        """Start the process and wait until it serves; a RuntimeError quotes its last output."""
        module, *arguments = self._program
        ready = await self.run(module, *arguments, "bridge", "run", "--config", str(self.config))
        self.till_api = ready["till_api"]
