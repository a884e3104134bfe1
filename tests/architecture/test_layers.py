"""A folder is a rule: rooms stand on floors, and tests lie where the product lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, ROOT, Import, imports

# From the top down; the rooms of one floor do not import each other.
FLOORS: dict[str, tuple[tuple[str, ...], ...]] = {
    "receiver": (("core", "service"), ("link",), ("protocol",), ("encoding", "crypto", "host")),
    "bridge": (
        ("cli",),
        ("daemon",),
        ("till",),
        ("updates",),
        ("sales",),
        ("authority", "books", "lines"),
        ("journal",),
        ("domain",),
    ),
    "simulator": (
        ("tools",),
        ("world", "virtual"),
        ("phone",),
        ("authority", "hardware"),
        ("processes", "crypto"),
    ),
}
# What stands beside the floors: every room may import it, and it imports none but these.
BESIDE = {
    "bridge": {"config": {"journal"}, "observability": {"domain"}},
}


def room(name: str) -> str:
    """The room in which a module of ours lies, or "" for what stands beside all rooms."""
    package, _, rest = name.partition(".")
    first = rest.partition(".")[0]
    return first if (ROOT / package / first).is_dir() else ""


def floor(package: str, of: str) -> int:
    return next(n for n, rooms in enumerate(FLOORS[package]) if of in rooms)


def is_allowed(package: str, here: str, there: str) -> bool:
    beside = BESIDE.get(package, {})
    if not here or not there or here == there:
        return True
    if here in beside:
        return there in beside[here]
    return there in beside or floor(package, here) < floor(package, there)


@pytest.mark.parametrize("package", FLOORS)
def test_every_room_has_its_floor(package: str) -> None:
    rooms = {path.name for path in (ROOT / package).iterdir() if (path / "__init__.py").exists()}
    placed = {name for rooms in FLOORS[package] for name in rooms} | BESIDE.get(package, {}).keys()
    assert rooms == placed


@pytest.mark.parametrize("package", FLOORS)
def test_imports_go_down(package: str) -> None:
    wrong: list[Import] = []
    for found in imports(package):
        if found.top != package:
            continue
        parts = found.file.relative_to(ROOT).parts
        here, there = parts[1] if len(parts) > 2 else "", room(found.name)
        if not is_allowed(package, here, there):
            wrong.append(found)
    assert not wrong, "\n".join(map(str, wrong))


def test_interfaces_of_tills_do_not_know_each_other() -> None:
    """What they share is in `till/server`."""
    interfaces = {path.name for path in (ROOT / "bridge/till").iterdir() if path.is_dir()}
    for name in interfaces - {"__pycache__"}:
        others = [f"bridge.till.{other}" for other in interfaces - {name, "server"}]
        assert not [i for i in imports(f"bridge/till/{name}") if i.within(*others)]


# Tests lie where the product lies, and what they share stands on floors of its own.


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
