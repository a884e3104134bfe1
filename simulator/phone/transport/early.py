"""Connect to the till that stands out while the search still compares: it is the one, mostly.

A search listens for a fifth of a second and more, in which a till that is closer may be heard, and
connecting takes as long again: the two go on at once. Nothing is read before the till is chosen.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .link import CONNECT_S, Link

if TYPE_CHECKING:
    from bleak.backends.client import BaseBleakClient

    from simulator.phone.conversation.events import Input

    from .scan import Found


class EarlyLink:
    """The link to the till that a search leans to: one at a time."""

    def __init__(self, backend: type[BaseBleakClient] | None) -> None:
        self._backend = backend
        self._link: Link | None = None
        self._address = ""
        self._closing: set[asyncio.Task[None]] = set()

    def lean(self, found: Found) -> None:
        """Connect to this till, instead of another."""
        if self._address == found.device.address:
            return
        self.drop()
        self._address = found.device.address
        self._link = self._new(found, CONNECT_S[0])
        self._link.begin()

    def take(self, found: Found, connect_s: float) -> Link:
        """Return a link to the chosen till: the early one, up or opening, or one not begun yet."""
        link, address = self._link, self._address
        if link is None or address != found.device.address or link.is_gone:
            self.drop()
            return self._new(found, connect_s)
        self._link, self._address = None, ""
        return link

    def drop(self) -> None:
        """Close the link, in the background: the search was wrong, or is over."""
        if self._link is not None:
            task = asyncio.create_task(self._link.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._link, self._address = None, ""

    def _new(self, found: Found, connect_s: float) -> Link:
        return Link(found.device, _ignore, self._backend, connect_s)


def _ignore(_event: Input) -> None:
    """Ignore the end of a link that is not taken yet: `take` sees it."""
