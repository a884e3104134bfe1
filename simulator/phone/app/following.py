"""Follow the buyer: a phone that is checked in, and then held to another till, goes there.

A phone that was opened in the queue has checked in where it was; when its buyer's turn comes, the
signals say which till that is.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from simulator.phone.conversation.states import ASKING, WAITING
from simulator.phone.transport import scan

if TYPE_CHECKING:
    from bleak.backends.scanner import BaseBleakScanner

    from simulator.phone.conversation.conversation import Conversation
    from simulator.phone.transport.scan import Found

_MAY_GO = (WAITING, ASKING)  # no purchase is on the screen


class Following:
    """Looks for a nearer till during one visit; `look` after each step of it."""

    def __init__(
        self, conversation: Conversation, scanner: type[BaseBleakScanner] | None, found: Found
    ) -> None:
        self._conversation = conversation
        self._scanner = scanner
        self._found = found
        self._free = asyncio.Event()
        self._bound = asyncio.Event()

    @property
    def may_go(self) -> bool:
        """Return whether the visit may be left for another till."""
        return self._conversation.state in _MAY_GO

    def look(self) -> None:
        """Begin or end to listen, by what the conversation has come to."""
        begins, ends = (self._free, self._bound) if self.may_go else (self._bound, self._free)
        begins.set()
        ends.clear()

    async def moved(self) -> Found:
        """Wait until the phone is held to another till; return that one."""
        while True:
            await self._free.wait()
            listening = asyncio.ensure_future(scan.nearer(self._scanner, self._found))
            bound = asyncio.ensure_future(self._bound.wait())
            try:
                await asyncio.wait({listening, bound}, return_when=asyncio.FIRST_COMPLETED)
                if listening.done():
                    return listening.result()
            finally:
                for task in (listening, bound):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
