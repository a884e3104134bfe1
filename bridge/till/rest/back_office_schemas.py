"""What the back office is given and gives: totals, reconciliation, outbox."""

from __future__ import annotations

from typing import Any

from bridge.domain import alarms
from bridge.sales import reconciliation
from receiver.host.currencies import NUMBERS

from . import requests
from .schema_parts import CURRENCY, HEX_OR_NULL, TEXT, TEXT_OR_NULL, closed, ref

_SUM = closed({"count": {"type": "integer"}, "amount": {"type": "integer"}})


def _printable(most: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most}


_PLACE = {
    "till": {"type": ["integer", "null"], "description": "Its number then."},
    "receiver_id": TEXT,
    "configured": {"type": "boolean", "description": "Whether it stands at this till today."},
}

SCHEMAS: dict[str, Any] = {
    "Sums": closed(
        {
            "currency": CURRENCY,
            "paid": _SUM,
            "refunded": _SUM,
            "net": {"type": "integer", "description": "paid less refunded"},
            "posted": _SUM,
            "owed": {**_SUM, "description": "Paid, and not posted yet."},
            "unsent": {**_SUM, "description": "Paid offline, and not sent yet."},
            "liability": {**_SUM, "description": "Paid, and never to be posted."},
            "undecided": {**_SUM, "description": "Approved; the till has said nothing yet."},
            "declined": _SUM,
            "cancelled": _SUM,
        }
    ),
    "Totals": closed(
        {
            "day": TEXT,
            "receivers": {
                "type": "array",
                "items": closed({**_PLACE, "sums": {"type": "array", "items": ref("Sums")}}),
            },
        }
    ),
    "Reconciliation": closed(
        {
            "day": TEXT,
            "receivers": {
                "type": "array",
                "items": closed(
                    {
                        **_PLACE,
                        "matched": {"type": "integer"},
                        "differences": {"type": "array", "items": ref("Difference")},
                        "acknowledged": {"type": "array", "items": ref("Difference")},
                    }
                ),
            },
            "alarms": {"type": "array", "items": ref("Alarm")},
        }
    ),
    "Alarm": closed(
        {
            "key": {**TEXT, "description": "By which it is acknowledged."},
            "kind": {"enum": list(alarms.KINDS)},
            "sale_id": TEXT_OR_NULL,
            "approval_id": HEX_OR_NULL,
            "amount": {"type": ["integer", "null"]},
            "currency": {"enum": [None, *NUMBERS]},
            "till": {"type": ["integer", "null"]},
            "receiver_id": TEXT_OR_NULL,
            "at": {"type": "number", "description": "Seconds since 1970."},
            "detail": {**TEXT, "description": "For people."},
        }
    ),
    "Acknowledgement": closed(
        {
            "key": _printable(requests.KEY_MOST),
            "by": _printable(requests.NAME_MOST),
            "note": _printable(requests.REMARK_MOST),
            "decision": {"enum": ["paid", "cancel"]},
        },
        ["key", "by"],
    ),
    "Acknowledged": closed(
        {
            "key": TEXT,
            "sale": {"anyOf": [ref("Sale"), ref("Refund"), {"type": "null"}]},
        }
    ),
    "Difference": closed(
        {
            "kind": {"enum": list(reconciliation.KINDS)},
            "approval_id": TEXT,
            "sale_id": TEXT_OR_NULL,
            "here": TEXT_OR_NULL,
            "there": TEXT_OR_NULL,
            "amount_here": {"type": ["integer", "null"]},
            "amount_there": {"type": ["integer", "null"]},
        }
    ),
    "Outbox": closed(
        {
            "depth": {"type": "integer", "description": "Requests that are owed."},
            "oldest_s": {"type": "number"},
            "unsent": {
                "type": "array",
                "items": ref("Sale"),
                "description": "Approved offline, and not seen by the authority.",
            },
        }
    ),
}
