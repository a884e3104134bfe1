"""Files and functions that can be seen whole (the house's style)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from firmware.tools import ed25519_base, field_kernel, p256_base
from tests.architecture.tree import PACKAGES, ROOT, files, functions, parsed

FILE_LINES = 300
FUNCTION_LINES = 50
# One class is one interface here, and splitting it would only hide where its methods are.
LONG_FILES = {
    "receiver/host/texts.py": "every reason with its four texts is one table",
    "simulator/phone/backend.py": "every method that bleak's client and scanner ask for",
    "simulator/phone/conversation.py": "a phone's whole conversation, one handler for each event",
    "simulator/unixport/bluetooth.py": "MicroPython's `bluetooth` module is one file",
}
LONG_FUNCTIONS = {
    "receiver/crypto/kernels/chacha20.py": "a kernel calls nothing: a block is one piece",
}
# What a generator writes nobody reads in one go: the generator is what must be seen whole.
GENERATED = {
    "receiver/crypto/kernels/field.py": field_kernel.source,
    "receiver/crypto/ed25519_base.py": ed25519_base.source,
    "receiver/crypto/p256_base.py": p256_base.source,
}
MODULES = [path for path in files(*PACKAGES) if str(path.relative_to(ROOT)) not in GENERATED]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_fits(path: Path) -> None:
    lines, name = len(path.read_text().splitlines()), str(path.relative_to(ROOT))
    if name not in LONG_FILES:
        assert lines <= FILE_LINES
    for function in [] if name in LONG_FUNCTIONS else functions(path):
        size = (function.end_lineno or 0) - function.lineno + 1
        assert size <= FUNCTION_LINES, f"{function.name} in line {function.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_says_what_it_is(path: Path) -> None:
    tree = parsed(path)
    assert ast.get_docstring(tree) or not tree.body


@pytest.mark.parametrize("name", GENERATED)
def test_generated_file_is_what_its_generator_writes(name: str) -> None:
    assert (ROOT / name).read_text() == GENERATED[name]()
