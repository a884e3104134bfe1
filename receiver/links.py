"""All phones on the radio at once: who may stay, who is asked to go (design §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import gatt
from . import peer as peers
from .peer import Peer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Links:
    """The live peers by connection handle (0 is a valid one)."""

    def __init__(self) -> None:
        self._peers: dict[int, Peer] = {}

    def __len__(self) -> int:
        return len(self._peers)

    def __iter__(self) -> Iterator[Peer]:
        return iter(sorted(self._peers.values(), key=_age))

    def get(self, link: int) -> Peer | None:
        return self._peers.get(link)

    def join(self, link: int, now: int) -> Peer:
        """A new link; a stale one under the same handle is replaced."""
        peer = Peer(link, now)
        self._peers[link] = peer
        return peer

    def drop(self, link: int) -> None:
        self._peers.pop(link, None)

    def to_evict(self) -> Peer | None:
        """With every link in use, the oldest that has sent no valid key."""
        if len(self._peers) < gatt.LINKS_MOST:
            return None
        for peer in self:
            if not peer.has_key and peer.state != peers.CLOSED:
                return peer
        return None

    def overdue(self, now: int) -> list[Peer]:
        return [peer for peer in self if peer.state != peers.CLOSED and peer.deadline() <= now]

    def deadline(self) -> int | None:
        times = [p.deadline() for p in self._peers.values() if p.state != peers.CLOSED]
        return min(times) if times else None


def _age(peer: Peer) -> tuple[int, int]:
    return (peer.joined, peer.link)
