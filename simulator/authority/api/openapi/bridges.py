"""What bridges ask."""

from __future__ import annotations

from typing import Any

from receiver.encoding import schema
from receiver.link.wire import NONCE_SIZE
from receiver.protocol import messages
from simulator.authority.api.bridges import CURSOR_SIZE
from simulator.authority.api.positions import BRIDGE_ID_SIZE, LIFE_SIZE, RUN_SIZE, SEQUENCE_MOST
from simulator.authority.api.requests import CBOR, COSE, POSITION, POSITION_HEADER
from simulator.authority.ledger.journal_positions import STANDINGS
from simulator.authority.storage.schema import DECLINED, POSTED, VOIDED

from .parts import (
    AMOUNT,
    BINARY,
    CURRENCY,
    FLAG,
    PATH_ID,
    REASON,
    RECEIVER_ID,
    TIME,
    TRANSACTION_ID,
    answer,
    body,
    closed,
    integer,
    listed,
    octets,
    operation,
    optional,
    parameter,
    ref,
)

_AS_BRIDGE: dict[str, Any] = {"security": [{"bridge": []}]}
_RECEIVER = closed({"receiver_id": RECEIVER_ID})
_RECEIVER_QUERY = parameter("receiver_id", RECEIVER_ID, "query")
_APPROVAL_ID = parameter("approval_id", PATH_ID)
_POSITION = {
    "name": POSITION_HEADER,
    "in": "header",
    "required": False,
    "description": "Where the bridge's journal stands: its id, life, run, sequence and hash. Of one"
    " that may not serve nothing is done: 409, `journal_behind`.",
    "schema": {"type": "string", "pattern": f"^{POSITION}$"},
}
_SECONDS = integer(0, schema.UINT_MOST)

_BINDING = closed(
    {
        "receiver_id": RECEIVER_ID,
        "since": TIME,
        "until": {
            **optional(TIME),
            "description": "When another client took the receiver over; null if none did.",
        },
    }
)
_SEQUENCE = integer(0, SEQUENCE_MOST)
_HASH = octets(messages.HASH_SIZE)
_JOURNAL = {
    "life": octets(LIFE_SIZE),
    "run": octets(RUN_SIZE),
    "sequence": _SEQUENCE,
    "hash": _HASH,
}
_STANDING = closed(
    {
        "standing": {"enum": list(STANDINGS)},
        "newest": {
            **optional(closed({**_JOURNAL, "time": TIME})),
            "description": "What was known of this bridge before; null of a new one.",
        },
        "follows": {
            **optional(octets(LIFE_SIZE)),
            "description": "The life whose place a current one took, now or before.",
        },
        "lease_s": {**integer(), "description": "After so long a silence another life may follow."},
        "retry_after_s": optional(integer(0)),
    }
)
_CLAIM = closed(
    {
        "bridge_id": octets(BRIDGE_ID_SIZE),
        **_JOURNAL,
        "previous": {
            **optional(octets(LIFE_SIZE)),
            "description": "The life that this one follows; null for a journal begun anew.",
        },
        "ended": {**FLAG, "description": "The bridge stops: its place is free at once."},
        "checked": {
            **optional(closed({"sequence": _SEQUENCE, "hash": _HASH})),
            "description": "What the chain has at the newest sequence of the last answer.",
        },
    }
)
_CLAIM["required"].remove("checked")

PATHS: dict[str, Any] = {
    "/v1/authorisations": {
        "post": operation(
            "authorise",
            "Hold the amount of an approval, or decline: the record in, the signed receipt out.",
            answer(BINARY, 200, COSE, "Approved or declined, as the receipt says."),
            *(403, 409, 422),
            parameters=[_POSITION],
            requestBody=body(BINARY, CBOR),
            **_AS_BRIDGE,
        )
    },
    "/v1/confirmations/{approval_id}": {
        "post": operation(
            "confirm",
            "Post what is held, however late. VOIDED and DECLINED: nothing is posted.",
            answer(
                closed(
                    {
                        "approval_id": TRANSACTION_ID,
                        "state": {"enum": [POSTED, VOIDED, DECLINED]},
                        "late": FLAG,
                    }
                )
            ),
            *(403, 404, 409, 422),
            parameters=[_APPROVAL_ID, _POSITION],
            requestBody=body(_RECEIVER),
            **_AS_BRIDGE,
        )
    },
    "/v1/reversals/{approval_id}": {
        "post": operation(
            "reverse",
            "Give back what is held, or bar what never came. POSTED: it stays posted.",
            answer(
                closed(
                    {"approval_id": TRANSACTION_ID, "state": {"enum": [VOIDED, DECLINED, POSTED]}}
                )
            ),
            *(403, 404, 409, 422),
            parameters=[_APPROVAL_ID, _POSITION],
            requestBody=body(_RECEIVER),
            **_AS_BRIDGE,
        )
    },
    "/v1/refunds/{refund_id}": {
        "post": operation(
            "refund",
            "Give back without a phone, as much as was posted at most: posted at once.",
            answer(
                closed(
                    {
                        "refund_id": TRANSACTION_ID,
                        "state": {"enum": [POSTED, DECLINED]},
                        "reason": optional(REASON),
                        "transaction_id": optional(TRANSACTION_ID),
                    }
                )
            ),
            *(403, 404, 409, 422),
            parameters=[parameter("refund_id", PATH_ID), _POSITION],
            requestBody=body(
                closed(
                    {
                        "receiver_id": RECEIVER_ID,
                        "transaction_id": {**TRANSACTION_ID, "description": "Of the purchase."},
                        "amount": AMOUNT,
                        "currency": CURRENCY,
                    }
                )
            ),
            **_AS_BRIDGE,
        )
    },
    "/v1/transactions/{approval_id}": {
        "get": operation(
            "transaction",
            "What became of an approval or a refund.",
            answer(ref("Transaction")),
            *(400, 403, 404, 409, 422),
            parameters=[_APPROVAL_ID, _RECEIVER_QUERY, _POSITION],
            **_AS_BRIDGE,
        )
    },
    "/v1/receivers/{receiver_id}/transactions": {
        "get": operation(
            "transactions",
            "All of a time in order, page by page, for a bridge that lost its journal.",
            answer(
                closed(
                    {
                        **listed("transactions", ref("Transaction")),
                        "next": optional(octets(CURSOR_SIZE)),
                    }
                )
            ),
            *(400, 403, 404, 409),
            parameters=[
                parameter("receiver_id", octets(messages.RECEIVER_ID_SIZE, upper=False)),
                parameter("from", _SECONDS, "query"),
                parameter("to", _SECONDS, "query"),
                parameter("after", octets(CURSOR_SIZE), "query", required=False),
                _POSITION,
            ],
            **_AS_BRIDGE,
        )
    },
    "/v1/states": {
        "post": operation(
            "state",
            "Time, limits and the hash of the revocations, signed for a receiver's nonce.",
            answer(BINARY, 200, COSE),
            *(403, 409),
            parameters=[_POSITION],
            requestBody=body(closed({"receiver_id": RECEIVER_ID, "nonce": octets(NONCE_SIZE)})),
            **_AS_BRIDGE,
        )
    },
    "/v1/revocations": {
        "get": operation(
            "revocations",
            "The credentials that no receiver may take offline: sorted ids, deterministic CBOR.",
            answer(BINARY, 200, CBOR),
            *(400, 403, 409),
            parameters=[_RECEIVER_QUERY, _POSITION],
            **_AS_BRIDGE,
        )
    },
    "/v1/receivers": {
        "get": operation(
            "receivers",
            "Every receiver that is or ever was bound to the client, in pages.",
            answer(
                closed(
                    {
                        **listed("receivers", _BINDING),
                        "next": optional(octets(messages.RECEIVER_ID_SIZE)),
                    }
                )
            ),
            *(400, 403, 409),
            parameters=[
                parameter("after", octets(messages.RECEIVER_ID_SIZE), "query", required=False),
                _POSITION,
            ],
            **_AS_BRIDGE,
        )
    },
    "/v1/positions": {
        "post": operation(
            "claim",
            "Whether a bridge may serve with its journal; only `current` changes the books.",
            answer(_STANDING),
            403,
            requestBody=body(_CLAIM),
            **_AS_BRIDGE,
        )
    },
}
