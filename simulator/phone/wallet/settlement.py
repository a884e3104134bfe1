"""The meaning of the authority's answer about an approval for the buyer."""

from __future__ import annotations

from typing import NamedTuple

from receiver import reasons
from receiver.protocol import messages
from receiver.protocol.messages import Receipt
from simulator.authority.storage.schema import DECLINED as BOOKED_DECLINED
from simulator.authority.storage.schema import PENDING, POSTED, VOIDED
from simulator.phone.conversation.events import APPROVED, DECLINED, UNSEEN, Answered

from .wallet import NEVER_AFTER_S, Pending, Wallet


class Settled(NamedTuple):
    """APPROVED or DECLINED, with the reason."""

    result: str
    reason: int
    receipt: Receipt | None


def settle(
    wallet: Wallet, pending: Pending, answer: Answered, now: int, *, refused: bool = False
) -> Settled | None:
    """Return the end of an approval and remove it from the wallet; None while the end is unknown.

    `now` in seconds since 1970. An approval that the till has `refused` may still be held: that is
    not the end, since the hold is given back soon. Raises Error for an invalid receipt.
    """
    receipt = wallet.check_receipt(pending, answer.receipt) if answer.receipt else None
    if refused and answer.state == PENDING:
        return None
    settled = _settled(answer.state, receipt)
    never = not pending.offline and now > pending.time + NEVER_AFTER_S
    if answer.state == UNSEEN and never:
        settled = Settled(DECLINED, reasons.REVERSED, None)
    if settled is not None:
        wallet.settle(pending, receipt if settled.result == APPROVED else None)
    return settled


def by_receipt(receipt: Receipt) -> Settled:
    """Return the end by a receipt that came over the air."""
    result = APPROVED if receipt.outcome == messages.APPROVED else DECLINED
    return Settled(result, receipt.reason, receipt)


def _settled(state: str, receipt: Receipt | None) -> Settled | None:
    """Return the end by the ledger's state; the receipt of a voided hold does not count."""
    if state == VOIDED:
        return Settled(DECLINED, reasons.REVERSED, receipt)
    if receipt is None:
        return None
    approved = receipt.outcome == messages.APPROVED
    if approved != (state in (PENDING, POSTED)) or state not in (PENDING, POSTED, BOOKED_DECLINED):
        return None
    return by_receipt(receipt)
