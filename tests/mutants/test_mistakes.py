"""What the tests are worth: each of these mistakes is caught, by the test that is named for it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from simulator.authority.storage.store import BusyError
from tests.architecture.tree import ROOT
from tests.mutants.mistakes import MISTAKES
from tests.mutants.plugin import NONE

# How a test fails by what it asserts. Anything else would be the wrong code's own failure, but that
# the authority's books refuse what no rule refused.
CAUGHT = (
    *("assert ", "AssertionError", "Failed: DID NOT RAISE"),
    f"{BusyError.__module__}.{BusyError.__name__}",
)


def test_each_mistake_is_caught_by_its_test(tmp_path: Path) -> None:
    """And by nothing but the mistake: without it the same test passes."""
    found = Counter(_run(tmp_path))
    wanted = Counter((NONE, "passed") for _ in {mistake.test for mistake in MISTAKES})
    assert found == wanted + Counter((mistake.name, "caught") for mistake in MISTAKES)


def _run(folder: Path) -> Iterator[tuple[str, str]]:
    """The mistake in each test that was run, and how that went."""
    report = folder / "report.xml"
    tests = sorted({mistake.test.partition("[")[0] for mistake in MISTAKES})
    plugins = ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "tests.mutants.plugin")
    written = (f"--junitxml={report}", "-o", "junit_family=xunit1")  # which tells properties
    command = [sys.executable, "-m", "pytest", "-q", *plugins, *written, *tests]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert report.exists(), ended.stdout + ended.stderr
    for case in ElementTree.parse(report).iter("testcase"):
        mistake = case.find("properties/property")
        yield case.attrib["name"] if mistake is None else mistake.attrib["value"], _outcome(case)


def _outcome(case: ElementTree.Element) -> str:
    failure, error = case.find("failure"), case.find("error")
    if error is not None:
        return f"error: {error.attrib['message']}"
    if failure is None:
        return "passed"
    message = failure.attrib["message"]
    return "caught" if message.startswith(CAUGHT) else f"failed otherwise: {message}"
