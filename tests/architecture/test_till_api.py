"""The chapter on the till API names all that a till can meet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.books.totals import TotalsRow, total
from bridge.domain import event_codec
from bridge.domain.sale import Place
from bridge.domain.states import TABLE, VOLATILE, State
from bridge.till.rest.openapi import PATHS, SCHEMAS
from bridge.till.server.access import KINDS
from receiver.host.currencies import LETTERS
from tests.architecture.tree import ROOT, files, parsed

TEXT = (ROOT / "docs" / "till-api.md").read_text()
WORDS = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)))
SHAPES = ("Sale", "Refund", "NewSale", "NewRefund", "Difference", "Outbox")
# Which argument is the kind of the problem.
_MADE_BY = {"ProblemError": 1, "_RefusalError": 1, "ConflictError": 0, "NoRefundError": 0}


def test_every_route() -> None:
    named = {re.sub(r"\?.*", "", word) for word in WORDS}
    routes = {f"{method.upper()} {path}" for path, row in PATHS.items() for method in row}
    assert routes - named == set()


@pytest.mark.parametrize("name", SHAPES)
def test_every_member(name: str) -> None:
    assert set(SCHEMAS[name]["properties"]) - WORDS == set()


def test_every_value_that_a_till_tells_apart() -> None:
    values = {value for name in SHAPES for value in enumerated(SCHEMAS[name])}
    assert len(values) > 15
    assert values - WORDS == set()


def enumerated(schema: Any) -> Iterator[str]:
    """Every word in an enumeration, at any depth; currencies are said in one sentence."""
    if isinstance(schema, dict):
        words = schema.get("enum", [])
        yield from (word for word in words if word and word not in LETTERS.values())
        for part in schema.values():
            yield from enumerated(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from enumerated(part)


def test_every_event() -> None:
    happens = {str(event) for exits in TABLE.values() for event in exits}
    unseen = {"accepted_offline"}  # approved, and so told by `told`
    assert happens - unseen - WORDS == set()
    assert {event_codec.RUNG, *SCHEMAS["Event"]["properties"]["event"]["enum"]} - WORDS == set()
    sentence = next(line for line in TEXT.splitlines() if "but for `claimed`" in line)
    assert set(re.findall(r"`(\w+)`", sentence)) >= VOLATILE


def test_every_sum() -> None:
    place = Place(3, b"receiver")
    [sums] = total(
        [TotalsRow(place, "sale", "", False, State.POSTED, 1, next(iter(LETTERS)), False)]
    )
    assert {name for name in sums if name != "currency"} - WORDS == set()


def test_every_problem() -> None:
    kinds = {kind for path in files("bridge") for kind in problems(parsed(path))}
    assert len(kinds) > 15
    assert (kinds | set(KINDS)) - WORDS == set()


def problems(tree: ast.AST) -> Iterator[str]:
    """The kinds that are raised by name in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            at = _MADE_BY.get(node.func.id)
            kind = node.args[at] if at is not None else None
            if isinstance(kind, ast.Constant):
                yield str(kind.value)
