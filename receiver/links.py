"""All phones on the radio at once: who may stay, who is asked to go (design §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import gatt
from . import peer as peers
from .peer import Peer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Links:
    """The live peers, oldest first, each under its connection handle (0 is a valid one)."""

    def __init__(self) -> None:
        self._peers: list[Peer] = []

    def __len__(self) -> int:
        return len(self._peers)

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers)

    def get(self, link: int) -> Peer | None:
        for peer in self._peers:
            if peer.link == link:
                return peer
        return None

    def join(self, link: int, now: int) -> Peer:
        """A new link; a stale one under the same handle is replaced."""
        self.drop(link)
        peer = Peer(link, now)
        self._peers.append(peer)
        return peer

    def drop(self, link: int) -> None:
        """That link is gone, and what it held is erased."""
        stale = self.get(link)
        if stale is not None:
            stale.forget()
        self._peers = [peer for peer in self._peers if peer.link != link]

    def to_evict(self) -> Peer | None:
        """With every link in use and none about to go, the oldest that has sent no valid key.

        Never the newest: where all before it are paying, it may be the next.
        """
        live = [peer for peer in self if peer.state != peers.CLOSED]
        if len(live) < gatt.LINKS_MOST:
            return None
        for peer in live[:-1]:
            if not peer.has_key:
                return peer
        return None

    def overdue(self, now: int) -> list[Peer]:
        return [peer for peer in self if peer.state != peers.CLOSED and peer.deadline() <= now]

    def deadline(self) -> int | None:
        times = [p.deadline() for p in self._peers if p.state != peers.CLOSED]
        return min(times) if times else None
