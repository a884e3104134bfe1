"""Ask the authority for sales that a lost or restored journal lacks (design §5 rules 7 and 8).

A sale that the authority holds is adopted; one that it does not have and a till holds as paid
becomes a liability alarm. Nothing is dropped silently.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

from bridge.authority.client import RefusedError, UnansweredError
from bridge.domain import alarms, rollback
from bridge.domain.events import AUTHORITY, TILL
from bridge.domain.held import GIVEN_BACK
from bridge.domain.sale import Fact
from bridge.domain.states import TAKEN_AS_PAID, Event, State
from bridge.observability.logs import Log
from receiver import reasons

from . import lost_sale, reconciliation
from .orders import UnknownSaleError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.books.books import Books
    from bridge.domain.alarms import Alarm
    from bridge.domain.held import AuthorityTransaction
    from bridge.domain.sale import Place, Sale

    from .outbox import Outbox
    from .ports import Authority

CLOCKS_S = 24 * 3600  # the most that the terminal's clock may differ from the authority's
RECONSIDER_S = 3.0  # the longest wait for a reversal before the till must ask again
BY_BRIDGE = "bridge"  # acknowledges alarms that the till's own decision has resolved
UNBACKED_MOST = 1000  # open alarms: a till in a loop must not fill the journal

_APPROVAL = re.compile("[0-9a-f]{32}")

_log = Log(__name__)


class TooManyError(Exception):
    """There are more alarms than a person can look through."""


class JournalLoss:
    """Asks the authority instead of the journal."""

    def __init__(
        self,
        books: Books,
        authority: Authority,
        outbox: Outbox,
        bridge_id: bytes,
        today: Iterable[Place],
    ) -> None:
        """`today` are the configured places."""
        self._books = books
        self._authority = authority
        self._outbox = outbox
        self._bridge_id = bridge_id
        self._today = tuple(today)
        self._asking = asyncio.Lock()  # one at a time: each reads days of the authority's books

    async def adopt(self, sale_id: str) -> Sale | None:
        """Adopt a sale that is not in the journal, if the authority holds it.

        Raises UnansweredError and RefusedError: None only once all receivers were asked about.
        """
        async with self._asking:
            known = self._books.find(sale_id)  # another request may have adopted it
            if known is not None:
                return known
            held = await self._held_as(sale_id)
        if held is None:
            return None
        return self._take_over(lost_sale.sale_of(held, sale_id), rollback.adopted(held))

    def may_have_lost(self, amount: int) -> bool:
        """Whether an alarm about an unknown transaction of this amount is open."""
        standing = (one.alarm for one in self._books.alarms())
        return any(one.kind == alarms.UNKNOWN_HERE and one.amount == amount for one in standing)

    async def _held_as(self, sale_id: str) -> AuthorityTransaction | None:
        places = (*self._today, *self._books.places())
        return await lost_sale.find(self._authority, self._bridge_id, places, sale_id)

    def _take_over(self, sale: Sale, facts: list[Fact]) -> Sale:
        name = facts[0].approval_id.hex()
        self._books.acknowledge(name, BY_BRIDGE, f"taken over as {sale.terms.sale_id}")
        self._books.begin_with(sale, facts[0], AUTHORITY)
        for fact in facts[1:]:
            self._books.take(sale, fact, AUTHORITY)
        self._outbox.resume(sale)
        return sale

    def claim(self, sale_id: str, sale: Sale | None) -> None:
        """Raise an alarm for a sale that only the till holds as paid: a liability.

        Raises TooManyError.
        """
        if len(self._books.alarms()) >= UNBACKED_MOST:
            raise TooManyError
        self._books.raise_alarm(alarms.unbacked(sale_id, sale, _now()))
        self._books.commits.commit()

    async def reconsider(self, sale: Sale) -> Sale | None:
        """Return the paid sale behind a till's `paid` about a sale that the bridge ended, if any.

        This can happen after an older journal was restored. A closed sale stays closed: a sale
        of another name is made for the authority's transaction. Raises UnansweredError and
        RefusedError while the authority's answer is missing, and TooManyError.
        """
        if sale.cancelled_by_till or not sale.unpaid:
            return None
        if sale.reversals:
            self._outbox.send_now()
            if not await self._books.waiting.cleared(sale, RECONSIDER_S):
                raise UnansweredError("its reversal is under way")
            if sale.state is State.POSTED:
                return sale
        async with self._asking:
            held = await self._held_as(sale.terms.sale_id)
        if held is None:
            self.claim(sale.terms.sale_id, sale)
            return None
        paid = self._nameless(held)
        if paid.state is State.TILL_NOTIFIED:
            self._books.take(paid, Fact(Event.PAID), TILL)
            self._outbox.resume(paid)
        return paid if paid.state in TAKEN_AS_PAID else None

    async def take_over(self, key: str, by: str, note: str) -> Sale:
        """Adopt the transaction of an alarm, so that a person decides in the till's place.

        Raises UnknownSaleError if there is no such alarm, UnansweredError and RefusedError.
        """
        alarm = self._books.alarm(key)
        if alarm is None or alarm.kind != alarms.UNKNOWN_HERE:
            raise UnknownSaleError("no alarm with this key waits for a decision")
        held = await self._authority.transaction(alarm.approval_id, alarm.receiver_id)
        if held is None or held.state in GIVEN_BACK:
            raise UnknownSaleError("the authority no longer holds it: acknowledge it")
        self._books.acknowledge(key, by, note)
        return self._nameless(held)

    def _nameless(self, held: AuthorityTransaction) -> Sale:
        """Return a sale for a transaction whose own sale is lost with the journal, or has ended."""
        sale_id = f"approval-{held.approval_id.hex()}"
        known = self._books.find(sale_id)
        return known or self._take_over(lost_sale.sale_of(held, sale_id), rollback.adopted(held))

    async def acknowledge(self, key: str, by: str, note: str) -> bool:
        """Acknowledge an alarm, or a difference by its approval id; return whether there is one.

        Raises UnansweredError and RefusedError, if only the authority can tell.
        """
        if self._books.alarm(key) is None:
            alarm = await self._difference(key)
            if alarm is None:
                return False
            self._books.raise_alarm(alarm)
        self._books.acknowledge(key, by, note)
        self._books.commits.commit()
        return True

    async def _difference(self, key: str) -> Alarm | None:
        if not _APPROVAL.fullmatch(key):
            return None
        row = self._books.row_of(key)
        if row:
            return reconciliation.alarm(row, _now())
        held = await self._holding(bytes.fromhex(key))
        return (
            alarms.of_holding(alarms.UNKNOWN_HERE, held, "", f"{held.state} there")
            if held
            else None
        )

    async def _holding(self, approval_id: bytes) -> AuthorityTransaction | None:
        """Return the authority's transaction of an approval, at any receiver."""
        places = (*self._today, *self._books.places())
        for receiver_id in await lost_sale.receivers(self._authority, places):
            try:
                held = await self._authority.transaction(approval_id, receiver_id)
            except RefusedError as error:
                if error.reason != reasons.WRONG_RECEIVER:
                    raise
                continue
            return held
        return None

    async def lacks(self) -> bool:
        """Whether the authority has transactions that are in no sale and no alarm here.

        Raises UnansweredError and RefusedError.
        """
        listed = await self._listed(self._since_s())
        return any(self._is_news(held) for held in listed)

    def _is_news(self, held: AuthorityTransaction) -> bool:
        name = held.approval_id.hex()
        return held.stands and not self._books.knows(held) and self._books.alarm(name) is None

    def _since_s(self) -> int:
        """Return the start of the span that the journal may lack, in seconds since 1970."""
        ended_s = self._books.ended_at // 1000
        return ended_s - CLOCKS_S if ended_s else int(time.time()) - lost_sale.BACK_S

    async def recover(self, *, at_start: bool) -> None:
        """Ask about every approval since the journal's end, and about each open sale.

        Raises UnansweredError and RefusedError; a second call changes nothing. Unless `at_start`,
        sales that are not notified yet began in this run of the bridge, and are left alone.
        """
        listed = await self._listed(self._since_s())
        by_sale = {(one.receiver_id, one.reference): one for one in listed if one.stands}
        for sale in self._books.open_sales():
            if at_start or sale.state not in rollback.UNTOLD:
                await self._resume(
                    sale, by_sale.get((sale.terms.receiver_id, sale.terms.reference))
                )
        for held in listed:
            if self._is_news(held):
                self._books.raise_alarm(_unknown_here(held))
        self._books.commits.commit()

    async def _resume(self, sale: Sale, held: AuthorityTransaction | None) -> None:
        asked = sale.state in rollback.ASKED_ABOUT and sale.approval_id
        if held is None and asked:
            held = await self._authority.transaction(sale.approval_id, sale.terms.receiver_id)
        for fact in rollback.resume(sale, held):
            self._books.take(sale, fact, AUTHORITY)
        self._outbox.resume(sale)  # also after the start, as these facts may owe a request
        there = str(held.state) if held else "nothing there"
        name, till = sale.terms.sale_id, sale.terms.till
        _log.warning("recovered", sale=name, till=till, state=sale.state, detail=there)

    async def _listed(self, since_s: int) -> list[AuthorityTransaction]:
        places = (*self._today, *self._books.places())
        end_s = int(time.time()) + CLOCKS_S
        found: list[AuthorityTransaction] = []
        for receiver_id in await lost_sale.receivers(self._authority, places):
            found += await self._authority.transactions(receiver_id, since_s, end_s)
        return found


def _unknown_here(held: AuthorityTransaction) -> Alarm:
    return alarms.of_holding(alarms.UNKNOWN_HERE, held, "", f"{held.state} there")


def _now() -> int:
    return time.time_ns() // 1_000_000
