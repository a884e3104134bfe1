"""`make docs` has nothing to write: what the documents show of the code is what it is today."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from simulator.tools.generate import docs, limits

PAGES = list(docs.pages())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_what_make_docs_writes(page: Path) -> None:
    text = page.read_text()
    assert docs.generated(text) == text, "run `make docs`"


def test_every_part_stands_on_one_page() -> None:
    shown = Counter(name for page in PAGES for name in docs.names(page.read_text()))
    assert shown == Counter(docs.BLOCKS.keys())
    markers = sum(page.read_text().count("<!-- ") for page in PAGES)
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
