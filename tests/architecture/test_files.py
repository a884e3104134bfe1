"""Each file says what it is; what a program writes is what that program writes today."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from simulator.tools.generate import ed25519_base, field_kernel, p256_base
from tests.architecture.tree import PACKAGES, ROOT, files, parsed

GENERATED = {
    "receiver/crypto/kernels/field.py": field_kernel.source,
    "receiver/crypto/ed25519_base.py": ed25519_base.source,
    "receiver/crypto/p256_base.py": p256_base.source,
}


@pytest.mark.parametrize("path", files(*PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_file_says_what_it_is(path: Path) -> None:
    tree = parsed(path)
    assert ast.get_docstring(tree) or not tree.body


@pytest.mark.parametrize("package", ["simulator"])
def test_a_class_name_is_one_class(package: str) -> None:
    places: dict[str, list[Path]] = defaultdict(list)
    for path in files(package):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path.relative_to(ROOT))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", GENERATED)
def test_generated_file_is_what_its_generator_writes(name: str) -> None:
    assert (ROOT / name).read_text() == GENERATED[name]()
