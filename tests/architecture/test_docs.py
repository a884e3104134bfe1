"""The documents say what the tree says: tables, paths and links."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from simulator.tools.generate import docs, limits
from tests.architecture.tree import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_PATH = re.compile(r"`((?:receiver|bridge|firmware|simulator|tests|docs)/[\w/.\-]+\.\w+)`")
_LINK = re.compile(r"\]\(([\w/.\-]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    missing = [path for path in _PATH.findall(text) if not (ROOT / path).exists()]
    missing += [link for link in _LINK.findall(text) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize(("page", "least"), [("threat-model.md", 40), ("invariants.md", 25)])
def test_tests_that_are_named_exist(page: str, least: int) -> None:
    """A page that names its tests must not outlive them."""
    text = (ROOT / "docs" / page).read_text()
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`((?:test_|Test)\w+)`", text))
    assert len(named) > least
    assert [name for name in sorted(named) if not _is_defined(name, tests)] == []


def test_every_invariant_is_on_its_page() -> None:
    text = (ROOT / "docs" / "invariants.md").read_text()
    files = ("invariants.py", "rollback_invariants.py")
    source = "".join((ROOT / "tests" / "crash" / name).read_text() for name in files)
    asserted = re.findall(r"^def (\w+)\(quiet: Quiet\) -> None:", source, re.MULTILINE)
    assert len(asserted) > 15
    assert [name for name in asserted if f"`{name}`" not in text] == []


def _is_defined(name: str, tests: str) -> bool:
    return any(f"{kind} {name}{end}" in tests for kind, end in (("def", "("), ("class", "("))) or (
        f"\n{name} = " in tests
    )


# `make docs` has nothing to write: what the documents show of the code is what it is today.


GENERATED = list(docs.pages())


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.name)
def test_a_page_is_what_make_docs_writes(page: Path) -> None:
    text = page.read_text()
    assert docs.generated(text) == text, "run `make docs`"


def test_every_part_stands_on_one_page() -> None:
    shown = Counter(name for page in GENERATED for name in docs.names(page.read_text()))
    assert shown == Counter(docs.BLOCKS.keys())
    markers = sum(page.read_text().count("<!-- ") for page in GENERATED)
    assert markers == 2 * len(docs.BLOCKS)


def test_a_part_is_made_anew_and_the_rest_stays() -> None:
    block = "<!-- generated: edges -->\nold\n<!-- end of edges -->"
    made = docs.generated(f"before\n{block}\nafter\n")
    assert made.startswith("before\n<!-- generated: edges -->\n\n| edge |")
    assert made.endswith("|\n\n<!-- end of edges -->\nafter\n")


def test_every_limit_has_its_reason_beside_it() -> None:
    found = limits.limits()
    assert len(found) > 150
    assert [limit for limit in found if not limit.reason] == []
