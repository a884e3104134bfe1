"""What the books say when asked: sales in memory over the journal; nothing here changes either."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from bridge.domain.offline import exposure
from bridge.domain.sale import Place, Sale

from . import totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.domain.held import Holding
    from bridge.domain.offline import Exposure
    from bridge.journal import Alarm, Journal, Standing


class BookQueries:
    """In memory are the sales that are not closed, and the latest that are."""

    def __init__(self, journal: Journal) -> None:
        self.ended_at = journal.newest_at()  # ms: what came before this start, 0 for nothing
        self._journal = journal
        self._open: dict[str, Sale] = {}
        self._recent: OrderedDict[str, Sale] = OrderedDict()

    def is_at_hand(self, sale_id: str) -> bool:
        """Whether it is in memory: not closed, or among the RECENT_MOST that were closed last."""
        return sale_id in self._open or sale_id in self._recent

    def at_hand(self) -> Iterator[Sale]:
        return iter([*self._open.values(), *self._recent.values()])

    def end(self) -> int:
        """The newest entry on the disk."""
        return self._journal.position.sequence

    def open_sales(self) -> Iterator[Sale]:
        return iter(list(self._open.values()))

    def exposure(self, receiver_id: bytes) -> Exposure:
        """What stands on offline approvals of one receiver."""
        sales = self._open.values()
        return exposure(sale for sale in sales if sale.terms.receiver_id == receiver_id)

    def refunded(self, sale: Sale) -> int:
        """What was refunded on a sale, or may be yet."""
        sale_id = sale.terms.sale_id
        under_way = sum(
            refund.terms.amount
            for refund in self._open.values()
            if refund.terms.original_sale == sale_id and not refund.unpaid
        )
        return under_way + self._journal.refunded(sale_id)

    def rows(self, begin: int, end: int) -> list[totals.Row]:
        """What was decided from `begin` to before `end` (ms), closed or not, wherever it was."""
        still_open = [
            sale
            for sale in self._open.values()
            if begin <= (sale.decided_at or sale.approved_at) < end
        ]
        closed = self._journal.closed_between(begin, end)
        return [*map(totals.of_closed, closed), *map(totals.of_open, still_open)]

    def row_of(self, approval_id: str) -> totals.Row | None:
        """The sale of an approval (hex), however long ago."""
        for row in self.under_way():
            if row.approval_id == approval_id:
                return row
        closed = self._journal.closed_by(bytes.fromhex(approval_id))
        return totals.of_closed(closed) if closed else None

    def under_way(self) -> list[totals.Row]:
        """What the authority may hold of sales that are not closed, recalled approvals too."""
        return [row for sale in self._open.values() for row in totals.of_open_approvals(sale)]

    def places(self) -> list[Place]:
        """Every till and receiver of which the journal or its archives know, open sales' first."""
        still_open = [sale.terms.place for sale in self._open.values()]
        closed = [Place(till, receiver_id) for receiver_id, till in self._journal.receivers()]
        return list(dict.fromkeys((*still_open, *closed)))

    def knows(self, held: Holding) -> bool:
        """Whether an approval of the authority's is of a sale or refund here, however long ago."""
        name, place = held.approval_id, (held.receiver_id, held.reference)
        for sale in self._open.values():
            ours = (sale.terms.receiver_id, sale.terms.reference)
            if name in (sale.approval_id, *sale.reversals) or (held.reference and ours == place):
                return True
        return self.row_of(name.hex()) is not None

    def alarm(self, key: str) -> Alarm | None:
        """Standing or acknowledged."""
        known = self._journal.alarm(key)
        return known.alarm if known else None

    def is_acknowledged(self, key: str) -> bool:
        known = self._journal.alarm(key)
        return known is not None and known.acknowledged is not None

    def alarms(self) -> list[Standing]:
        """What stands until a person acknowledges it."""
        return self._journal.alarms()
