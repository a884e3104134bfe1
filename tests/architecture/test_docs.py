"""The documents say what the tree says: tables, paths and links."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.domain import states as bridge_states
from receiver import reasons
from receiver.core import connection
from receiver.core import sale_session as receiver_sale
from receiver.host.texts import MENDABLE, texts
from simulator.phone.conversation import states
from tests.architecture.tree import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TABLES: dict[str, tuple[Any, ...]] = {
    "docs/protocol.md": (connection.TABLE, receiver_sale.TABLE, states.TABLE),
    "docs/bridge.md": (bridge_states.TABLE,),
}
_PATH = re.compile(r"`((?:receiver|bridge|firmware|simulator|tests|docs)/[\w/.\-]+\.\w+)`")
_LINK = re.compile(r"\]\(([\w/.\-]+)\)")


def row(state: str, exits: Mapping[str, str]) -> str:
    """One state of a transition table as the documents show it."""
    return f"| {state} | {', '.join(f'{event} → {after}' for event, after in exits.items())} |"


@pytest.mark.parametrize("page", TABLES)
def test_tables_are_those_of_the_code(page: str) -> None:
    text = (ROOT / page).read_text()
    for table in TABLES[page]:
        for state, exits in table.items():
            assert row(state, exits) in text


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


def test_reasons_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "reasons.md").read_text()
    assert [code for code in reasons.NAMES if reason_row(code) not in text] == []


def reason_row(code: int) -> str:
    """One reason as the documents show it."""
    row, mendable = texts(code), "yes" if code in MENDABLE else ""
    cashier = f"{row.cashier_sv}<br>{row.cashier_en}"
    buyer = f"{row.buyer_sv}<br>{row.buyer_en}"
    return f"| {code} | `{reasons.name(code)}` | {mendable} | {cashier} | {buyer} |"
