"""Money that stands on tills which are not configured today: it is worked off, and said."""

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
    """The sales that are not over, by the till and receiver of then."""
    found: dict[Place, list[Sale]] = {}
    for sale in sales:
        place = sale.terms.place
        if place not in today and (sale.state not in FINAL or sale.owed):
            found.setdefault(place, []).append(sale)
    return found


def in_words(sales: Iterable[Sale]) -> str:
    """How many they are, what they come to, and what becomes of it."""
    amounts: dict[str, int] = {}
    undecided = count = 0
    for sale in sales:
        letters = LETTERS[sale.terms.currency]
        amounts[letters] = amounts.get(letters, 0) + sale.terms.amount
        undecided += not sale.is_decided
        count += 1
    sums = ", ".join(f"{amount} {letters}" for letters, amount in sorted(amounts.items()))
    told = f"; {undecided} wait for their till's decision" if undecided else ""
    return f"{count} not over, {sums} in minor units: worked off all the same{told}"


def say(sales: Iterable[Sale], today: Collection[Place]) -> None:
    """In the log, till by till."""
    for place, found in at_other_places(sales, today).items():
        _log.warning(
            "money at a till that is not configured",
            till=place.till,
            receiver=place.receiver_id.hex(),
            detail=in_words(found),
        )
