"""What the till API takes and gives, as JSON Schema (OpenAPI 3.1): it follows from the types."""

from __future__ import annotations

from typing import Any

from bridge import contracts

from . import models, requests

SCHEMAS: dict[str, Any] = contracts.schemas(
    requests.NewSale,
    requests.NewRefund,
    requests.Acknowledgement,
    models.Sale,
    models.Refund,
    models.OpenSales,
    models.Serving,
    models.Receivers,
    models.Totals,
    models.Reconciliation,
    models.Acknowledged,
    models.Outbox,
    models.Event,
    models.Problem,
)
# As `NewRefund.__post_init__` has it.
SCHEMAS["NewRefund"]["oneOf"] = [
    {"required": ["sale_id"], "not": {"required": ["transaction_id"]}},
    {"required": ["transaction_id", "currency"], "not": {"required": ["sale_id"]}},
]
for _open in ("Event", "Problem"):
    del SCHEMAS[_open]["additionalProperties"]
