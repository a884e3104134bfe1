"""What the stations of one bridge share, as they see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from .backoff import Backoff
    from .books import Books
    from .outbox import Outbox


class Authority(Protocol):
    """The authority as stations and outbox need it; raises UnansweredError and RefusedError."""

    async def authorise(self, record: bytes) -> bytes: ...
    async def reverse(self, approval_id: bytes, receiver_id: bytes) -> str: ...
    async def state(self, receiver_id: bytes, nonce: bytes) -> bytes: ...


class Surroundings(Protocol):
    """What all stations of a bridge share."""

    books: Books
    authority: Authority
    outbox: Outbox

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run beside; an error in it ends the bridge."""

    def fail(self, error: Exception) -> None:
        """End the bridge: what must be on disk is not."""

    def backoff(self) -> Backoff:
        """A policy for asking the authority again."""
