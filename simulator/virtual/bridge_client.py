"""The bridge's way to the authority in virtual time (`bridge.sales.ports.Authority`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from bridge.authority.client import Refunded, RefusedError, UnansweredError
from receiver import reasons
from receiver.errors import Error
from simulator.authority.ledger import refunds

if TYPE_CHECKING:
    from bridge.authority.messages import PositionClaim, StandingAnswer
    from bridge.domain.held import AuthorityTransaction

    from .authority import VirtualAuthority

T = TypeVar("T")
Header = Callable[[], Awaitable[str]]


class BridgeClient:
    """Every request takes `trip_s` each way; `header` gives the journal's position with it."""

    def __init__(self, authority: VirtualAuthority, header: Header, trip_s: float) -> None:
        self._authority = authority
        self._header = header
        self._trip_s = trip_s

    def retry_now(self) -> None:
        """Do nothing: the authority is never spared here."""

    async def authorise(self, record: bytes) -> bytes:
        return await self._ask("authorise", record, partial(self._authority.authorise, record))

    async def reverse(self, approval_id: bytes, receiver_id: bytes) -> str:
        work = partial(self._authority.reverse, receiver_id, approval_id)
        return await self._ask("reverse", approval_id, work)

    async def confirm(self, approval_id: bytes, receiver_id: bytes) -> str:
        work = partial(self._authority.confirm, receiver_id, approval_id)
        return await self._ask("confirm", approval_id, work)

    async def refund(
        self,
        refund_id: bytes,
        receiver_id: bytes,
        transaction_id: bytes,
        amount: int,
        currency: int,
    ) -> Refunded:
        order = refunds.Order(refund_id, receiver_id, transaction_id, amount, currency)
        return await self._ask("refund", refund_id, partial(self._authority.refund, order))

    async def state(self, receiver_id: bytes, nonce: bytes) -> bytes:
        work = partial(self._authority.receiver_state, receiver_id, nonce)
        return await self._ask("state", b"", work)

    async def revocations(self, receiver_id: bytes) -> bytes:
        return await self._ask("revocations", b"", self._authority.revocations)

    async def announce(self, claim: PositionClaim) -> StandingAnswer:
        return await self._ask("announce", b"", partial(self._authority.claim, claim))

    async def receivers(self) -> list[bytes]:
        return await self._ask("receivers", b"", self._authority.receivers)

    async def transaction(
        self, approval_id: bytes, receiver_id: bytes
    ) -> AuthorityTransaction | None:
        work = partial(self._authority.transaction, receiver_id, approval_id)
        try:
            return await self._ask("transaction", approval_id, work)
        except RefusedError as error:
            if error.reason != reasons.APPROVAL_UNKNOWN:
                raise
            return None

    async def transactions(
        self, receiver_id: bytes, start_s: int, end_s: int
    ) -> list[AuthorityTransaction]:
        work = partial(self._authority.transactions, receiver_id, start_s, end_s)
        return await self._ask("transactions", b"", work)

    async def _ask(self, kind: str, what: bytes, work: Callable[[], T]) -> T:
        """Have `work` done at the authority; `what` is an id, or the record to authorise.

        Raises RefusedError and UnansweredError, as `bridge.authority.client` does.
        """
        if kind != "announce":
            work = await self._heard(work)
        await asyncio.sleep(self._trip_s)
        result = done(work)
        await asyncio.sleep(self._trip_s)
        if isinstance(result, Exception):
            raise result
        return result

    async def _heard(self, work: Callable[[], T]) -> Callable[[], T]:
        """Return the same with the journal's position, as `bridge.authority.client` sends it."""
        header = await self._header()

        def heard() -> T:
            self._authority.hear(header)
            return work()

        return heard


def done(work: Callable[[], T]) -> T | RefusedError | UnansweredError:
    """Do it at the authority; return the answer, or the error that it is at the bridge."""
    try:
        return work()
    except Error as error:
        if error.code == reasons.JOURNAL_BEHIND:
            return UnansweredError(error.detail)
        return RefusedError(error.code, error.detail, said=True)
