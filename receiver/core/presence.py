"""Tell the bridge which phones are near, seldom enough for the line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.link import wire
from receiver.protocol import gatt

from . import connection as peers

if TYPE_CHECKING:
    from .connection import Peer
    from .connections import Links
    from .uplink import Report

# As many phones as there are links are reported at once, further ones one at a time: phones that
# come and go without pause then cost two messages of 30 bytes a second, 0.5 % of the line.
NEAR_AGAIN_MS = 1_000
_BEFORE_KEY = (peers.READY, peers.OFFERED)
_AHEAD_MS = (gatt.LINKS_MOST - 1) * NEAR_AGAIN_MS


class Presence:
    """Which phones the bridge has been told of. Times in milliseconds."""

    def __init__(self, links: Links, report: Report) -> None:
        self._links = links
        self._report = report
        self._paid = 0  # the reports so far are a second apart if the last one is put here

    def tell(self, now: int) -> None:
        """Report each phone whose link is usable, as far as the rate allows."""
        for peer in self._links:
            if _is_due(peer):
                if now < self._paid - _AHEAD_MS:
                    return
                self._paid = max(now, self._paid) + NEAR_AGAIN_MS
                self._report.near(peer)

    def leave(self, peer: Peer) -> None:
        """Report the end of a phone that the bridge knows; count one that it never knew."""
        if peer.is_told:
            peer.is_told = False
            self._report.phone(peer.link, wire.PHONE_GONE, reasons.OK)
        elif _is_due(peer):
            self._report.count(reasons.CROWDED, "a phone was not reported")

    def deadline(self) -> int | None:
        """Return when to report a phone that has to wait (ms)."""
        for peer in self._links:
            if _is_due(peer):
                return self._paid - _AHEAD_MS
        return None


def _is_due(peer: Peer) -> bool:
    """Return whether a buyer may come of it: not of a phone that has its answer or is refused."""
    return not peer.is_told and (peer.state in _BEFORE_KEY or peer.has_key)
