"""Alarms: findings that stay in the reconciliation until a person acknowledges them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .held import AuthorityTransaction
    from .sale import Sale

PAID_AFTER_ALL = "paid_after_all"  # posted, and cancelled by the bridge: it is paid
REFUND_OWED = "refund_owed"  # posted, and cancelled by the till: it is refunded in full
UNKNOWN_HERE = "unknown_here"  # held or posted at the authority, and missing in this journal
UNBACKED = "unbacked"  # paid at the till, unknown here and at the authority: a liability
DIFFERENCE = "difference"  # the journal and the authority's books differ about a sale
JOURNAL_BEHIND = "journal_behind"  # the journal is an older copy, or a new one in its place

KINDS = (PAID_AFTER_ALL, REFUND_OWED, UNKNOWN_HERE, UNBACKED, DIFFERENCE, JOURNAL_BEHIND)


class Alarm(NamedTuple):
    """One finding; unknown fields are 0 or empty."""

    key: str  # the same cause has the same key
    kind: str
    sale_id: str
    approval_id: bytes
    amount: int  # minor units
    currency: int  # ISO 4217 number
    till: int  # the till number at the time of the sale
    receiver_id: bytes
    at: int  # milliseconds since 1970
    detail: str


def of_holding(kind: str, held: AuthorityTransaction, sale_id: str, detail: str) -> Alarm:
    """Make an alarm about a transaction; its key, the approval id, is acknowledged once."""
    return Alarm(
        key=held.approval_id.hex(),
        kind=kind,
        sale_id=sale_id,
        approval_id=held.approval_id,
        amount=held.amount,
        currency=held.currency,
        till=held.till or 0,
        receiver_id=held.receiver_id,
        at=held.time * 1000,
        detail=detail,
    )


def unbacked(sale_id: str, sale: Sale | None, at: int) -> Alarm:
    """Make an alarm about a paid sale; `sale`, never approved, is the journal's version."""
    return Alarm(
        key=f"sale:{sale_id}",
        kind=UNBACKED,
        sale_id=sale_id,
        approval_id=sale.approval_id if sale else b"",
        amount=sale.terms.amount if sale else 0,
        currency=sale.terms.currency if sale else 0,
        till=sale.terms.till if sale else 0,
        receiver_id=sale.terms.receiver_id if sale else b"",
        at=at,
        detail=f"{sale.state} here" if sale else "in no books",
    )


def journal_behind(life: bytes, at: int, detail: str) -> Alarm:
    """Make the alarm about a journal that was behind: one for each life."""
    return Alarm(f"life:{life.hex()}", JOURNAL_BEHIND, "", b"", 0, 0, 0, b"", at, detail)
