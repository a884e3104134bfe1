"""Compare the tills' books with the authority's ledger and the bridge's journal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from bridge.domain.refunds import IN_FULL, refund_id
from bridge.domain.states import TAKEN_AS_PAID, State
from receiver.protocol import identifiers
from simulator.authority.storage.schema import EXPIRED, PENDING, POSTED

from .ledger_and_journal import Journalled, Ledger, LedgerLine
from .till_disk import PAID, REFUNDED, Kept, KeptRefund

LOST, DOUBLED, UNKNOWN = "lost", "doubled", "unknown"

_LOST_SPAN = "accepted offline in a span that the journal lost"
_HOLDING = (PENDING, POSTED, EXPIRED)


class Tills(NamedTuple):
    """The tills' books: sales, refunds, and the bridge's forbidden answers."""

    sales: list[Kept]
    refunds: list[KeptRefund]
    complaints: list[tuple[str, str]]  # sale id and text

    @property
    def paid(self) -> int:
        """Return what they hold as paid, less refunds."""
        back = sum(refund.amount for refund in self.refunds if refund.ended == REFUNDED)
        return sum(sale.amount for sale in self.sales if sale.ended == PAID) - back


class Liability(NamedTuple):
    """A loss of the store, named in the bridge's alarms."""

    sale: str
    amount: int
    text: str


class Finding(NamedTuple):
    """LOST, DOUBLED or UNKNOWN; the sale, and what is wrong with it."""

    kind: str
    sale: str
    text: str


def count(findings: list[Finding], kind: str) -> int:
    """Count sales with such a finding."""
    return len({finding.sale for finding in findings if finding.kind == kind})


def liabilities(tills: Tills, journal: Journalled) -> list[Liability]:
    """Return what was accepted offline in a span that the journal lost, and never uploaded.

    Only its till has it; the alarm that names it came from the till's decision.
    """
    return [
        Liability(kept.sale_id, kept.amount, f"{_LOST_SPAN}; {journal.unbacked[kept.sale_id]}")
        for kept in tills.sales
        if kept.ended == PAID and kept.offline and kept.sale_id in journal.unbacked
        if not _taken_as_paid(kept, journal)
    ]


def _taken_as_paid(kept: Kept, journal: Journalled) -> bool:
    sale = journal.sales.get(kept.sale_id)
    return sale is not None and sale.state in TAKEN_AS_PAID


def audit(
    tills: Tills, bridge_id: bytes, before: Ledger, after: Ledger, journal: Journalled
) -> list[Finding]:
    """Return every difference once all is quiet; `before` is the ledger of an empty shop."""
    return list(_Audit(tills, bridge_id, after, journal).run(before))


class _Audit:
    def __init__(self, tills: Tills, bridge_id: bytes, after: Ledger, journal: Journalled) -> None:
        self._tills = tills
        self._bridge_id = bridge_id
        self._rows = after.rows
        self._space = after.space
        self._journal = journal
        self._unbacked = {one.sale: one.amount for one in liabilities(tills, journal)}
        self._purchases: dict[tuple[bytes, bytes | None], list[LedgerLine]] = defaultdict(list)
        self._refunds: dict[object, list[LedgerLine]] = defaultdict(list)
        self._returned: set[bytes] = set()  # approvals that the bridge has refunded in full
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
        yield from self._in_full()
        for kept in self._tills.sales:
            rows = self._purchases.pop(self._place(kept, kept.sale_id), [])
            yield from self._sale(kept, [row for row in rows if not self._is_returned(row)])
        sales = {kept.sale_id: kept for kept in self._tills.sales}
        for refund in self._tills.refunds:
            name = self._name(refund, sales[refund.sale_id])
            yield from self._refund(refund, self._refunds.pop(name, []))
        yield from self._strangers()
        yield from self._originals()
        yield from self._sums(before)

    def _place(self, kept: Kept, name: str) -> tuple[bytes, bytes]:
        """Return receiver id and reference of a sale or refund, by the till number of that time."""
        return kept.receiver, identifiers.sale_reference(self._bridge_id, kept.till, name)

    def _name(self, refund: KeptRefund, sale: Kept) -> bytes | tuple[bytes, bytes]:
        """Return a refund's name at the authority: by phone as a sale, else its approval id."""
        if refund.phone:
            return self._place(sale, refund.refund_id)
        return refund_id(self._bridge_id, refund.refund_id)

    def _in_full(self) -> Iterator[Finding]:
        """Check the bridge's own refunds: posted, and cancelled by the till."""
        for sale_id, sale in self._journal.sales.items():
            if not sale_id.startswith(IN_FULL):
                continue
            given = -sum(row.posted for row in self._refunds.pop(sale.approval_id, []))
            if given != sale.terms.amount:
                text = f"{given} given back of {sale.terms.amount}, which no till holds as paid"
                yield Finding(LOST, sale_id, text)
            self._returned.add(bytes.fromhex(sale_id.removeprefix(IN_FULL)))

    def _is_returned(self, row: LedgerLine) -> bool:
        return row.approval_id in self._returned and row.refunded == row.posted

    def _sale(self, kept: Kept, rows: list[LedgerLine]) -> Iterator[Finding]:
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
        liable = kept.sale_id in self._unbacked or (sale and sale.state is State.LIABILITY)
        if kept.ended is None:
            yield Finding(UNKNOWN, kept.sale_id, "the till has not settled it")
        if kept.ended == PAID and posted < kept.amount and not liable:
            yield Finding(LOST, kept.sale_id, f"{kept.amount} paid at the till, {posted} posted")
        if posted > kept.amount:
            yield Finding(DOUBLED, kept.sale_id, f"{kept.amount} at the till, {posted} posted")

    def _refund(self, kept: KeptRefund, rows: list[LedgerLine]) -> Iterator[Finding]:
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
        """Find money that no till has in its books."""
        left = (*self._purchases.values(), *self._refunds.values())
        for row in (row for rows in left for row in rows):
            if row.state in _HOLDING:
                yield Finding(LOST, row.approval_id.hex(), f"{row.state}, and no till's")

    def _originals(self) -> Iterator[Finding]:
        """Compare what was refunded of each purchase, by the purchase and by its refunds."""
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
        """Compare the same money, counted in two other ways."""
        posted, held = (
            sum(getattr(row, name) for row in self._rows) for name in ("posted", "held")
        )
        spent = before.space - self._space
        if spent != posted + held:
            text = f"{spent} taken from the credit space, {posted} posted, {held} held"
            yield Finding(DOUBLED, "all", text)
        paid, liable = self._tills.paid, self._journal.liable + sum(self._unbacked.values())
        if paid != posted + liable:
            text = f"{paid} paid at the tills, {posted} posted, {liable} booked as liability"
            yield Finding(UNKNOWN, "all", text)
