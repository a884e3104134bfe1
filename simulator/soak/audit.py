"""What the tills keep, held against the authority's ledger and the bridge's journal."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from bridge.money.refunds import refund_id
from bridge.money.states import State
from receiver import session
from simulator.authority.schema import EXPIRED, PENDING, POSTED

from .books import PAID, REFUNDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .books import Kept, KeptRefund
    from .evidence import Journalled, Ledger, Row

LOST, DOUBLED, UNKNOWN = "lost", "doubled", "unknown"

_HOLDING = (PENDING, POSTED, EXPIRED)


class Tills(NamedTuple):
    """What all tills keep: sales, refunds, and what the bridge said that it must not say."""

    sales: list[Kept]
    refunds: list[KeptRefund]
    complaints: list[tuple[str, str]]  # sale id and text

    @property
    def paid(self) -> int:
        """What they hold as paid, less what they gave back."""
        back = sum(refund.amount for refund in self.refunds if refund.ended == REFUNDED)
        return sum(sale.amount for sale in self.sales if sale.ended == PAID) - back


class Names(NamedTuple):
    """How tills' sales are called elsewhere."""

    bridge_id: bytes
    receivers: Mapping[int, bytes]  # till → receiver id

    def reference(self, sale: Kept) -> tuple[bytes, bytes]:
        """Receiver id and sale reference."""
        reference = session.sale_reference(self.bridge_id, sale.till, sale.sale_id)
        return self.receivers[sale.till], reference

    def refund(self, refund: KeptRefund, till: int) -> bytes | tuple[bytes, bytes]:
        """Receiver id and reference of one by phone; of another its approval id."""
        if not refund.phone:
            return refund_id(self.bridge_id, refund.refund_id)
        return self.receivers[till], session.sale_reference(self.bridge_id, till, refund.refund_id)


class Finding(NamedTuple):
    """LOST, DOUBLED or UNKNOWN; which sale, and what is wrong with it."""

    kind: str
    sale: str
    text: str


def count(findings: list[Finding], kind: str) -> int:
    """Sales with such a finding."""
    return len({finding.sale for finding in findings if finding.kind == kind})


def audit(
    tills: Tills, names: Names, before: Ledger, after: Ledger, journal: Journalled
) -> list[Finding]:
    """All that is wrong once nothing moves any more; `before` is the ledger of an empty shop."""
    return list(_Audit(tills, names, after, journal).run(before))


class _Audit:
    def __init__(self, tills: Tills, names: Names, after: Ledger, journal: Journalled) -> None:
        self._tills = tills
        self._names = names
        self._rows = after.rows
        self._space = after.space
        self._journal = journal
        self._purchases: dict[tuple[bytes, bytes | None], list[Row]] = defaultdict(list)
        self._refunds: dict[object, list[Row]] = defaultdict(list)
        for row in after.rows:
            place = row.receiver, row.reference
            if not row.is_refund:
                self._purchases[place].append(row)
            else:
                self._refunds[place if row.reference else row.approval_id].append(row)

    def run(self, before: Ledger) -> Iterator[Finding]:
        for text in self._journal.damage:
            yield Finding(UNKNOWN, "journal", text)
        for complaint in self._tills.complaints:
            yield Finding(UNKNOWN, *complaint)
        for sale_id, sale in self._journal.sales.items():
            if not sale.closed:
                yield Finding(UNKNOWN, sale_id, f"{sale.state} in the journal after quiet")
        for kept in self._tills.sales:
            yield from self._sale(kept, self._purchases.pop(self._names.reference(kept), []))
        tills = {kept.sale_id: kept.till for kept in self._tills.sales}
        for refund in self._tills.refunds:
            name = self._names.refund(refund, tills[refund.sale_id])
            yield from self._refund(refund, self._refunds.pop(name, []))
        yield from self._strangers()
        yield from self._originals()
        yield from self._sums(before)

    def _sale(self, kept: Kept, rows: list[Row]) -> Iterator[Finding]:
        yield from self._paid_is_posted(kept, sum(row.posted for row in rows))
        if sum(row.state == POSTED for row in rows) > 1:
            yield Finding(DOUBLED, kept.sale_id, "posted more than once")
        for row in rows:
            if row.state in _HOLDING and kept.ended != PAID:
                yield Finding(LOST, kept.sale_id, f"{row.state}, and {kept.ended} at the till")
            if row.state in (PENDING, EXPIRED):
                yield Finding(UNKNOWN, kept.sale_id, f"{row.state} after quiet")

    def _paid_is_posted(self, kept: Kept, posted: int) -> Iterator[Finding]:
        sale = self._journal.sales.get(kept.sale_id)
        liable = sale is not None and sale.state is State.LIABLE
        if kept.ended is None:
            yield Finding(UNKNOWN, kept.sale_id, "the till has not settled it")
        if kept.ended == PAID and posted < kept.amount and not liable:
            yield Finding(LOST, kept.sale_id, f"{kept.amount} paid at the till, {posted} posted")
        if posted > kept.amount:
            yield Finding(DOUBLED, kept.sale_id, f"{kept.amount} at the till, {posted} posted")

    def _refund(self, kept: KeptRefund, rows: list[Row]) -> Iterator[Finding]:
        given = -sum(row.posted for row in rows)
        state = ", ".join(row.state for row in rows) or "unknown"
        if kept.ended is None:
            yield Finding(UNKNOWN, kept.sale_id, "the till has not settled its refund")
        elif (given > 0) != (kept.ended == REFUNDED):
            text = f"refund {kept.ended} at the till, {state} at the authority"
            yield Finding(LOST, kept.sale_id, text)
        if given > kept.amount:
            yield Finding(DOUBLED, kept.sale_id, f"refund of {kept.amount}, {given} given back")

    def _strangers(self) -> Iterator[Finding]:
        """Money that no till knows of."""
        left = (*self._purchases.values(), *self._refunds.values())
        for row in (row for rows in left for row in rows):
            if row.state in _HOLDING:
                yield Finding(LOST, row.approval_id.hex(), f"{row.state}, and no till's")

    def _originals(self) -> Iterator[Finding]:
        """What was refunded of each purchase, by the purchase and by its refunds."""
        given: Counter[bytes | None] = Counter()
        for row in self._rows:
            if row.is_refund:
                given[row.original] -= row.posted
        for row in self._rows:
            back = given[row.approval_id]
            if row.refunded != back or back > max(0, row.posted):
                text = f"{row.refunded} of {row.amount} refunded, {back} given back"
                yield Finding(DOUBLED, row.approval_id.hex(), text)

    def _sums(self, before: Ledger) -> Iterator[Finding]:
        """The same money, counted in two other ways."""
        posted, held = (
            sum(getattr(row, name) for row in self._rows) for name in ("posted", "held")
        )
        spent = before.space - self._space
        if spent != posted + held:
            text = f"{spent} taken from the credit space, {posted} posted, {held} held"
            yield Finding(DOUBLED, "all", text)
        paid, liable = self._tills.paid, self._journal.liable
        if paid != posted + liable:
            text = f"{paid} paid at the tills, {posted} posted, {liable} booked as liability"
            yield Finding(UNKNOWN, "all", text)
