"""Every answer of the till API that a test sees is of the type that describes it."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from msgspec import Struct

from bridge import contracts
from bridge.till.rest import models
from bridge.till.server.problems import Problem

_BY_PATH: tuple[tuple[str, type[Struct] | None], ...] = (
    ("POST /v1/sales", models.SaleView),
    ("GET /v1/sales", models.OpenSales),
    (r"\w+ /v1/sales/[^/]+(/\w+)?", models.SaleView),
    (r"\w+ /v1/refunds(/[^/]+(/\w+)?)?", models.Refund),
    ("GET /v1/totals", models.Totals),
    ("GET /v1/reconciliation", models.ReconciliationView),
    ("POST /v1/reconciliation/acknowledge", models.Acknowledged),
    (r"\w+ /v1/outbox(/send)?", models.OutboxView),
    ("GET /v1/receivers", models.Receivers),
    ("GET /healthz", models.Serving),
    ("GET /openapi.json", None),
)


def check(method: str, path: str, status: int, body: Any) -> None:
    """Raise AssertionError for an answer that is not of its type."""
    if status >= 400:
        assert_is(body, Problem)
    else:
        asked = f"{method} {path.partition('?')[0]}"
        type_ = next(type_ for pattern, type_ in _BY_PATH if re.fullmatch(pattern, asked))
        if type_:
            assert_is(body, type_)
    for sale in _sales(body):
        assert_is(sale, models.Refund if "refund_id" in sale else models.SaleView)


def assert_is(value: Any, type_: type[Struct]) -> None:
    """Each member is there and as declared, and there are no others."""
    assert said(contracts.convert(value, type_)) == value


def assert_is_event(value: dict[str, Any]) -> None:
    """Further members belong to the event."""
    found = contracts.convert(value, models.EventView)
    assert said(found).items() <= value.items()
    if sale := value.get("sale"):
        assert_is(sale, models.Refund if "refund_id" in sale else models.SaleView)


def said(value: Struct) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(contracts.encode(value)))


def _sales(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Those inside an answer, of which the type itself says only that they are one of two."""
    one = body.get("sale")
    return [*body.get("sales", ()), *([one] if one else ())]
