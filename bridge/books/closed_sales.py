"""Closed sales: their rows in the journal's index, and their entries in the archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import event_codec
from bridge.domain.sale import IllegalMoveError
from bridge.journal import ArchiveError, Closed

if TYPE_CHECKING:
    from bridge.domain.sale import Sale
    from bridge.journal import Journal


def closed_row(sale: Sale, at: int) -> Closed:
    """Return the index row of a sale that closed `at` (ms since 1970), or was decided before."""
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
    """Rebuild a closed sale from its entries; raises ArchiveError if there are none."""
    if not journal.closed(sale_id):
        return None
    entries = journal.entries_of(sale_id)
    try:
        return event_codec.replay(entries)[sale_id]
    except (IllegalMoveError, LookupError, TypeError, ValueError) as error:
        raise ArchiveError(
            f"sale {sale_id}: its entries are in the journal's index, and not in the archives; "
            "run `tillsign journal verify`"
        ) from error
