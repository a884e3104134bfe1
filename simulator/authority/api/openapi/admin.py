"""What an administrator asks."""

from __future__ import annotations

from typing import Any

from receiver.encoding.schema import ED25519_SIZE
from receiver.protocol import messages
from simulator.authority.api.admin import CREDENTIAL_ID_SIZE, SPACE_MOST
from simulator.authority.api.admin_receivers import FINGERPRINT_SIZE
from simulator.authority.ledger.states import ALARMS, OTHER_CONTENT, PENDING_LONG

from .parts import (
    AMOUNT,
    CURRENCY,
    FLAG,
    RECEIVER_ID,
    ROW,
    STATE,
    TEXT,
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
)

_SPACE = integer(0, SPACE_MOST)
_ID = {"parameters": [parameter("id", ROW)]}
_CREDENTIAL_ID = {"parameters": [parameter("id", octets(CREDENTIAL_ID_SIZE))]}
_RECEIVER = {
    "parameters": [parameter("receiver_id", octets(messages.RECEIVER_ID_SIZE, upper=False))]
}
_ACTIVATION = {"activation": {"type": "string"}}
_LIMITS = {
    name: integer() for name in ("offline_floor", "offline_total", "offline_count", "offline_hours")
}
_BUYER = closed(
    {
        "id": ROW,
        "name": TEXT,
        "purchase_limit": integer(),
        "offline_floor": integer(),
        "blocked": FLAG,
        "wrong_codes": integer(),
    }
)
_RECIPIENT = closed(
    {
        "id": ROW,
        "name": TEXT,
        "currency": CURRENCY,
        "credit_space": {
            **integer(-SPACE_MOST, SPACE_MOST),
            "description": "Below zero after late postings only.",
        },
        "closed": FLAG,
    }
)
_TRANSACTION = closed(
    {
        "approval_id": TRANSACTION_ID,
        "state": STATE,
        "time": TIME,
        "receiver_id": RECEIVER_ID,
        "recipient": optional(ROW),
        "amount": optional(AMOUNT),
        "currency": optional(CURRENCY),
        "reason": optional(integer(0, 255)),
        "transaction_id": optional(TRANSACTION_ID),
    }
)
_ALARM = closed(
    {
        "id": ROW,
        "kind": {"enum": sorted({PENDING_LONG, OTHER_CONTENT, *ALARMS.values()})},
        "time": TIME,
        "approval_id": TRANSACTION_ID,
        "state": {**STATE, "description": "By now."},
        "receiver_id": RECEIVER_ID,
        "amount": optional(AMOUNT),
    }
)


def _made(schema: dict[str, Any]) -> dict[str, Any]:
    return answer(closed(schema), 201, says="Made.")


def _admin(name: str, summary: str, wanted: dict[str, Any], *more: int, **rest: Any) -> Any:
    security: list[dict[str, list[str]]] = [{"administrator": []}]
    return operation(name, summary, wanted, 401, 403, *more, security=security, **rest)


PATHS: dict[str, Any] = {
    "/v1/admin/organisations": {
        "post": _admin(
            "add_organisation",
            "An organisation, which buys.",
            _made({"id": ROW}),
            requestBody=body(closed({"name": TEXT})),
        )
    },
    "/v1/admin/buyers": {
        "post": _admin(
            "add_buyer",
            "A buyer, and the word that activates their first phone.",
            _made({"id": ROW, **_ACTIVATION}),
            404,
            requestBody=body(
                closed(
                    {
                        "organisation": integer(),
                        "name": TEXT,
                        "purchase_limit": integer(),
                        **listed("recipients", integer()),
                    }
                )
            ),
        )
    },
    "/v1/admin/buyers/{id}": {
        **_ID,
        "get": _admin("buyer", "A buyer.", answer(_BUYER), 404),
        "put": _admin(
            "change_buyer",
            "Limit, floor, block, or forgiveness of wrong codes.",
            answer(_BUYER),
            404,
            requestBody=body(
                closed(
                    {
                        "purchase_limit": integer(),
                        "offline_floor": integer(),
                        "blocked": FLAG,
                        "unlock": FLAG,
                    },
                    partly=True,
                )
            ),
        ),
    },
    "/v1/admin/buyers/{id}/activations": {
        **_ID,
        "post": _admin(
            "add_activation",
            "A word for one more phone.",
            _made(_ACTIVATION),
            404,
            requestBody=body(closed({})),
        ),
    },
    "/v1/admin/recipients": {
        "post": _admin(
            "add_recipient",
            "An invoice recipient.",
            _made({"id": ROW}),
            404,
            requestBody=body(
                closed({"organisation": integer(), "name": TEXT, "credit_space": _SPACE})
            ),
        )
    },
    "/v1/admin/recipients/{id}": {
        **_ID,
        "get": _admin("recipient", "An invoice recipient.", answer(_RECIPIENT), 404),
        "put": _admin(
            "change_recipient",
            "What is left to spend; open or closed.",
            answer(_RECIPIENT),
            404,
            requestBody=body(closed({"credit_space": _SPACE, "closed": FLAG}, partly=True)),
        ),
    },
    "/v1/admin/credentials/{id}": {
        **_CREDENTIAL_ID,
        "put": _admin(
            "change_credential",
            "Revoke a credential, or take that back.",
            answer(closed({"id": octets(CREDENTIAL_ID_SIZE), "revoked": FLAG})),
            404,
            requestBody=body(closed({"revoked": FLAG})),
        ),
    },
    "/v1/admin/receivers": {
        "post": _admin(
            "add_receiver",
            "A certificate; for a receiver that has one, a new one in its place.",
            _made({"certificate": {"type": "string", "pattern": "^([0-9a-f]{2})+$"}}),
            409,
            requestBody=body(
                closed(
                    {
                        "receiver_id": RECEIVER_ID,
                        "key": octets(ED25519_SIZE),
                        "store": integer(),
                        "store_name": {
                            **TEXT,
                            "description": f"At most {messages.STORE_NAME_MOST} bytes in UTF-8.",
                        },
                        "invoice_issuer": integer(),
                        "currency": CURRENCY,
                        "client_fingerprint": octets(FINGERPRINT_SIZE),
                    }
                )
            ),
        )
    },
    "/v1/admin/receivers/{receiver_id}": {
        **_RECEIVER,
        "get": _admin(
            "limits", "What a receiver may take without a network.", answer(closed(_LIMITS)), 404
        ),
        "put": _admin(
            "change_limits",
            "For the states that are signed from now on; all 0 is off.",
            answer(closed(_LIMITS)),
            404,
            requestBody=body(closed(_LIMITS, partly=True)),
        ),
    },
    "/v1/admin/clients/{fingerprint}/renewal": {
        "parameters": [parameter("fingerprint", octets(FINGERPRINT_SIZE, upper=False))],
        "post": _admin(
            "renew_client",
            "A bridge's new TLS certificate in the place of the one it had; all it owns stays.",
            answer(closed({"client_fingerprint": octets(FINGERPRINT_SIZE)})),
            *(404, 409),
            requestBody=body(closed({"client_fingerprint": octets(FINGERPRINT_SIZE)})),
        ),
    },
    "/v1/admin/transactions": {
        "get": _admin(
            "latest",
            "The latest transactions.",
            answer(closed(listed("transactions", _TRANSACTION))),
        )
    },
    "/v1/admin/alarms": {
        "get": _admin(
            "alarms", "What a person must look at.", answer(closed(listed("alarms", _ALARM)))
        )
    },
}
