"""A sale that is over: what the journal's index holds of it, and what its archives do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import event_codec
from bridge.domain.sale import IllegalMoveError
from bridge.journal import ArchiveError, Closed

if TYPE_CHECKING:
    from bridge.domain.sale import Sale
    from bridge.journal import Journal


def closed_row(sale: Sale, at: int) -> Closed:
    """As it was closed `at` (ms since 1970), unless it was decided before."""
    terms = sale.terms
    return Closed(
        terms.sale_id,
        "refund" if sale.is_refund else "sale",
        terms.receiver_id,
        terms.till,
        sale.state,
        sale.reason,
        terms.amount,
        terms.currency,
        sale.decided_at or at,
        sale.transaction_id,
        sale.approval_id,
        event_codec.dump_terms(terms),
        terms.original_sale or terms.original.hex(),
    )


def reopened(journal: Journal, sale_id: str) -> Sale | None:
    """A closed sale as its entries tell it; raises ArchiveError where they tell of none."""
    if not journal.closed(sale_id):
        return None
    entries = journal.entries_of(sale_id)
    try:
        return event_codec.replay(entries)[sale_id]
    except (IllegalMoveError, LookupError, TypeError, ValueError) as error:
        raise ArchiveError(
            f"sale {sale_id}: the archives do not hold what the journal's index names; "
            "see what `tillsign journal verify` says"
        ) from error
