"""Report to the bridge, and count refusals (design §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.encoding import cbor
from receiver.encoding.schema import UINT_MOST
from receiver.link import wire

from . import io
from . import sale_session as sales

if TYPE_CHECKING:
    from receiver.errors import Error

    from .connection import Peer
    from .connections import Links
    from .sale_session import Candidate, Sale


class Report:
    """Messages on the line and lines in the log. `out` takes outputs of `io` in order."""

    def __init__(self, sale: Sale, links: Links, out: list[io.Output]) -> None:
        self.counters: dict[int, int] = {}
        self._sale = sale
        self._links = links
        self._out = out
        self._told: dict[int, bytes] = {}  # link → key and credential that the bridge has of it

    def send(self, channel: int, value: tuple[object, ...]) -> None:
        self._out.append(io.Send(channel, wire.encode(channel, value)))

    def count(self, reason: int, detail: str) -> None:
        """Count one refusal and write a log line."""
        self.counters[reason] = min(self.counters.get(reason, 0) + 1, UINT_MOST)
        self._out.append(io.LogLine(reasons.name(reason) + ": " + detail))

    def offer(self) -> None:
        """Send the new offer, of which the bridge has heard nothing else yet."""
        self._told = {}
        self.send(wire.OFFER, self._opened())

    def no_offer(self, reference: bytes, error: Error) -> None:
        """Send why there is no offer."""
        self.count(error.code, error.detail)
        self.send(wire.OFFER, wire.Opened(reference, b"", error.code))

    def session(self) -> None:
        """Send the open session, and what judging it needs, to a bridge that has neither."""
        sale, candidate = self._sale, self._sale.candidate
        self._told = {}
        self.send(wire.SYNC, self._opened())
        for peer in self._links:
            peer.is_told = False  # it is reported anew after this
            held = peer.sealed
            if peer.has_key and held.credential is not None:
                self.credential(peer.link, held.enc, held.credential_data)
        if sale.state == sales.ACCEPTED:
            self.provisional()
        elif candidate is not None and sale.state != sales.SETTLED:
            self.approval(candidate)
            if sale.state != sales.CHECKING:
                self.verdict(candidate, sale.refusal)

    def credential(self, link: int, enc: bytes, data: bytes) -> None:
        """Send a verified credential while the buyer still types."""
        offered = self._sale.offered
        if offered is not None:
            self._told[link] = enc
            hashed = offered.certificate_hash
            record = wire.CredentialRecord(link, hashed, offered.data, enc, data)
            self.send(wire.CREDENTIAL, record)

    def approval(self, candidate: Candidate) -> None:
        """Send the candidate before its check; and its credential again if the bridge lacks it."""
        link, shown = candidate.link, candidate.submission
        if self._told.get(link) != shown.enc:
            self.credential(link, shown.enc, shown.credential_data)
        record = wire.ApprovalRecord(self._sale.session, link, shown.approval_data)
        self.send(wire.APPROVAL, record)

    def verdict(self, candidate: Candidate, reason: int) -> None:
        """Send the verdict on the candidate: valid, or why not.

        After a valid one: why there is no provisional receipt.
        """
        self.send(wire.VERDICT, wire.Verdict(self._sale.session, candidate.id, reason))

    def provisional(self) -> None:
        """Send the provisional receipt for the candidate."""
        receipt = wire.ProvisionalRecord(self._sale.session, self._sale.provisional)
        self.send(wire.PROVISIONAL, receipt)

    def near(self, peer: Peer) -> None:
        """Report a phone that the bridge does not know yet."""
        if peer.has_key:
            self.phone(peer.link, wire.PHONE_SHOWN, reasons.OK)
        else:
            peer.is_told = True
            self.send(wire.PHONE, wire.Phone(b"", peer.link, wire.PHONE_NEAR, reasons.OK))

    def phone(self, link: int, event: int, reason: int) -> None:
        """Report what a phone did; after anything but SHOWN the bridge knows it no more."""
        peer = self._links.get(link)
        if peer is not None:
            peer.is_told = event == wire.PHONE_SHOWN
        if event != wire.PHONE_SHOWN:
            self._told.pop(link, None)
        self.send(wire.PHONE, wire.Phone(self._sale.session, link, event, reason))

    def refused(self, link: int, reason: int, detail: str) -> None:
        """Count the refusal of a phone, and report it."""
        self.count(reason, detail)
        self.phone(link, wire.PHONE_REFUSED, reason)

    def health(self, now: int, free: int, fault: int, dropped: int) -> None:
        """Send a health message; `free` is the heap left in bytes."""
        counters, links = cbor.encode(self.counters), len(self._links)
        health = wire.Health(now // 1000, free, links, counters, fault, dropped)
        self.send(wire.HEALTH, health)

    def _opened(self) -> wire.Opened:
        offered = self._sale.offered
        if offered is None:
            return wire.Opened(b"", b"", reasons.OK)
        return wire.Opened(self._sale.reference, offered.data, reasons.OK)
