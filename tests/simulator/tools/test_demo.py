"""`tillsign demo`: what programs read, and what people read where there is no terminal."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.support.world.commands import in_order, tillsign

pytestmark = pytest.mark.processes

SALE_KEYS = {
    *("outcome", "reason", "amount", "currency", "approval_id", "transaction_id"),
    "ms_approval_to_till",
}


async def demo(temporary: Path, *arguments: str) -> str:
    """What it prints; it ends well."""
    code, out, err = await tillsign(temporary, "demo", *arguments)
    assert (code, err) == (0, "")
    return out


async def test_three_sales_as_json(tmp_path: Path) -> None:
    document = json.loads(await demo(tmp_path, "--json", "--sales", "3"))
    assert set(document) == {"receiver", "sales"}
    assert set(document["receiver"]) == {"interpreter", "version", "board", "firmware"}
    assert document["receiver"]["interpreter"] == "micropython"
    assert [set(sale) for sale in document["sales"]] == [SALE_KEYS] * 3
    for sale in document["sales"]:
        assert (sale["outcome"], sale["reason"]) == ("approved", None)
        assert (sale["amount"], sale["currency"]) == (24_900, "SEK")
        assert sale["ms_approval_to_till"] > 0
    for name in ("approval_id", "transaction_id"):
        assert len({sale[name] for sale in document["sales"]}) == 3


async def test_the_story_as_json(tmp_path: Path) -> None:
    sales = json.loads(await demo(tmp_path, "--json"))["sales"]
    assert [set(sale) for sale in sales] == [SALE_KEYS] * len(sales)
    assert [(sale["outcome"], sale["reason"]) for sale in sales] == [
        ("approved", None),
        ("approved", None),
        ("cancelled", "cashier_cancelled"),
        ("approved", "accepted_offline"),
        ("refunded", None),
    ]
    said_no = sales[2]
    assert (said_no["transaction_id"], said_no["ms_approval_to_till"]) == (None, None)


async def test_the_story_in_plain_text(tmp_path: Path) -> None:
    ended = await tillsign(tmp_path, "demo")
    assert (ended.code, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    in_order(
        ended,
        *("A purchase", "shows match code", "The buyer's phone is near."),
        *("The buyer sees the amount.", "the authority is asked", "approved: transaction"),
        *("marks the sale as paid", "invoices it"),
        *("Over the purchase limit", "declined: ", "raises the purchase limit", "approved"),
        *("marks the sale as paid", "invoices it"),
        *("A buyer who leaves", "shows why, and stays open", "cancelled"),
        *("While the authority is away", "is away", "the last digit", "marks the sale as paid"),
        *("is back", "invoices it"),
        *("A refund", "Återbetalning / Refund: SEK 249.00", "refunded: transaction"),
        *("Latencies", "median"),
    )


@pytest.mark.parametrize(
    ("wrong", "arguments"),
    [("--sales", ("--sales", "0")), ("--svg", ("--json", "--svg", "demo.svg"))],
    ids=["no sales", "a picture of no output"],
)
async def test_a_wrong_command_line(tmp_path: Path, wrong: str, arguments: tuple[str, ...]) -> None:
    code, out, err = await tillsign(tmp_path, "demo", *arguments)
    assert (code, out) == (2, "")
    assert wrong in err
    assert not (tmp_path / "demo.svg").exists()


# `tillsign demo --svg`, and the picture in the README that `make picture` writes with it.


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
    await demo(tmp_path, "--sales", "1", "--svg", str(file))
    assert len(told(file.read_text())) > 20
    assert told(file.read_text()) == told(STORED.read_text()), "run `make picture`"


def test_the_picture_is_small_and_loads_nothing() -> None:
    svg = STORED.read_text()
    assert len(svg.encode()) < SIZE_MOST
    assert set(re.findall(r"\w+://[^\"]+", svg)) == {"http://www.w3.org/2000/svg"}
