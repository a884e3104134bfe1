"""Pieces of the till API's JSON Schema that all of its parts use."""

from __future__ import annotations

from typing import Any

from receiver.host.currencies import NUMBERS
from receiver.protocol.messages import TILL_MOST

from . import requests

TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
CURRENCY = {"type": "string", "enum": list(NUMBERS), "description": "ISO 4217 letters."}
TILL = {"type": "integer", "minimum": 1, "maximum": TILL_MOST}
SALE_ID = {"type": "string", "pattern": f"^{requests.SALE_ID.pattern}$"}
HEX_OR_NULL = {"type": ["string", "null"], "pattern": "^[0-9a-f]{32}$"}


def closed(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """A closed object; all properties are required unless `required` says which."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
