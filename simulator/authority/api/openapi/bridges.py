"""The bridges' routes."""

from __future__ import annotations

from functools import partial

from bridge.authority import messages
from bridge.authority.messages import CBOR, COSE

from .parts import Operation

_POSITION = {
    "name": messages.POSITION_HEADER,
    "in": "header",
    "required": False,
    "description": "Where the bridge's journal stands: its id, life, run, sequence and hash. A"
    " bridge that may not serve is refused: 409, `journal_behind`.",
    "schema": {"type": "string", "pattern": f"^{messages.POSITION.pattern}$"},
}
_operation = partial(Operation, security="bridge", headers=(_POSITION,))

OPERATIONS = {
    messages.AUTHORISATIONS: {
        "post": _operation(
            "authorise",
            "Hold the amount of an approval, or decline: the record in, the signed receipt out.",
            COSE,
            (403, 409, 422),
            asked=CBOR,
            says="Approved or declined: see the receipt.",
        )
    },
    messages.CONFIRMATION: {
        "post": _operation(
            "confirm",
            "Post a hold, however late. VOIDED and DECLINED: nothing is posted.",
            messages.Confirmed,
            (403, 404, 409, 422),
            asked=messages.OfReceiver,
        )
    },
    messages.REVERSAL: {
        "post": _operation(
            "reverse",
            "Void a hold, or bar one that never came. POSTED: it stays posted.",
            messages.Reversed,
            (403, 404, 409, 422),
            asked=messages.OfReceiver,
        )
    },
    messages.REFUND: {
        "post": _operation(
            "refund",
            "Refund without a phone, at most what was posted; posted at once.",
            messages.RefundAnswer,
            (403, 404, 409, 422),
            asked=messages.RefundRequest,
        )
    },
    messages.TRANSACTION: {
        "get": _operation(
            "transaction",
            "The state of an approval or a refund.",
            messages.Transaction,
            (403, 404, 409, 422),
            query=messages.ReceiverQuery,
        )
    },
    messages.TRANSACTIONS: {
        "get": _operation(
            "transactions",
            "All transactions of a period in order, in pages, for a bridge that lost its journal.",
            messages.TransactionPage,
            (403, 404, 409),
            query=messages.TransactionsQuery,
        )
    },
    messages.STATES: {
        "post": _operation(
            "state",
            "Time, limits and the hash of the revocations, signed for a receiver's nonce.",
            COSE,
            (403, 409),
            asked=messages.StateRequest,
        )
    },
    messages.REVOCATIONS: {
        "get": _operation(
            "revocations",
            "The credentials that no receiver may accept offline: sorted ids, deterministic CBOR.",
            CBOR,
            (403, 409),
            query=messages.ReceiverQuery,
        )
    },
    messages.RECEIVERS: {
        "get": _operation(
            "receivers",
            "Every receiver that is or ever was bound to the client, in pages.",
            messages.ReceiverPage,
            (403, 409),
            query=messages.ReceiversQuery,
        )
    },
    messages.POSITIONS: {
        "post": Operation(
            "claim",
            "Whether a bridge may serve with its journal; only `current` changes the books.",
            messages.StandingAnswer,
            (403,),
            asked=messages.PositionClaim,
            security="bridge",
        )
    },
}
