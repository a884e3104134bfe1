"""What the receiver tells the bridge, and what it counts (design §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import cbor, exchange, ports, reasons, wire
from . import sale as sales

if TYPE_CHECKING:
    from typing import Any

    from .links import Links
    from .sale import Candidate, Sale


class Report:
    """Messages on the wire and lines in the log. `out` takes outputs of `ports` in order."""

    def __init__(self, sale: Sale, links: Links, out: list[Any]) -> None:
        self.counters: dict[int, int] = {}
        self._sale = sale
        self._links = links
        self._out = out

    def send(self, channel: int, value: Any) -> None:
        self._out.append(ports.Send(channel, wire.encode(channel, value)))

    def count(self, reason: int, detail: str) -> None:
        """Something was refused: one more of that reason, and a line in the log."""
        self.counters[reason] = self.counters.get(reason, 0) + 1
        self._out.append(ports.Log(reasons.name(reason) + ": " + detail))

    def session(self) -> None:
        """To a bridge that knows nothing: the open session and what it must have to judge it."""
        sale = self._sale
        data = sale.offered.data if sale.offered else b""
        self.send(wire.SYNC, wire.Opened(sale.reference, data, reasons.OK))
        if sale.state == sales.CLAIMED and sale.candidate is not None:
            self.credential(sale.candidate.link, sale.candidate.credential_data)
            self.approval(sale.candidate)
            return
        for peer in self._links:
            if peer.has_key and peer.credential is not None:
                self.credential(peer.link, peer.credential_data)

    def credential(self, link: int, data: bytes) -> None:
        """A credential that holds, while the buyer still types."""
        offered = self._sale.offered
        if offered is not None:
            hashed = offered.certificate_hash
            record = wire.CredentialRecord(link, hashed, offered.data, exchange.ENC, data)
            self.send(wire.CREDENTIAL, record)

    def approval(self, candidate: Candidate) -> None:
        """The approval, and this receiver's word that it holds."""
        session, approval_id = self._sale.session, self._sale.approval_id
        record = wire.ApprovalRecord(session, candidate.link, candidate.approval_data)
        self.send(wire.APPROVAL, record)
        self.send(wire.VERDICT, wire.Verdict(session, approval_id, reasons.OK))

    def phone(self, link: int, event: int, reason: int) -> None:
        self.send(wire.PHONE, wire.Phone(self._sale.session, link, event, reason))

    def health(self, now: int, free: int) -> None:
        """`free` is the heap left in bytes."""
        counters = cbor.encode(self.counters)
        self.send(wire.HEALTH, wire.Health(now // 1000, free, len(self._links), counters))
