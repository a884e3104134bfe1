"""The till API's description (OpenAPI 3.1); tests compare it with the routes and the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import __version__, contracts
from bridge.contracts import ref
from bridge.till.server import problems
from receiver.protocol.messages import TILL_MOST

from . import models, requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from msgspec import Struct

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
    problems.Problem,
)
# The rule of `NewRefund.__post_init__`.
SCHEMAS["NewRefund"]["oneOf"] = [
    {"required": ["sale_id"], "not": {"required": ["transaction_id"]}},
    {"required": ["transaction_id", "currency"], "not": {"required": ["sale_id"]}},
]
for _open in ("Event", "Problem"):
    del SCHEMAS[_open]["additionalProperties"]


def _json(description: str, schema: object) -> dict[str, object]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problem(description: str) -> dict[str, object]:
    return {
        "description": description,
        "content": {problems.MEDIA_TYPE: {"schema": ref(problems.Problem)}},
    }


# The answers that any request may get.
_ALWAYS = {
    "401": _problem("The token is missing or wrong, where this bridge has one."),
    "403": _problem("Host or Origin is not this bridge's."),
    "429": _problem("This address asks too often: see Retry-After."),
    "500": _problem("The bridge failed; see its log."),
    "503": _problem("The bridge stops or is full, or its journal is locked: see Retry-After."),
}


def _operation(
    name: str, summary: str, answers: Mapping[str, object], **more: object
) -> dict[str, object]:
    responses = {**_ALWAYS, **answers}
    return {"operationId": name, "summary": summary, "responses": responses, **more}


def _takes(schema: object, *, required: bool = True) -> dict[str, object]:
    """Describe the body of a POST, and the answers that refuse it."""
    return {"required": required, "content": {"application/json": {"schema": schema}}}


_BODY = {
    "400": _problem("The request is malformed or incomplete."),
    "408": _problem("The body did not arrive in time."),
    "413": _problem(f"Over {requests.BODY_MOST} bytes."),
    "415": _problem("Not application/json."),
}
_NOTHING = _takes({"type": "object", "maxProperties": 0}, required=False)
_SALE_PARAMETER = {
    "name": "sale_id",
    "in": "path",
    "required": True,
    "schema": contracts.schema(models.Id),
}

_TILL = {
    "name": "till",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": TILL_MOST},
}


def _in_query(query: type[Struct]) -> Iterator[object]:
    for name, schema in contracts.schemas(query)[query.__name__]["properties"].items():
        said = {"description": schema.pop("description")} if "description" in schema else {}
        yield {"name": name, "in": "query", **said, "schema": schema}


_UNKNOWN_SALE = _problem("No sale or refund has this id.")
_UNKNOWN_TILL = _problem("This bridge has no such till.")
_UNREADABLE = _problem("The request is malformed or incomplete.")


_AWAY = {
    "502": _problem("The authority refuses."),
    "503": _problem("The authority does not answer, or as for any request."),
}


def _begins(
    name: str, summary: str, wanted: type[Struct], given: type[Struct]
) -> dict[str, object]:
    """Describe a POST that creates a sale or refund under an id of the till."""
    answers = {
        "200": _json("Known already.", ref(given)),
        "201": _json("Begun.", ref(given)),
        **_BODY,
        "404": _problem("This bridge has no such till or no such purchase."),
        "409": _problem("Other content for this id, or another sale at this till."),
        "503": _problem("Nothing new is accepted: the bridge stops, or its journal is locked."),
    }
    return {"post": _operation(name, summary, answers, requestBody=_takes(ref(wanted)))}


def _looks(name: str, summary: str, given: type[Struct]) -> dict[str, object]:
    answers = {
        "200": _json("Its present state.", ref(given)),
        "400": _UNREADABLE,
        "404": _UNKNOWN_SALE,
    }
    parameters = [_SALE_PARAMETER, *_in_query(requests.WaitQuery)]
    return {"get": _operation(name, summary, answers, parameters=parameters)}


def _decides(name: str, summary: str, given: type[Struct]) -> dict[str, object]:
    answers = {
        "200": _json("Decided, now or earlier.", ref(given)),
        **_BODY,
        "404": _UNKNOWN_SALE,
        "409": _problem("Decided otherwise; the problem has the present state."),
        **_AWAY,
    }
    more = {"parameters": [_SALE_PARAMETER], "requestBody": _NOTHING}
    return {"post": _operation(name, summary, answers, **more)}


def _lists(
    name: str, summary: str, given: type[Struct], asked: type[Struct], **more: object
) -> dict[str, object]:
    answers = {"200": _json("Success.", ref(given)), "400": _UNREADABLE, **more}
    return {"get": _operation(name, summary, answers, parameters=list(_in_query(asked)))}


PATHS: dict[str, dict[str, object]] = {
    "/v1/sales": {
        **_begins(
            "ring",
            "Ring up a sale; the same again is the same sale.",
            requests.NewSale,
            models.SaleView,
        ),
        **_lists(
            "openSales",
            "Every sale and refund that is not closed.",
            models.OpenSales,
            requests.TillQuery,
        ),
    },
    "/v1/sales/{sale_id}": _looks("sale", "The state of a sale.", models.SaleView),
    "/v1/sales/{sale_id}/paid": _decides(
        "paid", "The till has stored that the sale is paid: it will be posted.", models.SaleView
    ),
    "/v1/sales/{sale_id}/cancel": _decides(
        "cancel",
        "The till has stored that it is not: the bridge gives back any hold.",
        models.SaleView,
    ),
    "/v1/sales/{sale_id}/abort": _decides(
        "abort", "The cashier waits no longer; refused once the sale is approved.", models.SaleView
    ),
    "/v1/refunds": _begins(
        "refund",
        "Refund a purchase, whole or in part.",
        requests.NewRefund,
        models.Refund,
    ),
    "/v1/refunds/{sale_id}": _looks("refundStatus", "The state of a refund.", models.Refund),
    "/v1/refunds/{sale_id}/cancel": _decides(
        "cancelRefund", "Cancel a refund that still waits for the buyer.", models.Refund
    ),
    "/v1/refunds/{sale_id}/abort": _decides(
        "abortRefund", "The same; refused once the buyer's approval is in.", models.Refund
    ),
    "/v1/totals": _lists(
        "totals",
        "The sums of a day at each receiver.",
        models.Totals,
        requests.DayQuery,
        **{"404": _UNKNOWN_TILL},
    ),
    "/v1/reconciliation": _lists(
        "reconciliation",
        "The day in the journal, compared with the authority's books.",
        models.ReconciliationView,
        requests.DayQuery,
        **{"404": _UNKNOWN_TILL, **_AWAY},
    ),
    "/v1/reconciliation/acknowledge": {
        "post": _operation(
            "acknowledge",
            "Acknowledge an alarm or a difference, or decide in the till's place.",
            {
                "200": _json("It is acknowledged.", ref(models.Acknowledged)),
                **_BODY,
                "404": _problem("No alarm and no difference has this key."),
                "409": _problem("Decided otherwise; the problem has the present state."),
                **_AWAY,
            },
            requestBody=_takes(ref(requests.AcknowledgementRequest)),
        )
    },
    "/v1/outbox": _lists(
        "outbox", "What is owed to the authority.", models.OutboxView, requests.Nothing
    ),
    "/v1/outbox/send": {
        "post": _operation(
            "send",
            "Try to send all of it now.",
            {"200": _json("The outbox before that.", ref(models.OutboxView)), **_BODY},
            requestBody=_NOTHING,
        )
    },
    "/v1/receivers": {
        "get": _operation(
            "receivers",
            "The receivers, and their reports.",
            {
                "200": _json(
                    "All receivers.",
                    ref(models.Receivers),
                ),
                "400": _UNREADABLE,
            },
        )
    },
    "/v1/receivers/{till}/update": {
        "post": _operation(
            "update",
            "Update a receiver's firmware as soon as no buyer can be at it.",
            {
                "202": _json("It waits for its turn.", ref(models.UpdateOrdered)),
                **_BODY,
                "404": _UNKNOWN_TILL,
            },
            parameters=[_TILL],
            requestBody=_NOTHING,
        )
    },
    "/v1/receivers/{till}/update/cancel": {
        "post": _operation(
            "cancel_update",
            "Take that back; what is not on trial yet is broken off.",
            {
                "200": _json("The receiver.", ref(models.Receiver)),
                **_BODY,
                "404": _UNKNOWN_TILL,
            },
            parameters=[_TILL],
            requestBody=_NOTHING,
        )
    },
    "/v1/events": {
        "get": _operation(
            "events",
            "All events, by WebSocket: one JSON object in each message.",
            {
                "101": _json("The messages.", ref(models.EventView)),
                "400": _problem("No WebSocket, or no cursor of this form."),
                "410": _problem("The cursor is older than the available events."),
            },
            parameters=list(_in_query(requests.EventsQuery)),
        )
    },
    "/healthz": {
        "get": _operation(
            "health",
            "Whether the bridge serves.",
            {"200": _json("It serves.", ref(models.Serving))},
        )
    },
    "/metrics": {
        "get": _operation(
            "metrics",
            "The bridge's metrics, for Prometheus.",
            {
                "200": {
                    "description": "Prometheus's text format, version 0.0.4.",
                    "content": {"text/plain": {"schema": {"type": "string"}}},
                }
            },
        )
    },
    "/openapi.json": {
        "get": _operation(
            "openapi", "This document.", {"200": _json("OpenAPI 3.1.", {"type": "object"})}
        )
    },
}

DOCUMENT: dict[str, object] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Tillsign till API",
        "version": __version__,
        "summary": "The API of the bridge for a till on its own machine.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": PATHS,
    "security": [{}, {"token": []}],
    "components": {
        "schemas": SCHEMAS,
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "Where the bridge's configuration has one.",
            }
        },
    },
}
