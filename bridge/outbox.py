"""Reversals that are owed: tried until each is acknowledged, also after a restart (design §5)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from .authority import RefusedError, UnansweredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .backoff import Backoff
    from .books import Books
    from .money.sale import Sale
    from .surroundings import Authority

# What the authority may leave a reversed approval in; anything else still holds money.
GIVEN_BACK = ("VOIDED", "DECLINED")

_log = logging.getLogger(__name__)


class Outbox:
    """A task for each owed reversal, for ever; one that fails does not hold up another."""

    def __init__(self, authority: Authority, books: Books, backoff: Callable[[], Backoff]) -> None:
        self._authority = authority
        self._books = books
        self._backoff = backoff
        self._owed: asyncio.Queue[tuple[Sale, bytes]] = asyncio.Queue()

    def add(self, sale: Sale, approval_id: bytes) -> None:
        """Owe the reversal of this approval; the journal says so already."""
        self._owed.put_nowait((sale, approval_id))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._reverse(*await self._owed.get()))

    async def _reverse(self, sale: Sale, approval_id: bytes) -> None:
        backoff = self._backoff()
        acknowledged = await self._try(sale, approval_id)
        while not acknowledged:
            await asyncio.sleep(backoff.next() / 1000)
            acknowledged = await self._try(sale, approval_id)
        self._books.take(sale, sale.given_back(approval_id), "authority")

    async def _try(self, sale: Sale, approval_id: bytes) -> bool:
        sale_id = sale.terms.sale_id
        try:
            state = await self._authority.reverse(approval_id, sale.terms.receiver_id)
        except UnansweredError as error:
            _log.info("sale %s: reversal unanswered: %s", sale_id, error)
            return False
        except RefusedError as error:
            _log.error("sale %s: reversal refused: %s", sale_id, error.detail)
            return False
        if state not in GIVEN_BACK:
            _log.error("sale %s: the authority left it %s", sale_id, state)
            return False
        return True
