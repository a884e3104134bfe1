"""The money in the authority's ledger and in the bridge's journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from bridge.domain import alarms, event_codec
from bridge.domain.sale import Sale
from bridge.domain.states import State
from bridge.journal import Entry, reading
from bridge.journal.reader import Reader
from bridge.journal.verify import verify
from receiver.protocol import messages
from simulator.authority.storage.schema import PENDING, POSTED
from simulator.authority.storage.store import Store

_ROWS = (
    "SELECT approval_id, receiver, kind, state, amount, reference, original, refunded "
    "FROM transactions"
)
_SPACE = "SELECT coalesce(sum(credit_space), 0) FROM recipients"


class LedgerLine(NamedTuple):
    """A line of the ledger. A tombstone has no amount and no reference."""

    approval_id: bytes
    receiver: bytes
    kind: int
    state: str
    amount: int | None
    reference: bytes | None
    original: bytes | None
    refunded: int

    @property
    def is_refund(self) -> bool:
        return self.kind == messages.REFUND

    @property
    def posted(self) -> int:
        """Return what it takes from the buyer for good; refunds give."""
        if self.state != POSTED or self.amount is None:
            return 0
        return -self.amount if self.is_refund else self.amount

    @property
    def held(self) -> int:
        """Return what it holds now."""
        pending = self.state == PENDING and not self.is_refund
        return self.amount or 0 if pending else 0


class Ledger(NamedTuple):
    """All lines, and the credit space that all recipients have left."""

    rows: list[LedgerLine]
    space: int


class Journalled(NamedTuple):
    """Every sale and refund by its id, archived ones too; and what is wrong with the files."""

    sales: dict[str, Sale]
    damage: list[str]
    entries: Sequence[Entry] = ()  # under their first numbers
    unbacked: Mapping[str, str] = MappingProxyType({})  # sale → why only its till holds it as paid

    @property
    def liable(self) -> int:
        """Return what was paid at tills and will never be posted."""
        liable = [sale for sale in self.sales.values() if sale.state is State.LIABILITY]
        return sum(sale.terms.amount for sale in liable)


def ledger_at(database: Path | str) -> Ledger:
    """Read it now; the authority may run."""
    store = Store(database)
    try:
        return ledger(store)
    finally:
        store.close()


def ledger(store: Store) -> Ledger:
    return Ledger([LedgerLine(*row) for row in store.rows(_ROWS)], int(store.value(_SPACE)))


def journalled(journal: Path) -> Journalled:
    """Read it now; the bridge may run. Entries carried over to a new live part count once."""
    with Reader(journal) as reader:
        report = verify(reader, lambda _done, _files: None)
        rows = {row.origin: row for row in reader.rows() if not row.own}
        raised = [standing.alarm for standing in reader.alarms()]
    entries = [reading.entry(rows[number])._replace(id=number) for number in sorted(rows)]
    unbacked = {one.sale_id: one.detail for one in raised if one.kind == alarms.UNBACKED}
    return Journalled(event_codec.replay(entries), report.findings, entries, unbacked)
