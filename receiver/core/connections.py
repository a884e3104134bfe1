"""Hold all phones' links, and choose which one to evict (design §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.protocol import gatt

from . import connection as peers
from .connection import Peer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Links:
    """The live peers, oldest first, by connection handle (0 is a valid handle)."""

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
        """Add a link; replace a stale one under the same handle."""
        self.drop(link)
        peer = Peer(link, now)
        self._peers.append(peer)
        return peer

    def drop(self, link: int) -> None:
        """Remove the link and erase its secrets."""
        stale = self.get(link)
        if stale is not None:
            stale.forget()
        self._peers = [peer for peer in self._peers if peer.link != link]

    def to_evict(self, now: int) -> Peer | None:
        """Choose the oldest link that has had time to send a valid key and has not.

        Only when every link is in use and none is about to end. Without that time, a few phones
        that send no key could evict all others for ever. Never the newest link: if all before it
        are paying, it may be next.
        """
        for peer in self._evictable():
            if peer.place() <= now:
                return peer
        return None

    def overdue(self, now: int) -> list[Peer]:
        return [peer for peer in self._live() if peer.deadline() <= now]

    def deadline(self) -> int | None:
        """Return when the next link is overdue or to be evicted (ms)."""
        times = [peer.deadline() for peer in self._live()]
        times += [peer.place() for peer in self._evictable()]
        return min(times) if times else None

    def _live(self) -> list[Peer]:
        return [peer for peer in self._peers if peer.state != peers.CLOSED]

    def _evictable(self) -> list[Peer]:
        live = [peer for peer in self._peers if not peer.is_leaving]
        if len(live) < gatt.LINKS_MOST:
            return []
        return [peer for peer in live[:-1] if not peer.has_key]
