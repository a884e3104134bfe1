"""The bridge of the till that the board is for, as its configuration says."""

from __future__ import annotations

from pathlib import Path

from simulator.processes.child_process import ServerProcess

PROGRAM = "bridge.cli"
_TILL = '\n[till]\nlisten = "127.0.0.1:0"\n'


class TillBridge(ServerProcess):
    """`tillsign bridge run` over the folder that `tillsign bridge enrol` filled."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "bridge.log")
        self.config = folder / "bridge.toml"
        self.till_api = ""

    def serve_anywhere(self) -> None:
        """Let the system choose the port of the till's API: another bridge may run here."""
        text = self.config.read_text()
        if _TILL not in text:
            self.config.write_text(text + _TILL)

    async def start(self) -> None:
        """Start it; a RuntimeError quotes its last output."""
        ready = await self.run(PROGRAM, "bridge", "run", "--config", str(self.config))
        self.till_api = ready["till_api"]
