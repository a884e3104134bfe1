"""Rollback witnesses: tills and receivers that have seen more than the journal (design §5 rule 8).

A restored disk includes the position file, and the authority has no trace of sales made while it
was away. A till's cursor beyond the journal's end proves a rollback; a decision or an offer that
does not fit causes a question to the authority.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.authority.client import RefusedError, UnansweredError
from bridge.observability.logs import Log
from receiver.protocol import messages, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from bridge.books.books import Books
    from receiver.protocol.messages import Offer

    from .journal_loss import JournalLoss
    from .journal_standing import JournalStanding

AGAIN_S = 600.0  # at most once in this time: a till in a loop must not stop the bridge's sales

_log = Log(__name__)


class Witnesses:
    """The witnesses of one bridge; `spawn` runs the slow questions as tasks."""

    def __init__(
        self,
        books: Books,
        loss: JournalLoss,
        standing: JournalStanding,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._books = books
        self._loss = loss
        self._standing = standing
        self._spawn = spawn
        self._believed_at = -AGAIN_S  # the event loop's time, in seconds
        self._offered: set[bytes] = set()  # receivers that have made an offer since the start
        self._sequences = _newest(books)

    def cursor(self, cursor: int) -> None:
        """Check the last cursor that a till has seen."""
        end = self._books.end()
        if cursor > end and self._is_time():
            self._standing.suspect(f"it ends with entry {end}; a till has seen entry {cursor}")

    def decision(self, sale_id: str) -> None:
        """Examine a till's `paid` about a sale that is not approved here."""
        self._look_into(f"a till holds {sale_id} as paid")

    def offer(self, receiver_id: bytes, data: bytes) -> None:
        """Check a receiver's first verified offer: whether it follows the newest one here."""
        if receiver_id in self._offered:
            return
        self._offered.add(receiver_id)
        known, sequence = self._sequences.get(receiver_id), _sequence(data)
        if known is not None and sequence != known + 1:  # a power cut skips numbers as well
            self._look_into(f"offer {sequence} follows offer {known}")

    def _look_into(self, detail: str) -> None:
        if self._standing.serves and self._is_time():
            self._spawn(self._ask(detail))

    async def _ask(self, detail: str) -> None:
        try:
            lacks = await self._loss.lacks()
        except (UnansweredError, RefusedError) as error:
            _log.info("not looked into", detail=f"{detail}: {error}")
            return
        if lacks:
            self._standing.suspect(f"{detail}; the authority has what is not here")

    def _is_time(self) -> bool:
        now = asyncio.get_running_loop().time()
        due = now >= self._believed_at + AGAIN_S
        if due:
            self._believed_at = now
        return due


def _newest(books: Books) -> dict[bytes, int]:
    """Return the newest offer sequence number in memory, by receiver id."""
    found: dict[bytes, int] = {}
    for sale in books.at_hand():
        if sale.offer:
            receiver_id, sequence = sale.terms.receiver_id, _sequence(sale.offer)
            found[receiver_id] = max(sequence, found.get(receiver_id, 0))
    return found


def _sequence(data: bytes) -> int:
    offer: Offer = signed.parse(messages.OFFER, data).value
    return offer.sequence
