"""Hold all phones' links, and choose which one to evict (design §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.protocol import gatt

from . import connection as peers
from .connection import Peer
from .time import earlier

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
        newest = self._newest()
        for peer in self._peers:
            if _is_evictable(peer, newest) and peer.place() <= now:
                return peer
        return None

    def overdue(self, now: int) -> list[Peer]:
        return [
            peer for peer in self._peers if peer.state != peers.CLOSED and peer.deadline() <= now
        ]

    def deadline(self) -> int | None:
        """Return when the next link is overdue or to be evicted (ms)."""
        due, newest = None, self._newest()
        for peer in self._peers:
            if peer.state != peers.CLOSED:
                due = earlier(due, peer.deadline())
            if _is_evictable(peer, newest):
                due = earlier(due, peer.place())
        return due

    def _newest(self) -> Peer | None:
        """Return the newest link if every link is in use and none is about to end."""
        count, newest = 0, None
        for peer in self._peers:
            if not peer.is_leaving:
                count += 1
                newest = peer
        return newest if count >= gatt.LINKS_MOST else None


def _is_evictable(peer: Peer, newest: Peer | None) -> bool:
    if newest is None or peer is newest:
        return False
    return not (peer.is_leaving or peer.has_key)
