"""`tillsign demo --svg`, and the picture in the README that `make picture` writes with it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.support.world.commands import tillsign

pytestmark = pytest.mark.processes

STORED = ROOT / "docs" / "demo.svg"
SIZE_MOST = 60_000  # bytes: the README loads it on every visit
# Of the receiver's verdict and the authority's answer the demo shows the first alone.
_FIRST_WORD = {"receiver the approval is valid there too", "authority authorised: holds the money"}


def lines(svg: str) -> list[str]:
    """Return the text of a picture line by line, with its numbers masked."""
    rows: dict[float, list[str]] = {}
    for y, text in re.findall(r'<text class="demo-r\d+"[^>]* y="([\d.]+)"[^>]*>([^<]*)<', svg):
        rows.setdefault(float(y), []).append(unescape(text))
    texts = [" ".join(" ".join(row).split()) for _, row in sorted(rows.items())]
    return [re.sub(r"transaction \w+|[\d.]+", "#", text) for text in texts]


def told(svg: str) -> set[str]:
    """Return the lines after their time, but for the two of which either may be there."""
    return {line.removeprefix("# ms ") for line in lines(svg)} - _FIRST_WORD


async def test_the_picture_is_what_the_demo_shows(tmp_path: Path) -> None:
    file = tmp_path / "demo.svg"
    ended = await tillsign(tmp_path, "demo", "--sales", "1", "--svg", str(file))
    assert (ended.code, ended.err) == (0, "")
    assert len(told(file.read_text())) > 20
    assert told(file.read_text()) == told(STORED.read_text()), "run `make picture`"


def test_the_picture_is_small_and_loads_nothing() -> None:
    svg = STORED.read_text()
    assert len(svg.encode()) < SIZE_MOST
    assert set(re.findall(r"\w+://[^\"]+", svg)) == {"http://www.w3.org/2000/svg"}


async def test_a_picture_of_no_output(tmp_path: Path) -> None:
    code, out, err = await tillsign(tmp_path, "demo", "--json", "--svg", "demo.svg")
    assert (code, out) == (2, "")
    assert "--svg" in err
    assert not (tmp_path / "demo.svg").exists()
