"""A module in parts does what the whole one did, and is empty before its parts are called."""

from __future__ import annotations

import subprocess
from pathlib import Path

from firmware.tools.bundle import mpy, parts
from tests.support.values.micropython import interpreter

MODULE = """
from os import getcwd as lib__os__getcwd
A, B = 1, 2
TABLE = {each: each * A for each in range(3)}

def first(value):
    return [B + each + value for each in TABLE]

class Thing:
    kept = B

    def __init__(self):
        self.value = first(A)

    def grown(self):
        def one(each):
            return each + B + self.kept
        return sum(map(one, self.value))

def last():
    global A
    A += 1
    return Thing().grown(), A, bool(lib__os__getcwd())

TABLE[9] = A
for number in range(2):
    B += number
main = last
"""


def _printed(folder: Path, text: str, run: str) -> str:
    compiled = mpy.compile_text(text, "built", "x64", (mpy.OPTIMISED,))
    (folder / "built.mpy").write_bytes(compiled)
    run = f"import built\n{run}\nprint(built.main(), built.main())"
    return subprocess.run(
        [interpreter(), "-c", run],
        env={"MICROPYPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout


def test_the_parts_make_what_the_module_made(tmp_path: Path) -> None:
    whole = _printed(tmp_path, MODULE, "")
    for count in (1, 2, 5, 50):
        divided = parts.divide(MODULE, count)
        call = (
            f"assert not hasattr(built, 'main') and len(built.{parts.PARTS}) <= {count}\n"
            f"while built.{parts.PARTS}: built.{parts.PARTS}.pop(0)()"
        )
        assert _printed(tmp_path, divided, call) == whole
