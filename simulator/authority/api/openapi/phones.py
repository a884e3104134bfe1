"""What phones ask."""

from __future__ import annotations

from typing import Any

from receiver.encoding.schema import ED25519_SIZE, P256_SIZE
from simulator.authority.accounts.people import CREDENTIALS_MOST
from simulator.crypto.code_proof import CODE_DIGITS

from .parts import (
    PATH_ID,
    ROW,
    STATE,
    TEXT,
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

_AS_PHONE: dict[str, Any] = {"security": [{"phone": []}]}
_HEX = {"type": "string", "pattern": "^([0-9a-f]{2})*$"}

PATHS: dict[str, Any] = {
    "/v1/phones": {
        "post": operation(
            "activate",
            "Make a phone a buyer's; the code is forgotten at once.",
            answer(
                closed(
                    {
                        "phone_id": ROW,
                        "token": {"type": "string"},
                        "buyer": TEXT,
                        "authority_code_key": octets(P256_SIZE),
                        **listed("recipients", closed({"id": ROW, "name": TEXT})),
                        "pins": _HEX,
                    }
                ),
                201,
            ),
            *(403, 409, 422),
            requestBody=body(
                closed(
                    {
                        "activation": TEXT,
                        "key": octets(ED25519_SIZE, P256_SIZE),
                        "code_key": octets(P256_SIZE),
                        "code": {**TEXT, "description": f"{CODE_DIGITS} digits."},
                    }
                )
            ),
        )
    },
    "/v1/phones/{phone}/credentials": {
        "post": operation(
            "credentials",
            "A batch of credentials for one invoice recipient.",
            answer(closed(listed("credentials", _HEX))),
            *(401, 403, 404),
            parameters=[parameter("phone", ROW)],
            requestBody=body(
                closed({"recipient": integer(), "count": integer(1, CREDENTIALS_MOST)})
            ),
            **_AS_PHONE,
        )
    },
    "/v1/approvals/{approval_id}": {
        "get": operation(
            "approval",
            "What became of the phone's own approval, or of one reversed before it came.",
            answer(closed({"state": STATE, "receipt": optional(_HEX)})),
            *(401, 404),
            parameters=[parameter("approval_id", PATH_ID)],
            **_AS_PHONE,
        )
    },
}
