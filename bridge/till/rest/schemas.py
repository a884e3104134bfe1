"""What the till API takes and gives, as JSON Schema (OpenAPI 3.1)."""

from __future__ import annotations

from bridge.domain.states import SHOWN, State
from bridge.till.server import problems
from receiver.encoding.schema import UINT_MOST

from . import back_office_schemas, requests
from .schema_parts import CURRENCY, HEX_OR_NULL, SALE_ID, TEXT, TEXT_OR_NULL, TILL, closed, ref

_SHOWN_STATES = [str(state) for state in State if state not in (*SHOWN, State.REFUNDING)]
_REFUND_STATES = [
    *(state for state in _SHOWN_STATES if state not in ("approved", "paid")),
    *("pending", "refunded"),
]
_AMOUNT = {
    "type": "integer",
    "minimum": 1,
    "maximum": UINT_MOST,
    "description": "Minor units: öre, cent.",
}
_NEW_ID = {
    **SALE_ID,
    "description": "Chosen by the till from at least 16 random bytes, stored before first use.",
}


_ORDER = {
    "amount": _AMOUNT,
    "currency": CURRENCY,
    "till": {**TILL, "description": "Needed where the bridge has several receivers."},
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
        "description": "The till's own note, shown back; printable characters alone.",
    },
}
_OUTCOME = {
    "amount": _AMOUNT,
    "currency": CURRENCY,
    "till": TILL,
    "reference": TEXT_OR_NULL,
    "match_code": {
        "type": ["string", "null"],
        "pattern": "^[0-9]{2}$",
        "description": "Shown on till and phone while an offer is there.",
    },
    "reason": {"oneOf": [ref("Reason"), {"type": "null"}]},
    "approval_id": HEX_OR_NULL,
    "transaction_id": HEX_OR_NULL,
    "receipt": {**TEXT_OR_NULL, "description": "The authority's signed receipt, base64url."},
}

SCHEMAS = {
    **back_office_schemas.SCHEMAS,
    "NewSale": closed({"sale_id": _NEW_ID, **_ORDER}, ["sale_id", "amount", "currency"]),
    "NewRefund": closed(
        {
            "refund_id": _NEW_ID,
            "sale_id": {**SALE_ID, "description": "Of the purchase, where this bridge sold it."},
            "transaction_id": {
                "type": "string",
                "pattern": "^[0-9a-f]{32}$",
                "description": "Of the purchase, where another bridge sold it.",
            },
            "phone": {
                "type": "boolean",
                "default": False,
                "description": "Whether the buyer approves it at the receiver.",
            },
            **_ORDER,
        },
        ["refund_id", "amount"],
    )
    | {
        "oneOf": [
            {"required": ["sale_id"], "not": {"required": ["transaction_id"]}},
            {"required": ["transaction_id", "currency"], "not": {"required": ["sale_id"]}},
        ]
    },
    "Sale": closed(
        {
            "sale_id": SALE_ID,
            "state": {
                "type": "string",
                "enum": _SHOWN_STATES,
                "description": "unknown means: perhaps paid, ask again; never hand over goods.",
            },
            **_OUTCOME,
            "offline": {
                "type": "boolean",
                "description": "Approved within the offline limits; the authority is asked later.",
            },
            "provisional_receipt": {
                **TEXT_OR_NULL,
                "description": "The receiver's signed receipt of an offline approval, base64url.",
            },
            "settlement": {
                "enum": [None, "owed", "posted", "liability", "reversing", "reversed", "refunded"],
                "description": "What the authority holds of it; nothing for the till to do.",
            },
        }
    ),
    "Refund": closed(
        {
            "refund_id": SALE_ID,
            "state": {
                "type": "string",
                "enum": _REFUND_STATES,
                "description": "pending: it is on its way and will be refunded or declined.",
            },
            "sale_id": TEXT_OR_NULL,
            "original_transaction_id": HEX_OR_NULL,
            **_OUTCOME,
        }
    ),
    "Serving": closed(
        {
            "status": {"const": "ok"},
            "version": TEXT,
            "clock_offset_s": {
                "type": ["integer", "null"],
                "description": "How far this clock is ahead of the authority's, as far as known.",
            },
            "warnings": {
                "type": "array",
                "items": TEXT,
                "description": "For people: clock, certificates, files that cannot be used.",
            },
            "journal": {
                "enum": ["ok", "locked", "full", "behind", "in_use", "recovering"],
                "description": "Whether it is the newest and takes what is to be written.",
            },
            "alarms": {"type": "integer", "description": "What a person has not acknowledged."},
        }
    ),
    "Reason": closed({"code": TEXT, "sv": TEXT, "en": TEXT}),
    "Receiver": closed(
        {
            "till": TILL,
            "url": TEXT,
            "up": {"type": "boolean"},
            "hello": {"oneOf": [ref("Hello"), {"type": "null"}]},
            "health": {"oneOf": [ref("Health"), {"type": "null"}]},
            "line": ref("Counters"),
            "counters": ref("Counters"),
        }
    ),
    "Hello": closed(
        {
            "receiver_id": TEXT,
            "board": TEXT,
            "interpreter": TEXT,
            "version": TEXT,
            "firmware": TEXT,
            "firmware_hash": TEXT,
            "reset_cause": {"type": "integer"},
        }
    ),
    "Health": closed(
        {
            "uptime_s": {"type": "integer"},
            "free_bytes": {"type": "integer"},
            "links": {"type": "integer"},
            "counters": ref("Counters"),
        }
    ),
    "Counters": {"type": "object", "additionalProperties": {"type": "integer"}},
    "Event": {
        "type": "object",
        "description": "One message of the WebSocket; further members belong to the event.",
        "properties": {
            "event": {"enum": ["sale", "phone", "refusal", "receiver", "timing"]},
            "from": {
                "enum": ["till", "receiver", "phone", "authority", "bridge", "journal"],
                "description": "Who said so; journal in what is told again.",
            },
            "at": {"type": "number", "description": "Seconds since 1970."},
            "till": TILL,
            "cursor": {
                "type": ["integer", "null"],
                "description": "Of a sale's event: give the last one as ?after= to go on there.",
            },
        },
        "required": ["event", "from", "at", "till"],
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457.",
        "properties": {
            "type": {"type": "string", "pattern": f"^{problems.TYPE_PREFIX}[a-z-]+$"},
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "sale": {
                "anyOf": [ref("Sale"), ref("Refund")],
                "description": "In a conflict: what is in the way, as it stands.",
            },
        },
        "required": ["type", "title", "status", "detail"],
    },
}
