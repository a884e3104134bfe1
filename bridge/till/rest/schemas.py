"""The till API's requests and answers as JSON Schema (OpenAPI 3.1), made from the types."""

from __future__ import annotations

from bridge import contracts
from bridge.till.server.problems import Problem

from . import models, requests

SCHEMAS = contracts.schemas(
    requests.NewSale,
    requests.NewRefund,
    requests.AcknowledgementRequest,
    models.SaleView,
    models.Refund,
    models.OpenSales,
    models.Serving,
    models.Receivers,
    models.Totals,
    models.ReconciliationView,
    models.Acknowledged,
    models.OutboxView,
    models.EventView,
    Problem,
)
# The rule of `NewRefund.__post_init__`.
SCHEMAS["NewRefund"]["oneOf"] = [
    {"required": ["sale_id"], "not": {"required": ["transaction_id"]}},
    {"required": ["transaction_id", "currency"], "not": {"required": ["sale_id"]}},
]
for _open in ("Event", "Problem"):
    del SCHEMAS[_open]["additionalProperties"]
