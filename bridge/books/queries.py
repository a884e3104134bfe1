"""Queries of the books: sales in memory over the journal; nothing here changes either."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from bridge.domain.offline import exposure
from bridge.domain.sale import Place, Sale

from . import totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.domain.held import AuthorityTransaction
    from bridge.domain.offline import Exposure
    from bridge.journal import Alarm, Journal, Standing


class BookQueries:
    """Queries; open sales and the latest closed ones are in memory."""

    def __init__(self, journal: Journal) -> None:
        self.ended_at = journal.newest_at()  # ms: the newest entry before this start, 0 for none
        self._journal = journal
        self._open: dict[str, Sale] = {}
        self._recent: OrderedDict[str, Sale] = OrderedDict()

    def is_at_hand(self, sale_id: str) -> bool:
        """Whether the sale is in memory: open, or among the last RECENT_MOST closed ones."""
        return sale_id in self._open or sale_id in self._recent

    def at_hand(self) -> Iterator[Sale]:
        return iter([*self._open.values(), *self._recent.values()])

    def end(self) -> int:
        """Return the sequence number of the newest entry on the disk."""
        return self._journal.position.sequence

    def open_sales(self) -> Iterator[Sale]:
        return iter(list(self._open.values()))

    def exposure(self, receiver_id: bytes) -> Exposure:
        """Return number and sum of one receiver's offline approvals."""
        sales = self._open.values()
        return exposure(sale for sale in sales if sale.terms.receiver_id == receiver_id)

    def refunded(self, sale: Sale) -> int:
        """Return the amount that was refunded on a sale, or may still be."""
        sale_id = sale.terms.sale_id
        under_way = sum(
            refund.terms.amount
            for refund in self._open.values()
            if refund.terms.original_sale == sale_id and not refund.unpaid
        )
        return under_way + self._journal.refunded(sale_id)

    def rows(self, begin: int, end: int) -> list[totals.TotalsRow]:
        """Return the rows decided from `begin` to before `end` (ms), closed or not, anywhere."""
        still_open = [
            sale
            for sale in self._open.values()
            if begin <= (sale.decided_at or sale.approved_at) < end
        ]
        closed = self._journal.closed_between(begin, end)
        return [*map(totals.of_closed, closed), *map(totals.of_open, still_open)]

    def row_of(self, approval_id: str) -> totals.TotalsRow | None:
        """Return the row of an approval (hex), however old."""
        for row in self.under_way():
            if row.approval_id == approval_id:
                return row
        closed = self._journal.closed_by(bytes.fromhex(approval_id))
        return totals.of_closed(closed) if closed else None

    def under_way(self) -> list[totals.TotalsRow]:
        """Return what the authority may hold for open sales, recalled approvals too."""
        return [row for sale in self._open.values() for row in totals.of_open_approvals(sale)]

    def places(self) -> list[Place]:
        """Return every till and receiver in journal and archives, those of open sales first."""
        still_open = [sale.terms.place for sale in self._open.values()]
        closed = [Place(till, receiver_id) for receiver_id, till in self._journal.receivers()]
        return list(dict.fromkeys((*still_open, *closed)))

    def knows(self, held: AuthorityTransaction) -> bool:
        """Whether an approval at the authority belongs to a sale or refund here, however old."""
        name, place = held.approval_id, (held.receiver_id, held.reference)
        for sale in self._open.values():
            ours = (sale.terms.receiver_id, sale.terms.reference)
            if name in (sale.approval_id, *sale.reversals) or (held.reference and ours == place):
                return True
        return self.row_of(name.hex()) is not None

    def alarm(self, key: str) -> Alarm | None:
        """Return the alarm, open or acknowledged."""
        known = self._journal.alarm(key)
        return known.alarm if known else None

    def is_acknowledged(self, key: str) -> bool:
        known = self._journal.alarm(key)
        return known is not None and known.acknowledged is not None

    def alarms(self) -> list[Standing]:
        """Return the alarms that are not acknowledged."""
        return self._journal.alarms()
