"""Why a purchase is declined: the authority's rules, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from simulator import proof

if TYPE_CHECKING:
    from collections.abc import Callable

    from .verify import Evidence

TRIES_MOST = 5  # wrong codes in a row


class Payer(NamedTuple):
    """Who pays, as the books stand now."""

    phone: int
    k: bytes
    tries: int
    blocked: bool
    purchase_limit: int
    revoked: bool
    recipient: int
    currency: int
    credit_space: int
    closed: bool
    theirs: bool


def _code_wrong(payer: Payer, evidence: Evidence) -> bool:
    return not proof.holds(payer.k, evidence.context, evidence.approval.proof)


# The first that holds is why a purchase is declined.
RULES: tuple[tuple[int, Callable[[Payer, Evidence], bool]], ...] = (
    (reasons.BUYER_BLOCKED, lambda payer, _: payer.blocked),
    (reasons.CODE_LOCKED, lambda payer, _: payer.tries >= TRIES_MOST),
    (reasons.CODE_WRONG, _code_wrong),
    (reasons.CREDENTIAL_REVOKED, lambda payer, _: payer.revoked),
    (reasons.RECIPIENT_CLOSED, lambda payer, _: payer.closed or not payer.theirs),
    (reasons.WRONG_CURRENCY, lambda payer, e: e.offer.currency != payer.currency),
    (reasons.PURCHASE_LIMIT, lambda payer, e: e.offer.amount > payer.purchase_limit),
    (reasons.CREDIT_SPACE, lambda payer, e: e.offer.amount > payer.credit_space),
)

# Decided before anybody looked at the code: these neither count a try nor forgive one.
BEFORE_CODE = (reasons.BUYER_BLOCKED, reasons.CODE_LOCKED)


def judge(payer: Payer, evidence: Evidence) -> int:
    """OK, or the reason to decline."""
    for reason, broken in RULES:
        if broken(payer, evidence):
            return reason
    return reasons.OK
