"""The reasons to decline a purchase or a refund, in the order of the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from receiver import reasons
from receiver.protocol import messages
from simulator.authority.storage.schema import POSTED
from simulator.crypto import code_proof

from .record_verification import Evidence

TRIES_MOST = 5  # wrong codes in a row


class Payer(NamedTuple):
    """The buyer, phone and recipient as the books have them now."""

    phone: int
    buyer: int
    k: bytes
    tries: int
    blocked: bool
    purchase_limit: int
    revoked: int | None
    recipient: int
    currency: int
    credit_space: int
    closed: bool
    theirs: bool


class Original(NamedTuple):
    """The purchase that a refund refers to."""

    id: bytes
    state: str
    invoice_issuer: int
    phone: int
    buyer: int
    recipient: int
    amount: int
    currency: int
    given_back: int  # refunded, and reserved for refunds


class Case(NamedTuple):
    """A purchase, or a refund with its original if there is one."""

    payer: Payer
    evidence: Evidence
    client: str  # the client that asks
    floor: int = 0  # of the receiver when it accepted, where that was offline
    original: Original | None = None


def _code_wrong(case: Case) -> bool:
    approval = case.evidence.approval
    return not code_proof.holds(case.payer.k, case.evidence.context, approval.proof)


def _revoked(case: Case) -> bool:
    """Ignore a revocation that came after an offline acceptance."""
    revoked, evidence = case.payer.revoked, case.evidence
    return revoked is not None and (
        evidence.mode == messages.ONLINE or revoked <= evidence.accepted
    )


def _over_floor(case: Case) -> bool:
    """Compare with the floors of authority and credential, where accepted offline."""
    evidence = case.evidence
    floor = min(case.floor, evidence.credential.offline_floor)
    return evidence.mode == messages.OFFLINE and evidence.offer.amount > floor


def _amount(case: Case) -> int:
    return case.evidence.offer.amount


Rules = tuple[tuple[int, "Callable[[Case], bool]"], ...]

# The first rule that applies is the reason.
ANY: Rules = (
    (reasons.BUYER_BLOCKED, lambda case: case.payer.blocked),
    (reasons.CODE_LOCKED, lambda case: case.payer.tries >= TRIES_MOST),
    (reasons.CODE_WRONG, _code_wrong),
    (reasons.CREDENTIAL_REVOKED, _revoked),
)
PURCHASES: Rules = (
    *ANY,
    (reasons.RECIPIENT_CLOSED, lambda case: case.payer.closed or not case.payer.theirs),
    (reasons.WRONG_CURRENCY, lambda case: case.evidence.offer.currency != case.payer.currency),
    (reasons.PURCHASE_LIMIT, _over_floor),
    (reasons.PURCHASE_LIMIT, lambda case: _amount(case) > case.payer.purchase_limit),
    (reasons.CREDIT_SPACE, lambda case: _amount(case) > case.payer.credit_space),
)

# Decided before the code is checked: these neither count a try nor reset the count.
BEFORE_CODE = (reasons.BUYER_BLOCKED, reasons.CODE_LOCKED)


def judge(case: Case) -> int:
    """Return OK, or the reason to decline."""
    offer, payer = case.evidence.offer, case.payer
    if offer.kind == messages.PURCHASE:
        return _first(PURCHASES, case)
    return _first(ANY, case) or judge_original(
        case.original, offer.amount, offer.currency, (payer.buyer, payer.recipient)
    )


def judge_original(
    original: Original | None,
    amount: int,
    currency: int,
    whose: tuple[int, int] | None = None,
) -> int:
    """Return OK, or why this amount of `original` may not be refunded.

    `whose`: the buyer and recipient that approved it, if a phone did.
    """
    if original is None:
        return reasons.NOT_POSTED
    if whose not in (None, (original.buyer, original.recipient)):
        return reasons.OTHER_BUYER
    if original.state != POSTED:
        return reasons.NOT_POSTED
    if original.currency != currency:
        return reasons.WRONG_CURRENCY
    if original.given_back + amount > original.amount:
        return reasons.REFUND_EXCEEDS
    return reasons.OK


def _first(rules: Rules, case: Case) -> int:
    for reason, broken in rules:
        if broken(case):
            return reason
    return reasons.OK
