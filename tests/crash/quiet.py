"""What is left when all is quiet: in the journal's files, in the books and on the till's paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.domain import event_codec
from bridge.journal.reader import Reader
from bridge.journal.records import Entry
from receiver.protocol import identifiers, messages
from tests.crash.life import JOURNAL
from tests.crash.template import BRIDGE_ID

if TYPE_CHECKING:
    from bridge.domain.sale import Sale
    from tests.crash.world import World

_COLUMNS = (
    "approval_id",
    "kind",
    "state",
    "amount",
    "reference",
    "session",
    "original",
    "refunded",
)


class Quiet:
    """A world in which nothing happens any more, read from what is on disk and on paper."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.till = world.till
        self.office = world.office
        self.path = world.life.folder / JOURNAL
        with Reader(self.path) as journal:
            rows = [row for row in journal.rows() if not row.own and not row.carried]
            self.lives = journal.lives()
            self.alarms = [standing.alarm for standing in journal.alarms()]
            self.closed = {one.sale_id: one for one in journal.all_closed()}
            self.secrets = journal.db.execute(
                "SELECT sale_id, secret FROM secrets JOIN entries ON entry = id"
            ).fetchall()
        self.entries = [Entry(r.id, r.at, r.sale_id, r.kind, r.body) for r in rows]
        self.sales = event_codec.replay(self.entries)
        booked = self.office.store.rows(f"SELECT {', '.join(_COLUMNS)} FROM transactions")
        self.booked: list[dict[str, Any]] = [dict(zip(_COLUMNS, r, strict=True)) for r in booked]
        self.sale_ids = {
            identifiers.sale_reference(BRIDGE_ID, rung.till, sale_id): sale_id
            for sale_id, rung in self.till.rung.items()
        }

    def purchases(self, *states: str) -> list[dict[str, Any]]:
        """Booked purchases in any of these states."""
        return [
            one
            for one in self.booked
            if one["kind"] == messages.PURCHASE and one["state"] in states
        ]

    def refunds(self, *states: str) -> list[dict[str, Any]]:
        return [
            one for one in self.booked if one["kind"] == messages.REFUND and one["state"] in states
        ]

    def sale(self, one: dict[str, Any]) -> Sale:
        """The journal's sale of something booked."""
        sale_id = self.sale_ids[one["reference"]]
        assert sale_id in self.sales, f"{sale_id} is booked and in no journal"
        return self.sales[sale_id]
