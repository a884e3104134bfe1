"""Tests lie where the product lies, and what they share stands on floors of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, ROOT, imports

TESTS = ROOT / "tests"
# From the lowest floor up: values; machines without I/O; a bridge in this process; with its
# authority; everything, as processes.
SUPPORT = ("values", "machines", "bridge", "shop", "world")


def folders(path: Path) -> set[str]:
    return {found.name for found in path.iterdir() if found.is_dir()} - {"__pycache__"}


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_of_a_room_lie_in_its_folder(package: str) -> None:
    assert folders(TESTS / package) <= folders(ROOT / package)


def test_what_tests_share_is_on_these_floors() -> None:
    assert folders(TESTS / "support") == set(SUPPORT)


@pytest.mark.parametrize("floor", SUPPORT)
def test_what_tests_share_imports_from_below(floor: str) -> None:
    below = [f"tests.support.{name}" for name in SUPPORT[: SUPPORT.index(floor) + 1]]
    found = [i for i in imports(f"tests/support/{floor}") if i.top == "tests"]
    wrong = [i for i in found if not i.within(*below, "tests.architecture.tree")]
    assert not wrong, "\n".join(map(str, wrong))
