"""What the journal's index holds of a sale that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .journal import Closed
from .money import facts

if TYPE_CHECKING:
    from .money.sale import Sale


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
        facts.dump_terms(terms),
        terms.original_sale or terms.original.hex(),
    )
