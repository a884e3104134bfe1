"""The interfaces that the receivers' sessions of one bridge share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from bridge.authority.client import Refunded
    from bridge.authority.clock_skew import Clock
    from bridge.authority.messages import PositionClaim, StandingAnswer
    from bridge.books.books import Books
    from bridge.domain.held import AuthorityTransaction
    from bridge.domain.receiver_status import UpdateProgress
    from receiver.link import wire

    from .outbox import Outbox
    from .rollback_witnesses import Witnesses


class Authority(Protocol):
    """The authority for sessions and outbox; raises UnansweredError and RefusedError."""

    def retry_now(self) -> None: ...
    async def authorise(self, record: bytes) -> bytes: ...
    async def reverse(self, approval_id: bytes, receiver_id: bytes) -> str: ...
    async def confirm(self, approval_id: bytes, receiver_id: bytes) -> str: ...
    async def refund(
        self,
        refund_id: bytes,
        receiver_id: bytes,
        transaction_id: bytes,
        amount: int,
        currency: int,
    ) -> Refunded: ...
    async def state(self, receiver_id: bytes, nonce: bytes) -> bytes: ...
    async def revocations(self, receiver_id: bytes) -> bytes: ...
    async def announce(self, claim: PositionClaim) -> StandingAnswer: ...
    async def receivers(self) -> list[bytes]: ...
    async def transaction(
        self, approval_id: bytes, receiver_id: bytes
    ) -> AuthorityTransaction | None: ...
    async def transactions(
        self, receiver_id: bytes, start_s: int, end_s: int
    ) -> list[AuthorityTransaction]: ...


class ServiceMode(Protocol):
    """Who orders a receiver about in service mode (`bridge.updates`)."""

    def holds(self) -> bool:
        """Whether the till cannot sell meanwhile."""

    def waits(self) -> bool:
        """Whether an update is ordered and has not ended."""

    def progress(self) -> UpdateProgress | None: ...
    def release(self) -> int | None: ...
    def link_up(self, hello: wire.ReceiverHello) -> None: ...
    def link_down(self) -> None: ...
    def delivered(self, channel: int) -> None: ...

    def message(self, channel: int, payload: bytes) -> None:
        """Take a message of `service_wire`; raises Error."""


class Updates(Protocol):
    """Updates of receivers by command (`bridge.updates`); LookupError for an unknown till."""

    def order(self, till: int) -> int:
        """Update a till's receiver once it is quiet; return the number of that attempt."""

    def cancel(self, till: int) -> None:
        """Take the order back, and break off what can be."""


class Surroundings(Protocol):
    """The parts that all sessions of a bridge share."""

    books: Books
    authority: Authority
    clock: Clock
    outbox: Outbox
    witnesses: Witnesses
    offline: bool  # whether purchases may be accepted without the authority at all

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as a task; an error in it ends the bridge."""

    def fail(self, error: Exception) -> None:
        """End the bridge: a fact that must be on disk is not."""
