"""Ask the host for constants that the device would compute at each start.

The programs of the cryptography's field are texts, assembled at import: 20 M instructions on a
chip. Their bytes are the same everywhere, so the image holds the bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from .merge import Program, qualified

PORTABLE = "receiver."  # what CPython can import: the rest needs a board

_ASK = """
import importlib, json, sys
def is_plain(value):
    if type(value) is tuple:
        return all(map(is_plain, value))
    if type(value) is dict:
        return all(map(is_plain, value)) and all(map(is_plain, value.values()))
    return value is None or type(value) in (int, bool, str, bytes)
found = {}
for name in sys.argv[1:]:
    values = vars(importlib.import_module(name))
    found[name] = {key: repr(value) for key, value in values.items() if is_plain(value)}
print(json.dumps(found))
"""


def evaluate(program: Program, root: Path) -> dict[str, Any]:
    """Return the plain values of globals, by their names in the merged program.

    Runs apart, on exactly the sources below `root`.
    """
    names = [source.name for source in program.sources if source.name.startswith(PORTABLE)]
    if not names:
        return {}
    told = subprocess.run(
        [sys.executable, "-c", _ASK, *names],
        cwd=root,
        env={"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise SystemExit(f"the sources do not load on this Python: {told.stderr.strip()}")
    return {
        qualified(module, key): _parsed(text)
        for module, values in json.loads(told.stdout).items()
        for key, text in values.items()
        if not key.startswith("__")
    }


def _parsed(text: str) -> Any:
    import ast

    return ast.literal_eval(text)
