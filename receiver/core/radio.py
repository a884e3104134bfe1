"""Serve the radio: phones connect, write, get answers, and leave (design §3.2, §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import exchange, gatt, identifiers, messages, padding

from . import connection as peers
from . import io
from . import sale_session as sales
from .presence import Presence
from .sealed_exchange import Sealed
from .starvation import Starvation
from .time import earlier

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.protocol.validation import Offered

    from .connection import Peer
    from .connections import Links
    from .sale_session import Candidate, Sale
    from .uplink import Report

# Advertising ends at each connection, and a connection may fail without an event that names it.
RENEW_MS = 3_000

_ASK = io.AskBuffers()
_SILENCE = io.Advertise(0, b"", b"")
_UNKEYED = (peers.READY, peers.OFFERED)
_UNSURE = (peers.KEYED, peers.PRESENTED)  # the bridge may lack the credential
_BUSY_STATES = (sales.CHECKING, sales.REFUSING, sales.CLAIMED, sales.STANDING_IN)


class Air:
    """Every link and the advertisement. `out` takes outputs of `io` in order."""

    def __init__(self, sale: Sale, links: Links, report: Report, out: list[io.Output]) -> None:
        self.links = links
        self.starvation = Starvation(links)
        self._presence = Presence(links, report)
        self.till = 0
        self._sale = sale
        self._report = report
        self._out = out
        self._advert: tuple[int, int, int, bytes] | None = None
        # What it was made of; None once the radio no longer shows it.
        self._advert_of: tuple[str, Offered | None, int, bool] | None = None
        self._silent = False
        self._renewal = 0  # when to advertise an open offer anew

    def handle(self, event: io.RadioEvent, now: int) -> None:
        """Handle one event from the radio; raise nothing."""
        if isinstance(event, io.Connected):
            self._join(event.link, now)
        elif isinstance(event, io.RadioLost):
            self.lose(now)
        elif isinstance(event, io.Buffers):
            self.starvation.hear(event.left, now)
        else:
            peer = self.links.get(event.link)
            if peer is not None:
                self._hear(peer, event, now)
            elif isinstance(event, io.Disconnected):
                self._advert_of = None  # a connection that failed has ended the advertising, too
        self._relieve(now)

    def publish(self, now: int) -> None:
        """Put the sale's offer on the air and notify every connected phone."""
        offered = self._sale.offered
        if offered is None:
            raise ValueError("no offer")
        self._out.append(io.ShowOffer(offered.data))
        for peer in list(self.links.left):
            if peer.has_key:
                self.links.forget(peer)
        for peer in self.links:
            if peer.state != peers.JOINED and not peer.is_leaving:
                self._offer(peer, now)

    def withdraw(self, reason: int, now: int, keep: tuple[Peer, ...] = ()) -> None:
        """Take the offer off the air and forget what was sent for it, except by the phones `keep`.

        Phones that took part get the reason, unless it is OK: then another offer follows at once,
        and only a phone that approved in vain needs an answer.
        """
        self._out.append(io.ShowOffer(b""))
        for peer in self.links:
            if peer not in keep and not peer.is_leaving:
                self._turn_away(peer, self._why(peer) if reason == reasons.OK else reason, now)
        for peer in list(self.links.left):
            if peer not in keep and peer.has_key:
                self._part(peer, self._why(peer) if reason == reasons.OK else reason, now)

    def accept(self, candidate: Candidate, now: int) -> None:
        """Turn away every phone but the accepted candidate."""
        peer = self.holder(candidate)
        self.withdraw(reasons.BUSY, now, (peer,) if peer else ())
        if peer is not None:
            peer.sealed.accept()

    def dismiss(self, reason: int, now: int) -> None:
        """Refuse every phone, and wait for none."""
        self.links.forget_left()
        for peer in self.links:
            if not peer.is_leaving:
                self.refuse(peer, reason, now)

    def agreed(self, peer: Peer, now: int) -> None:
        """Judge the claims that waited for this, and send the refusal that waited to be sealed."""
        for comer in list(self.links):
            if comer.claim[: padding.ENC_SIZE] == peer.sealed.enc and comer.state in _UNKEYED:
                self._judge(comer, now)
        if peer.state == peers.PARTING:
            self._out.append(io.Notify(peer.link, peer.sealed.refusal(peer.refusal)))
            self._close(peer, now)

    def lose(self, now: int) -> None:
        """Drop every link without an event for each, and every exchange with them."""
        for peer in list(self.links):
            self._gone(peer, now)
        self.links.forget_left()

    def keyed(self) -> tuple[Peer, ...]:
        """Return the phones that have sent a key for the offer."""
        phones = [peer for peer in self.links if peer.has_key]
        return tuple(phones + [peer for peer in self.links.left if peer.has_key])

    def answer(self, candidate: Candidate, receipt: bytes, now: int) -> None:
        """Give the candidate its receipt: now, or when it comes back from a lost link."""
        peer = self.holder(candidate)
        if peer is not None:
            peer.handle(peers.ANSWER, now)
            data = peer.sealed.result(receipt)
            if peer not in self.links.left:
                self._out.append(io.Notify(peer.link, data))

    def refuse_candidate(self, candidate: Candidate, reason: int, now: int, detail: str) -> None:
        """Refuse the candidate's own phone only: another phone may have its handle by now."""
        peer = self.holder(candidate)
        if peer is None:
            self._report.refused(candidate.link, reason, detail)
        else:
            self.refuse(peer, reason, now, detail)

    def refuse(self, peer: Peer, reason: int, now: int, detail: str = "") -> None:
        """Send a phone a refusal that says as little as possible, and close its link."""
        self._report.refused(peer.link, reason, detail)
        if peer in self.links.left:
            self._part(peer, reason, now)
        elif peer.state != peers.CLOSED:
            if peer.state != peers.JOINED and peer.refusal != reasons.SMALL_MTU:
                self._out.append(io.Notify(peer.link, peer.sealed.refusal(reason)))
            self._close(peer, now)

    def holder(self, candidate: Candidate) -> Peer | None:
        """Return the phone that approved, if its link is up or waited for."""
        return self.links.exchange(candidate.submission.enc)

    def expire(self, now: int) -> None:
        self.links.expire(now)
        for peer in self.links.overdue(now):
            self.refuse(peer, reasons.LINK_TIMEOUT, now, peer.state)
        self._make_room(now)
        self.starvation.expire(now)
        self._relieve(now)

    def deadline(self) -> int | None:
        """Return when a link is overdue, or the radio has to be asked or told something (ms)."""
        due = earlier(self.links.deadline(), self.starvation.deadline())
        due = earlier(due, self._presence.deadline())
        return earlier(due, self._renewal) if self._hurries() else due

    def settle(self, now: int) -> None:
        """After every event: report new phones, and update the advertisement.

        Advertising stops by itself at every connection.
        """
        self._presence.tell(now)
        self.starvation.watch(now)
        if self.starvation.is_shut(now):
            self._renewal = now + RENEW_MS
            self._fall_silent()
        elif len(self.links) >= gatt.LINKS_MOST:
            self._renewal = now + RENEW_MS
        elif not self._is_advertised(now):
            self._advertise(now)

    def _is_advertised(self, now: int) -> bool:
        """Return whether the radio shows what the sale is now: asked after every event."""
        sale, of = self._sale, self._advert_of
        if of is None or of[0] != sale.state or of[1] is not sale.offered or of[2] != self.till:
            return False
        hurries = self._hurries()
        return of[3] == hurries and (not hurries or now < self._renewal)

    def _hurries(self) -> bool:
        """Return whether a phone looks for the till: a new one, or one whose link was lost."""
        return self._sale.state == sales.OPEN or self.links.miss()

    def _advertise(self, now: int) -> None:
        sale = self._sale
        open_ = sale.state == sales.OPEN
        flags = gatt.FLAG_OPEN if open_ else 0
        if sale.state in _BUSY_STATES:
            flags = gatt.FLAG_BUSY
        if flags and sale.offered and sale.offered.offer.kind == messages.REFUND:
            flags |= gatt.FLAG_REFUND
        offer = sale.offered.data if open_ and sale.offered else b""
        hurries = self._hurries()
        interval = gatt.ADVERTISE_OPEN_US if hurries else gatt.ADVERTISE_IDLE_US
        advert = (interval, flags, self.till, identifiers.tag(offer))
        is_known = self._advert_of is not None and advert == self._advert
        self._advert_of = (sale.state, sale.offered, self.till, hurries)
        if is_known and not (hurries and now >= self._renewal):
            return
        self._advert, self._silent = advert, False
        self._renewal = now + RENEW_MS
        response = gatt.scan_response(flags, self.till, advert[3])
        self._out.append(io.Advertise(interval, gatt.advertising_data(self.till), response))

    def _fall_silent(self) -> None:
        """Let no phone come, for the sake of one that waits."""
        if not self._silent:
            self._silent = True
            self._advert_of = None
            self._out.append(_SILENCE)

    def _relieve(self, now: int) -> None:
        """Ask for buffers, and cut a link that seems to hold them: no refusal would leave."""
        if self.starvation.asks(now):
            self._out.append(_ASK)
        peer = self.starvation.to_cut(now)
        if peer is not None:
            self.starvation.cut(now)
            self._report.refused(peer.link, reasons.STARVED, peer.state)
            self._close(peer, now)

    def _join(self, link: int, now: int) -> None:
        stale = self.links.get(link)
        if stale is not None:
            self._gone(stale, now)
        self._advert_of = None
        self.links.join(link, now)
        self.starvation.wake(now)
        self._make_room(now)

    def _offer(self, peer: Peer, now: int) -> None:
        peer.handle(peers.OFFER, now)
        self._out.append(io.NotifyOffer(peer.link))

    def _make_room(self, now: int) -> None:
        late = self.links.to_evict(now)
        if late is not None:
            self.refuse(late, reasons.EVICTED, now)

    def _gone(self, peer: Peer, now: int) -> None:
        """Handle the end of a link. What its phone has sent waits for it, if it was not refused."""
        self.links.lose(peer, now)
        self._presence.leave(peer)
        # The next phone may get the same handle: send it nothing old.
        self._out[:] = [item for item in self._out if getattr(item, "link", None) != peer.link]
        self._advert_of = None

    def _why(self, peer: Peer) -> int:
        """Return what a phone must hear when another offer replaces this one: OK for nothing.

        The candidate's approval is with the bridge, which has not told its outcome.
        """
        candidate = self._sale.candidate
        ours = candidate is not None and self.holder(candidate) is peer
        return reasons.BUSY if peer.state == peers.APPROVED and not ours else reasons.OK

    def _turn_away(self, peer: Peer, reason: int, now: int) -> None:
        """Refuse a phone whose offer has ended. After its key it believes sealed answers only, so
        such a refusal waits until its own key is agreed."""
        if reason != reasons.OK and peer.has_key and peer.sealed.is_agreeing():
            peer.part(reason, now)
            return
        if reason != reasons.OK and (peer.state == peers.OFFERED or peer.has_key):
            self._out.append(io.Notify(peer.link, peer.sealed.refusal(reason)))
        peer.handle(peers.WITHDRAWN, now)

    def _part(self, peer: Peer, reason: int, now: int) -> None:
        """Keep a lost phone's refusal for its return, where there is a key to seal it with."""
        if reason == reasons.OK or not peer.has_key or peer.sealed.results is None:
            self.links.forget(peer)
        else:
            peer.part(reason, now)
            peer.sealed.close()

    def _close(self, peer: Peer, now: int) -> None:
        peer.handle(peers.END, now)
        self._out.append(io.Disconnect(peer.link))

    def _hear(
        self, peer: Peer, event: io.Disconnected | io.MtuAgreed | io.Written, now: int
    ) -> None:
        if isinstance(event, io.Disconnected):
            self._gone(peer, now)
            self.starvation.wake(now)
        elif peer.state != peers.CLOSED:
            try:
                self._take(peer, event, now)
            except Error as error:
                self.refuse(peer, error.code, now, error.detail)

    def _take(self, peer: Peer, event: io.MtuAgreed | io.Written, now: int) -> None:
        if isinstance(event, io.MtuAgreed):
            self._agree(peer, event.mtu, now)
        else:
            write = exchange.parse(event.data)
            _WRITES[write.type](self, peer, write.body, now)

    def _agree(self, peer: Peer, mtu: int, now: int) -> None:
        if peer.state != peers.JOINED:
            return
        if mtu < gatt.MTU_LEAST:
            # Nothing can be notified. The phone knows its MTU, too: it has time to say why.
            self._report.refused(peer.link, reasons.SMALL_MTU, "MTU %d" % mtu)
            peer.end = now
            peer.part(reasons.SMALL_MTU, now)
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
        self._report.phone(peer.link, wire.PHONE_SHOWN, reasons.OK)

    def _crossed(self, peer: Peer, body: bytes, now: int) -> None:
        """Handle a key for an offer that has ended; sealed messages of the phone may follow."""
        if self._sale.pair is None or self._sale.offered is None:
            raise Error(reasons.WITHDRAWN, "key without an offer")
        reason = reasons.BUSY if now < self._sale.end else reasons.OFFER_EXPIRED
        self._meet(peer, body)
        self._report.refused(peer.link, reason, "key after its time")
        peer.part(reason, now)

    def _meet(self, peer: Peer, enc: bytes) -> None:
        self._sale.meet(enc)
        peer.end = self._sale.end
        peer.sealed = Sealed(enc)
        self.links.make_room()

    def _resume(self, comer: Peer, body: bytes, now: int) -> None:
        """Go on with the exchange of a lost link; a link may ask once."""
        if comer.claim or comer.state not in _UNKEYED:
            raise Error(reasons.WRONG_ORDER, "resume in " + comer.state)
        comer.claim = body
        self._judge(comer, now)

    def _judge(self, comer: Peer, now: int) -> None:
        """Grant a claim, or say that there is nothing; the proof waits for the key agreement."""
        peer = self.links.exchange(comer.claim[: padding.ENC_SIZE])
        if peer is not None and peer.sealed.is_agreeing():
            return
        if peer is None or not peer.sealed.goes_on(comer.claim):
            self._report.count(reasons.WRONG_SESSION, "nothing to resume")
            self._out.append(io.Notify(comer.link, exchange.resumed(exchange.NOTHING)))
            return
        comer.handle(peers.RESUMED, now)
        if peer in self.links.left:
            self.links.resume(peer, comer)
        else:  # the loss is not noticed here yet
            if peer.has_key:
                self._report.phone(peer.link, wire.PHONE_GONE, reasons.OK)
            self.links.resume(peer, comer)
            self._out.append(io.Disconnect(comer.link))
        self._welcome(peer, now)

    def _welcome(self, peer: Peer, now: int) -> None:
        """Tell a phone that has come back what is here of it, and what it has missed."""
        held = peer.sealed
        if peer.state == peers.PARTING:
            self._out.append(io.Notify(peer.link, held.refusal(peer.refusal)))
            self._close(peer, now)
            return
        self._out.append(io.Notify(peer.link, exchange.resumed(peer.held())))
        if held.answer:
            self._out.append(io.Notify(peer.link, held.answer))
        if peer.has_key:
            self._report.phone(peer.link, wire.PHONE_SHOWN, reasons.OK)
        if peer.state in _UNSURE and held.credential is not None:
            self._report.credential(peer.link, held.enc, held.credential_data)
        if peer.state == peers.ANSWERED and self._sale.shown(now):  # an offer after its own
            self._offer(peer, now)

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
        """Resend the answer to identical bytes; refuse anything else as a second approval."""
        if body != peer.sealed.approval_sealed:
            raise Error(reasons.SECOND_APPROVAL, "in " + peer.state)
        if peer.sealed.answer:
            self._out.append(io.Notify(peer.link, peer.sealed.answer))

    def _leave(self, peer: Peer, body: bytes, now: int) -> None:
        why = exchange.LEAVES.get(body[0])
        if why is None:
            raise Error(reasons.MALFORMED, "leave with %d" % body[0])
        self._report.phone(peer.link, wire.PHONE_LEFT, why)
        self._close(peer, now)


_WRITES: dict[int, Callable[[Air, Peer, bytes, int], None]] = {
    exchange.KEY: Air._key,
    exchange.CREDENTIAL: Air._credential,
    exchange.APPROVAL: Air._approval,
    exchange.LEAVE: Air._leave,
    exchange.RESUME: Air._resume,
}
