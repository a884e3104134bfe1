"""Hold all phones' links and the exchanges that lost ones left; choose the link to evict.

See design §3.4 and docs/protocol.md, "A lost link".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.protocol import gatt

from . import connection as peers
from .connection import Peer
from .time import earlier

if TYPE_CHECKING:
    from collections.abc import Iterator


class Links:
    """The live peers, oldest first, by connection handle (0 is a valid handle).

    `left` are the phones whose links were lost, the oldest loss first: their handles are others'
    by now. Exchanges are never more than links, live and left together.
    """

    def __init__(self) -> None:
        self._peers: list[Peer] = []
        self.left: list[Peer] = []

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

    def lose(self, peer: Peer, now: int) -> None:
        """Remove a link; keep its exchange for a while.

        A phone with an answer has most likely hung up: it is kept small, and no hurry is made.
        """
        if not peer.may_return:
            self.drop(peer.link)
            return
        self._peers.remove(peer)
        self.left.append(peer)
        peer.kept = now + gatt.RESUME_MS
        peer.is_missed = peer.has_key
        if not peer.has_key:
            peer.sealed.close()

    def miss(self) -> bool:
        """Return whether a phone without an answer may look for its till."""
        return bool(self.left) and any(peer.is_missed for peer in self.left)

    def exchange(self, enc: bytes) -> Peer | None:
        """Return the phone that has sent this key, with or without a link."""
        for peers_ in (self._peers, self.left):
            for peer in peers_:
                if peer.sealed.enc == enc:
                    return peer
        return None

    def resume(self, peer: Peer, comer: Peer) -> None:
        """Give the exchange of `peer` the link of `comer`, which gets the old one if it is up."""
        if peer in self.left:
            self.left.remove(peer)
            self._peers[self._peers.index(comer)] = peer
        peer.link, comer.link = comer.link, peer.link
        peer.is_told, comer.is_told = comer.is_told, peer.is_told  # the bridge knows links
        peer.joined = comer.joined

    def make_room(self) -> None:
        """Forget the oldest exchange without a link if there are too many."""
        count = len(self.left)
        for peer in self._peers:
            if peer.sealed.enc:
                count += 1
        if count > gatt.LINKS_MOST and self.left:
            self.forget(self.left[0])

    def forget(self, peer: Peer) -> None:
        """Wait no longer for a lost phone, and erase its secrets."""
        self.left.remove(peer)
        peer.forget()

    def forget_left(self) -> None:
        """Wait for no lost phone."""
        while self.left:
            self.forget(self.left[0])

    def expire(self, now: int) -> None:
        """Wait no longer for those whose time is over: the first ones, as all wait equally long."""
        while self.left and self.left[0].kept <= now:
            self.forget(self.left[0])

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
        due = self.left[0].kept if self.left else None
        newest = self._newest()
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
