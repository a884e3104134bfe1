"""The authority's operations about firmware releases, as a bridge uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import messages, update_messages
from .messages import COSE, ReceiverId
from .update_messages import OCTETS, Noted, OutcomeReport, Wanted, WantedRequest

if TYPE_CHECKING:
    from .client import AuthorityClient
    from .update_messages import Offered, UpdateOutcome


class UpdateClient:
    """Each call raises UnansweredError or RefusedError."""

    def __init__(self, client: AuthorityClient) -> None:
        self._client = client

    async def wanted(
        self, receiver_id: bytes, version: str, board_class: str | None, release: int | None
    ) -> list[Offered]:
        """Say what a receiver runs; return the releases that it should have."""
        asked = WantedRequest(ReceiverId(receiver_id), version, board_class, release)
        return (await self._client.post(update_messages.WANTED, asked, Wanted)).releases

    async def manifest(self, release_id: bytes, receiver_id: bytes) -> bytes:
        """Return a signed manifest, not verified yet."""
        path = messages.path(update_messages.MANIFEST, release_id=release_id)
        return await self._client.get(path, {"receiver_id": receiver_id.hex()}, COSE)

    async def piece(self, release_id: bytes, receiver_id: bytes, start: int) -> bytes:
        """Return the files' bytes from `start` on, as many as fit an answer."""
        path = messages.path(update_messages.PAYLOAD, release_id=release_id)
        query = {"receiver_id": receiver_id.hex(), "start": str(start)}
        return await self._client.get(path, query, OCTETS)

    async def report(
        self, release_id: bytes, receiver_id: bytes, outcome: UpdateOutcome, reason: int
    ) -> None:
        """Report how an update ended; again changes nothing."""
        name = update_messages.reason_name(reason)
        asked = OutcomeReport(ReceiverId(receiver_id), outcome, name)
        path = messages.path(update_messages.OUTCOME, release_id=release_id)
        await self._client.post(path, asked, Noted)
