"""A phone's way to the authority in virtual time (`phone.app.authority.PhonesAuthority`)."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self

from simulator.authority.api.client import AuthorityError
from simulator.phone.app.authority import TIMEOUT_S
from simulator.phone.conversation.events import NO_ANSWER, UNSEEN, Answered
from simulator.phone.wallet.wallet import BATCH, LOW, Wallet

if TYPE_CHECKING:
    from simulator.authority.accounts.people import Phone

    from .authority import VirtualAuthority


class PhoneClient:
    """One phone's; every question takes `trip_s` each way, and is lost while it is `away`."""

    def __init__(self, authority: VirtualAuthority, phone: Phone, trip_s: float) -> None:
        self.away = False
        self._authority = authority
        self._phone = phone
        self._trip_s = trip_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave nothing open."""

    async def refill(self, wallet: Wallet, recipient: int, now: int) -> None:
        """Fetch a batch of credentials when few are left; raises AuthorityError or Error."""
        if wallet.stock(recipient, now) < LOW:
            wallet.add_credentials(recipient, await self._batch(recipient), now)

    async def renew(self, wallet: Wallet, recipient: int, now: int) -> None:
        """Replace credentials that are not valid offline; raises as `refill`."""
        if not wallet.buys_offline(recipient, now):
            wallet.add_credentials(recipient, await self._batch(recipient), now, instead=True)

    async def ask(self, approval_id: bytes) -> Answered:
        """Return the state of an approval; a missing answer is no error."""
        try:
            await self._trip()
        except AuthorityError:
            return Answered(approval_id, NO_ANSWER)
        found = self._authority.approval(self._phone, approval_id)
        await asyncio.sleep(self._trip_s)
        return Answered(approval_id, UNSEEN) if found is None else Answered(approval_id, *found)

    async def _batch(self, recipient: int) -> list[bytes]:
        await self._trip()
        batch = self._authority.credentials(self._phone, recipient, BATCH)
        await asyncio.sleep(self._trip_s)
        return batch

    async def _trip(self) -> None:
        """Reach the authority; raises AuthorityError after the time that a person waits."""
        if self.away:
            await asyncio.sleep(TIMEOUT_S)
            raise AuthorityError("the authority does not answer: no network")
        await asyncio.sleep(self._trip_s)
