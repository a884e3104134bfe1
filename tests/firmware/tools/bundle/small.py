"""Small programs for the build: what MicroPython prints of the sources and of what is built."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent

from firmware.tools.bundle import mpy, program
from simulator.world.receiver_command import ROOT
from tests.support.values.micropython import interpreter

LIB = ROOT / "firmware/device/lib"
SCRIPT = "tests/script.py"


class Small:
    """Sources in a folder; `script` runs them."""

    def __init__(self, root: Path, script: str, **modules: str) -> None:
        self.root = root
        for name, text in {**modules, "tests.script": script}.items():
            path = root / Path(*name.replace("__", ".").split(".")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))

    def before(self) -> str:
        """What MicroPython prints of the sources."""
        return _run(self.root / SCRIPT, f"{self.root}:{LIB}")

    def built(self, *steps: str) -> str:
        """The one module after these steps, or after all."""
        return program.script(self.root, "tests.script", steps or program.STEPS).text

    def after(self, *steps: str) -> str:
        """What MicroPython prints of it, compiled as an image is."""
        folder = self.root / "built"
        folder.mkdir(exist_ok=True)
        compiled = mpy.compile_text(self.built(*steps), "built", "x64", (mpy.OPTIMISED,))
        (folder / "built.mpy").write_bytes(compiled)
        return _run("import built", str(folder))


def _run(what: Path | str, path: str) -> str:
    command = [str(what)] if isinstance(what, Path) else ["-c", what]
    run = subprocess.run(
        [interpreter(), *command],
        env={"MICROPYPATH": f"{path}:.frozen"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
