"""How one purchase of a run is made again, from its seed."""

from __future__ import annotations

import shlex

from .jobs import SCENE

MODULE = "simulator.tools.promise"


def command(air: str, profile: str, seed: int, number: int, *, scene: int = SCENE) -> str:
    """Return the command line that prints this purchase's transcript."""
    words = ["python", "-m", MODULE, "replay", air, profile, str(seed), str(number)]
    return shlex.join(words if scene == SCENE else [*words, "--scene", str(scene)])
