"""What the descriptions of routes are made of."""

from __future__ import annotations

from typing import Any

from receiver import reasons
from receiver.encoding.schema import UINT_MOST
from receiver.protocol import messages, signed
from simulator.authority.api.requests import BODY_MOST, NAME_MOST
from simulator.authority.ledger.statements import KINDS
from simulator.authority.storage.schema import DECLINED, EXPIRED, PENDING, POSTED, VOIDED

JSON = "application/json"
PROBLEM = "application/problem+json"

# What an answer other than the wanted one is about.
PROBLEMS = {
    400: "The request does not say what it must.",
    401: "No token, or one of nobody's.",
    403: "Not for whoever asks.",
    404: "No such thing.",
    409: "The same id stands for something else already.",
    413: f"Over {BODY_MOST} bytes.",
    415: "Another content type.",
    422: "Read and refused; `reason` says why.",
    503: "The books cannot be reached. Nothing is known; ask again.",
}
_BODY = (400, 413, 415)  # of whatever has a body

TEXT = {"type": "string", "minLength": 1, "maxLength": NAME_MOST}
FLAG = {"type": "boolean"}
REASON = {"type": "string", "enum": sorted(reasons.NAMES.values())}
STATE = {"type": "string", "enum": [PENDING, POSTED, VOIDED, EXPIRED, DECLINED]}
BINARY = {"type": "string", "format": "binary"}


def integer(low: int = 0, high: int = UINT_MOST) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


def octets(*sizes: int, upper: bool = True) -> dict[str, Any]:
    """Hex digits of so many bytes; paths take lower-case ones only."""
    digit = "[0-9a-fA-F]" if upper else "[0-9a-f]"
    choices = "|".join(f"{digit}{{{2 * size}}}" for size in sizes)
    return {"type": "string", "pattern": f"^({choices})$"}


def optional(schema: dict[str, Any]) -> dict[str, Any]:
    """It, or null."""
    return {"oneOf": [schema, {"type": "null"}]}


def closed(properties: dict[str, Any], *, partly: bool = False) -> dict[str, Any]:
    """An object of these properties: all of them, or some of them if `partly`."""
    return {
        "type": "object",
        "properties": properties,
        "required": [] if partly else list(properties),
        "additionalProperties": False,
    }


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def listed(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {name: {"type": "array", "items": schema}}


def parameter(
    name: str, schema: dict[str, Any], where: str = "path", *, required: bool = True
) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "schema": schema}


def body(schema: dict[str, Any], media_type: str = JSON) -> dict[str, Any]:
    return {"required": True, "content": {media_type: {"schema": schema}}}


def answer(
    schema: dict[str, Any], status: int = 200, media_type: str = JSON, says: str = "It is."
) -> dict[str, Any]:
    return {str(status): {"description": says, "content": {media_type: {"schema": schema}}}}


def operation(
    name: str, summary: str, wanted: dict[str, Any], *statuses: int, **more: Any
) -> dict[str, Any]:
    """`wanted`: from `answer`; `statuses`: of PROBLEMS, beside those that any body may bring."""
    all_of_them = sorted({*statuses, 503, *(_BODY if "requestBody" in more else ())})
    failures = {
        str(status): {
            "description": PROBLEMS[status],
            "content": {PROBLEM: {"schema": ref("Problem")}},
        }
        for status in all_of_them
    }
    return {"operationId": name, "summary": summary, "responses": {**wanted, **failures}, **more}


AMOUNT = integer(1)
CURRENCY = {**integer(1, messages.CURRENCY_MOST), "description": "ISO 4217 number."}
TIME = {**integer(), "description": "Seconds since 1970."}
RECEIVER_ID = octets(messages.RECEIVER_ID_SIZE)
TRANSACTION_ID = octets(signed.ID_SIZE)
PATH_ID = octets(signed.ID_SIZE, upper=False)
ROW = {"type": "integer", "minimum": 0, "maximum": 999_999_999}

_TRANSACTION = {
    "approval_id": TRANSACTION_ID,
    "state": STATE,
    "amount": optional(AMOUNT),
    "currency": optional(CURRENCY),
    "transaction_id": optional(TRANSACTION_ID),
    "refunded": {**integer(), "description": "What refunds have given back of it."},
    "late": {**FLAG, "description": "Posted after it had expired."},
    "reference": optional(octets(messages.REFERENCE_SIZE)),
    "time": TIME,
    "kind": {"type": "string", "enum": list(KINDS.values())},
    "till": {**optional(integer()), "description": "Its number of then; null without an offer."},
}

SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "description": "RFC 9457.",
        "properties": {
            "type": {"const": "about:blank"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "reason": REASON,
        },
        "required": ["type", "title", "status", "detail"],
        "additionalProperties": False,
    },
    "Transaction": closed(_TRANSACTION),
}
