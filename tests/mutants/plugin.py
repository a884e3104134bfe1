"""Runs the tests of the table: each as it is, then once for each mistake that it is to catch."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.mutants.mistakes import MISTAKES, Mistake

NONE = "as it is"
KNOWN = {mistake.name: mistake for mistake in MISTAKES}


def _run_of(test: str, name: str) -> str:
    """The node id of `test` with that mistake."""
    return f"{test[:-1]}-{name}]" if test.endswith("]") else f"{test}[{name}]"


_RUNS = {_run_of(one.test, name) for one in MISTAKES for name in (NONE, one.name)}


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Add the mistake behind the test's own parameters."""
    test = metafunc.definition.nodeid
    names = [one.name for one in MISTAKES if one.test.partition("[")[0] == test]
    metafunc.parametrize("mistake", [NONE, *names], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if item.nodeid in _RUNS]


@pytest.fixture(autouse=True)
def mistake(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    """Make it before anything of the test is made."""
    record_property("mistake", request.param)
    made: Mistake | None = KNOWN.get(request.param)
    if made is not None:
        monkeypatch.setattr(made.owner, made.attribute, made.wrong)
