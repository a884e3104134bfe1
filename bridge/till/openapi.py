"""The till API described (OpenAPI 3.1); `tests` compare it with the routes and the answers."""

from __future__ import annotations

from typing import Any

from bridge import __version__
from bridge.currencies import NUMBERS
from bridge.money.sale import SHOWN, State
from receiver.layout import UINT_MOST
from receiver.messages import TILL_MOST

from . import problems, requests

_SHOWN_STATES = [str(state) for state in State if state not in SHOWN]
_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_AMOUNT = {
    "type": "integer",
    "minimum": 1,
    "maximum": UINT_MOST,
    "description": "Minor units: öre, cent.",
}
_CURRENCY = {"type": "string", "enum": list(NUMBERS), "description": "ISO 4217 letters."}
_TILL = {"type": "integer", "minimum": 1, "maximum": TILL_MOST}
_SALE_ID = {
    "type": "string",
    "pattern": f"^{requests.SALE_ID.pattern}$",
    "description": "Chosen by the till from at least 16 random bytes, stored before first use.",
}


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """A closed object; all properties are required unless `required` says which."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {problems.MEDIA_TYPE: {"schema": _ref("Problem")}},
    }


def _operation(name: str, summary: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    failures = {"403": _problem("Not from this machine."), "default": _problem("Any other fault.")}
    responses = {**answers, **failures}
    return {"operationId": name, "summary": summary, "responses": responses, **more}


_SCHEMAS = {
    "NewSale": _object(
        {
            "sale_id": _SALE_ID,
            "amount": _AMOUNT,
            "currency": _CURRENCY,
            "till": {**_TILL, "description": "Needed where the bridge has several receivers."},
            "patience_s": {
                "type": "integer",
                "minimum": 1,
                "maximum": requests.PATIENCE_MOST_S,
                "default": requests.PATIENCE_S,
                "description": "How long the till waits for a buyer and for an answer.",
            },
            "reference": {
                "type": "string",
                "maxLength": requests.NOTE_MOST,
                "description": "The till's own note, shown back.",
            },
        },
        ["sale_id", "amount", "currency"],
    ),
    "Sale": _object(
        {
            "sale_id": _SALE_ID,
            "state": {
                "type": "string",
                "enum": _SHOWN_STATES,
                "description": "unknown means: perhaps paid, ask again; never hand over goods.",
            },
            "amount": _AMOUNT,
            "currency": _CURRENCY,
            "till": _TILL,
            "reference": _TEXT_OR_NULL,
            "match_code": {
                "type": ["string", "null"],
                "pattern": "^[0-9]{2}$",
                "description": "Shown on till and phone while an offer is there.",
            },
            "reason": {"oneOf": [_ref("Reason"), {"type": "null"}]},
            "approval_id": {"type": ["string", "null"], "pattern": "^[0-9a-f]{32}$"},
            "transaction_id": {"type": ["string", "null"], "pattern": "^[0-9a-f]{32}$"},
            "receipt": {
                "type": ["string", "null"],
                "description": "The authority's signed receipt, base64url.",
            },
        }
    ),
    "Reason": _object({"code": _TEXT, "sv": _TEXT, "en": _TEXT}),
    "Receiver": _object(
        {
            "till": _TILL,
            "url": _TEXT,
            "up": {"type": "boolean"},
            "hello": {"oneOf": [_ref("Hello"), {"type": "null"}]},
            "health": {"oneOf": [_ref("Health"), {"type": "null"}]},
            "line": _ref("Counters"),
            "counters": _ref("Counters"),
        }
    ),
    "Hello": _object(
        {
            "receiver_id": _TEXT,
            "board": _TEXT,
            "interpreter": _TEXT,
            "version": _TEXT,
            "firmware": _TEXT,
            "firmware_hash": _TEXT,
            "reset_cause": {"type": "integer"},
        }
    ),
    "Health": _object(
        {
            "uptime_s": {"type": "integer"},
            "free_bytes": {"type": "integer"},
            "links": {"type": "integer"},
            "counters": _ref("Counters"),
        }
    ),
    "Counters": {"type": "object", "additionalProperties": {"type": "integer"}},
    "Event": {
        "type": "object",
        "description": "One message of the WebSocket; further members belong to the event.",
        "properties": {
            "event": {"enum": ["sale", "phone", "refusal", "receiver", "timing"]},
            "from": {"enum": ["till", "receiver", "phone", "authority", "bridge"]},
            "at": {"type": "number", "description": "Seconds since 1970."},
            "till": _TILL,
        },
        "required": ["event", "from", "at", "till"],
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457.",
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "sale": {**_ref("Sale"), "description": "In a conflict: the sale in the way."},
        },
        "required": ["type", "title", "status", "detail"],
    },
}

_SALE_PARAMETER = {"name": "sale_id", "in": "path", "required": True, "schema": _TEXT}
_WAIT_PARAMETER = {
    "name": "wait",
    "in": "query",
    "description": "Seconds to wait until the sale is over or becomes unknown.",
    "schema": {"type": "number", "minimum": 0, "maximum": requests.WAIT_MOST_S, "default": 0},
}
_UNKNOWN_SALE = _problem("No such sale.")

PATHS = {
    "/v1/sales": {
        "post": _operation(
            "ring",
            "Ring up a sale; the same again is the same sale.",
            {
                "200": _json("Known already.", _ref("Sale")),
                "201": _json("Begun.", _ref("Sale")),
                "400": _problem("The request does not say what it must."),
                "404": _problem("This bridge has no such till."),
                "409": _problem("Another content for this sale_id, or another sale at this till."),
                "413": _problem(f"Over {requests.BODY_MOST} bytes."),
                "415": _problem("Not application/json."),
            },
            requestBody={
                "required": True,
                "content": {"application/json": {"schema": _ref("NewSale")}},
            },
        )
    },
    "/v1/sales/{sale_id}": {
        "get": _operation(
            "sale",
            "What became of a sale.",
            {"200": _json("The sale.", _ref("Sale")), "404": _UNKNOWN_SALE},
            parameters=[_SALE_PARAMETER, _WAIT_PARAMETER],
        )
    },
    "/v1/sales/{sale_id}/cancel": {
        "post": _operation(
            "cancel",
            "Take a sale back that nobody was asked about yet.",
            {
                "200": _json("Cancelled.", _ref("Sale")),
                "404": _UNKNOWN_SALE,
                "409": _problem("Decided or asked already; the sale is in the problem."),
            },
            parameters=[_SALE_PARAMETER],
        )
    },
    "/v1/receivers": {
        "get": _operation(
            "receivers",
            "The receivers, and what they say of themselves.",
            {
                "200": _json(
                    "All of them.",
                    _object({"receivers": {"type": "array", "items": _ref("Receiver")}}),
                )
            },
        )
    },
    "/v1/events": {
        "get": _operation(
            "events",
            "Everything that happens, by WebSocket: one JSON object in each message.",
            {"101": _json("The messages.", _ref("Event"))},
        )
    },
    "/healthz": {
        "get": _operation(
            "health",
            "Whether the bridge serves.",
            {"200": _json("It does.", _object({"status": {"const": "ok"}, "version": _TEXT}))},
        )
    },
    "/openapi.json": {
        "get": _operation(
            "openapi", "This document.", {"200": _json("OpenAPI 3.1.", {"type": "object"})}
        )
    },
}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Tillsign till API",
        "version": __version__,
        "summary": "What a till says to the bridge on its own machine.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": PATHS,
    "components": {"schemas": _SCHEMAS},
}
