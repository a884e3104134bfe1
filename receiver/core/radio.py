"""The radio side of the receiver: phones come, write, are answered, and go (design §3.2, §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.errors import Error
from receiver.protocol import exchange, gatt, identifiers, messages

from . import connection as peers
from . import io
from . import sale_session as sales
from .connections import Links
from .sealed_exchange import Sealed

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .connection import Peer
    from .sale_session import Candidate, Sale

# What the radio side tells the rest of the receiver.
Shown = NamedTuple("Shown", [("link", int)])
Left = NamedTuple("Left", [("link", int), ("why", int)])
Refused = NamedTuple("Refused", [("link", int), ("reason", int), ("detail", str)])
Gone = NamedTuple("Gone", [("link", int)])

_UNKEYED = (peers.READY, peers.OFFERED)
_BUSY_STATES = (sales.CHECKING, sales.REFUSING, sales.CLAIMED, sales.STANDING_IN)


class Air:
    """Every link and the advertisement. `out` takes outputs of `ports` in order."""

    def __init__(self, sale: Sale, out: list[Any]) -> None:
        self.links = Links()
        self.till = 0
        self._sale = sale
        self._out = out
        self._news: list[Any] = []
        self._advert: tuple[int, int, int, bytes] | None = None

    def poll(self) -> Any:
        """What happened, oldest first, or None."""
        return self._news.pop(0) if self._news else None

    def handle(self, event: Any, now: int) -> None:
        """Take one event of `ports` from the radio; raises nothing."""
        kind = type(event)
        if kind is io.Connected:
            self._join(event.link, now)
            return
        if kind is io.RadioLost:
            self.lose()
            return
        peer = self.links.get(event.link)
        if peer is None:
            return
        if kind is io.Disconnected:
            self._gone(peer)
        elif peer.state != peers.CLOSED:
            try:
                self._take(kind, peer, event, now)
            except Error as error:
                self.refuse(peer.link, error.code, now, error.detail)

    def publish(self, now: int) -> None:
        """Put the sale's offer on the air and tell every phone that is already here."""
        offered = self._sale.offered
        if offered is None:
            raise ValueError("no offer")
        self._out.append(io.ShowOffer(offered.data))
        for peer in self.links:
            if peer.state != peers.JOINED and not peer.is_leaving:
                peer.handle(peers.OFFER, now)
                self._out.append(io.NotifyOffer(peer.link))

    def withdraw(self, reason: int, now: int, keep: tuple[int, ...] = ()) -> None:
        """Take the offer off the air and forget what was sent for it, but on the links `keep`.

        Who dealt with it learns why, unless the reason is OK: then another offer follows at once,
        and only who approved in vain must know.
        """
        self._out.append(io.ShowOffer(b""))
        for peer in self.links:
            if peer.link not in keep and not peer.is_leaving:
                self._turn_away(peer, self._why(peer) if reason == reasons.OK else reason, now)

    def accept(self, candidate: Candidate, now: int) -> None:
        """The candidate is the only one there is: everybody else has come too late."""
        peer = self.holder(candidate)
        self.withdraw(reasons.BUSY, now, (peer.link,) if peer else ())
        if peer is not None:
            peer.sealed.accept()

    def dismiss(self, reason: int, now: int) -> None:
        """Refuse everybody."""
        for peer in self.links:
            if not peer.is_leaving:
                self.refuse(peer.link, reason, now)

    def agreed(self, peer: Peer, now: int) -> None:
        """There is a key to seal with: a refusal that has waited for it goes out."""
        if peer.state == peers.PARTING:
            self._out.append(io.Notify(peer.link, peer.sealed.refusal(peer.refusal)))
            self._close(peer, now)

    def lose(self) -> None:
        """Every link is gone, with no word of any."""
        for peer in list(self.links):
            self._gone(peer)

    def keyed(self) -> tuple[int, ...]:
        """The links that have sent a key for the offer."""
        return tuple([peer.link for peer in self.links if peer.has_key])

    def answer(self, candidate: Candidate, receipt: bytes, now: int) -> None:
        """Give the candidate its receipt, if it is still there."""
        peer = self.holder(candidate)
        if peer is not None:
            peer.handle(peers.ANSWER, now)
            self._out.append(io.Notify(peer.link, peer.sealed.result(receipt)))

    def refuse_candidate(self, candidate: Candidate, reason: int, now: int, detail: str) -> None:
        """As `refuse`, but only its own phone is told: another may have the link by now."""
        if self.holder(candidate) is None:
            self._news.append(Refused(candidate.link, reason, detail))
        else:
            self.refuse(candidate.link, reason, now, detail)

    def refuse(self, link: int, reason: int, now: int, detail: str = "") -> None:
        """Tell a phone as little as it may know, and cut its link."""
        self._news.append(Refused(link, reason, detail))
        peer = self.links.get(link)
        if peer is None or peer.state == peers.CLOSED:
            return
        if peer.state != peers.JOINED:
            self._out.append(io.Notify(link, peer.sealed.refusal(reason)))
        self._close(peer, now)

    def holder(self, candidate: Candidate) -> Peer | None:
        """The phone that approved, if it is still on its link."""
        peer = self.links.get(candidate.link)
        return peer if peer and peer.sealed.enc == candidate.enc else None

    def deadline(self) -> int | None:
        return self.links.deadline()

    def expire(self, now: int) -> None:
        for peer in self.links.overdue(now):
            self.refuse(peer.link, reasons.LINK_TIMEOUT, now, peer.state)
        self._make_room(now)

    def advertise(self) -> None:
        """Bring the advertisement up to date; it stops by itself at every connection."""
        sale = self._sale
        open_ = sale.state == sales.OPEN
        flags = gatt.FLAG_OPEN if open_ else 0
        if sale.state in _BUSY_STATES:
            flags = gatt.FLAG_BUSY
        if flags and sale.offered and sale.offered.offer.kind == messages.REFUND:
            flags |= gatt.FLAG_REFUND
        offer = sale.offered.data if open_ and sale.offered else b""
        interval = gatt.ADVERTISE_OPEN_US if open_ else gatt.ADVERTISE_IDLE_US
        advert = (interval, flags, self.till, identifiers.tag(offer))
        if advert == self._advert or len(self.links) >= gatt.LINKS_MOST:
            return
        self._advert = advert
        response = gatt.scan_response(flags, self.till, advert[3])
        self._out.append(io.Advertise(interval, gatt.advertising_data(self.till), response))

    def _join(self, link: int, now: int) -> None:
        stale = self.links.get(link)
        if stale is not None:
            self._gone(stale)
        self._advert = None
        self.links.join(link, now)
        self._make_room(now)

    def _make_room(self, now: int) -> None:
        late = self.links.to_evict(now)
        if late is not None:
            self.refuse(late.link, reasons.EVICTED, now)

    def _gone(self, peer: Peer) -> None:
        self.links.drop(peer.link)
        if peer.has_key:
            self._news.append(Gone(peer.link))
        # The next phone may come under the same handle: nothing old must reach it.
        self._out[:] = [item for item in self._out if getattr(item, "link", None) != peer.link]
        self._advert = None

    def _why(self, peer: Peer) -> int:
        """What a phone must know of an offer that another follows: OK for nothing.

        The candidate's approval is with the bridge, which has not said how it ends.
        """
        candidate = self._sale.candidate
        ours = candidate is not None and self.holder(candidate) is peer
        return reasons.BUSY if peer.state == peers.APPROVED and not ours else reasons.OK

    def _turn_away(self, peer: Peer, reason: int, now: int) -> None:
        """The offer is gone. Who has sent a key believes sealed words only, as soon as it has used
        it: such a refusal waits for its own key."""
        if reason != reasons.OK and peer.has_key and peer.sealed.is_agreeing():
            peer.part(reason, now)
            return
        if reason != reasons.OK and (peer.state == peers.OFFERED or peer.has_key):
            self._out.append(io.Notify(peer.link, peer.sealed.refusal(reason)))
        peer.handle(peers.WITHDRAWN, now)

    def _close(self, peer: Peer, now: int) -> None:
        peer.handle(peers.END, now)
        self._out.append(io.Disconnect(peer.link))

    def _take(self, kind: Any, peer: Peer, event: Any, now: int) -> None:
        if kind is io.MtuAgreed:
            self._agree(peer, event.mtu, now)
        else:
            write = exchange.parse(event.data)
            _WRITES[write.type](self, peer, write.body, now)

    def _agree(self, peer: Peer, mtu: int, now: int) -> None:
        if mtu < gatt.MTU_LEAST:
            raise Error(reasons.SMALL_MTU, "MTU %d" % mtu)
        if peer.state != peers.JOINED:
            return
        peer.handle(peers.MTU, now)
        if self._sale.shown(now):
            peer.handle(peers.OFFER, now)

    def _key(self, peer: Peer, body: bytes, now: int) -> None:
        if peer.state in _UNKEYED and not self._sale.shown(now):
            self._crossed(peer, body, now)
            return
        peer.handle(peers.KEY, now)
        self._meet(peer, body)
        self._news.append(Shown(peer.link))

    def _crossed(self, peer: Peer, body: bytes, now: int) -> None:
        """A key that comes when its offer is gone; what its phone has sealed may follow."""
        if self._sale.pair is None or self._sale.offered is None:
            raise Error(reasons.WITHDRAWN, "key without an offer")
        reason = reasons.BUSY if now < self._sale.end else reasons.OFFER_EXPIRED
        self._meet(peer, body)
        self._news.append(Refused(peer.link, reason, "key after its time"))
        peer.part(reason, now)

    def _meet(self, peer: Peer, enc: bytes) -> None:
        self._sale.meet(enc)
        peer.end = self._sale.end
        peer.sealed = Sealed(enc)

    def _credential(self, peer: Peer, body: bytes, now: int) -> None:
        peer.handle(peers.CREDENTIAL, now)
        peer.sealed.credential_sealed = body

    def _approval(self, peer: Peer, body: bytes, now: int) -> None:
        if peer.sealed.approval_sealed:
            self._repeated(peer, body)
            return
        peer.handle(peers.APPROVAL, now)
        peer.sealed.approval_sealed = body

    def _repeated(self, peer: Peer, body: bytes) -> None:
        """A phone that saw no answer sends identical bytes again; anything else is a second one."""
        if body != peer.sealed.approval_sealed:
            raise Error(reasons.SECOND_APPROVAL, "in " + peer.state)
        if peer.sealed.answer:
            self._out.append(io.Notify(peer.link, peer.sealed.answer))

    def _leave(self, peer: Peer, body: bytes, now: int) -> None:
        why = exchange.LEAVES.get(body[0])
        if why is None:
            raise Error(reasons.MALFORMED, "leaves for %d" % body[0])
        self._news.append(Left(peer.link, why))
        self._close(peer, now)


_WRITES: dict[int, Callable[[Air, Peer, bytes, int], None]] = {
    exchange.KEY: Air._key,
    exchange.CREDENTIAL: Air._credential,
    exchange.APPROVAL: Air._approval,
    exchange.LEAVE: Air._leave,
}
