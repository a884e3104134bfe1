"""What a till has on paper, and whether ledger and journal agree with it once all is quiet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from simulator.authority import Authority
from simulator.tools.soak import ledger_and_journal
from simulator.tools.soak.audit import Tills, audit
from simulator.tools.soak.till_disk import NOT_REFUNDED, PAID, REFUNDED, UNPAID, Kept, KeptRefund
from tests.support.bridge.device import PATIENCE_S
from tests.support.shop.till import SALE, TILL, World
from tests.support.values import evidence

Json = dict[str, Any]

# How a till keeps what the bridge says of a sale or a refund in the end.
_ENDS = {"paid": PAID, "declined": UNPAID, "cancelled": UNPAID}
_REFUND_ENDS = {"refunded": REFUNDED, "declined": NOT_REFUNDED, "cancelled": NOT_REFUNDED}


class Names(NamedTuple):
    """What a till's sales are called by elsewhere."""

    bridge_id: bytes
    receivers: Mapping[int, bytes]  # till → receiver id


class Paper:
    """Made before anything is sold. What is not on it is money that no till knows of."""

    def __init__(self, authority: Authority, names: Names) -> None:
        self._authority = authority
        self._names = names
        self._before = ledger_and_journal.ledger(authority.office.store)
        self._sales: dict[str, Kept] = {}
        self._refunds: dict[str, KeptRefund] = {}

    def keep(self, sale: Json) -> None:
        """A sale that has ended, as the till was told."""
        sale_id, ended = sale["sale_id"], _ENDS[sale["state"]]
        known = self._sales.get(sale_id)
        assert known is None or known.ended == ended, "what a till has on paper stays"
        number = len(self._sales)
        wish = PAID if ended == PAID else None
        receiver = self._names.receivers[sale["till"]]
        self._sales[sale_id] = Kept(
            *(sale_id, number, sale["till"], sale["amount"]), wish, 0, ended, receiver
        )

    def keep_refund(self, refund: Json) -> None:
        refund_id, ended = refund["refund_id"], _REFUND_ENDS[refund["state"]]
        self._refunds[refund_id] = KeptRefund(
            refund_id, refund["sale_id"], len(self._refunds), refund["amount"], ended
        )

    def must_agree(self, journal: Path) -> None:
        """Posted is what is paid, less refunds; nothing is held; nothing is left to do.

        What the bridge only noted is not in the file before it stops.
        """
        tills = Tills([*self._sales.values()], [*self._refunds.values()], [])
        after = ledger_and_journal.ledger(self._authority.office.store)
        written = ledger_and_journal.journalled(journal)
        findings = audit(tills, self._names.bridge_id, self._before, after, written)
        assert findings == [], "\n".join(map(str, findings))


async def ends(world: World, paper: Paper, wish: str = "", sale_id: str = SALE) -> Json:
    """The till decides, if there is something to decide, writes it down, and all of it is done."""
    if wish:
        await world.decide(wish, sale_id)
    known = world.daemon.service.books.find(sale_id)
    assert known is not None
    assert await world.daemon.service.books.waiting.answered(known, PATIENCE_S)
    sale = await world.settled(sale_id)
    paper.keep(sale)
    return sale


async def sells(world: World, paper: Paper, sale_id: str) -> None:
    """An ordinary sale, from beginning to end: nothing that happened before is in its way."""
    await world.approved(sale_id)
    assert (await ends(world, paper, "paid", sale_id))["settlement"] == "posted"


# The journal beside the authority's books, as the till API puts them.


async def reconciled(world: World, query: str = "") -> dict[str, Any]:
    """The first receiver's."""
    status, answer = await world.call("GET", f"/v1/reconciliation{query}")
    assert status == 200, answer
    receiver: dict[str, Any] = answer["receivers"][0]
    place = (receiver.pop("till"), receiver.pop("receiver_id"), receiver.pop("configured"))
    assert receiver.pop("acknowledged") == []
    assert place == (TILL, evidence.RECEIVER_ID.hex(), True)
    return receiver
