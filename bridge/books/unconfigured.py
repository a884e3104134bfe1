"""Sales with money at tills that are not configured today: they are completed, and logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.states import FINAL
from bridge.observability.logs import Log
from receiver.host.currencies import LETTERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bridge.domain.sale import Place, Sale

_log = Log(__name__)


def at_other_places(sales: Iterable[Sale], today: Collection[Place]) -> dict[Place, list[Sale]]:
    """Return the sales that are not closed, by their till and receiver at that time."""
    found: dict[Place, list[Sale]] = {}
    for sale in sales:
        place = sale.terms.place
        if place not in today and (sale.state not in FINAL or sale.owed):
            found.setdefault(place, []).append(sale)
    return found


def in_words(sales: Iterable[Sale]) -> str:
    """Return a text with their number, their sums and their treatment."""
    amounts: dict[str, int] = {}
    undecided = count = 0
    for sale in sales:
        letters = LETTERS[sale.terms.currency]
        amounts[letters] = amounts.get(letters, 0) + sale.terms.amount
        undecided += not sale.is_decided
        count += 1
    sums = ", ".join(f"{amount} {letters}" for letters, amount in sorted(amounts.items()))
    told = f"; {undecided} wait for their till's decision" if undecided else ""
    return f"{count} not over, {sums} in minor units: the bridge completes them{told}"


def say(sales: Iterable[Sale], today: Collection[Place]) -> None:
    """Log them, till by till."""
    for place, found in at_other_places(sales, today).items():
        _log.warning(
            "money at a till that is not configured",
            till=place.till,
            receiver=place.receiver_id.hex(),
            detail=in_words(found),
        )
