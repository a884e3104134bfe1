"""What stands on the counter: a receiver on its line, and the buyers who hold phones to it.

The receiver speaks the real link and signs with real keys; its conversation is that of
`receiver.core.sale_session`, with one candidate at a time, and it survives whatever happens to
the bridge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from receiver import reasons
from receiver.link import wire
from receiver.protocol import identifiers, messages
from tests.crash.wired import Wired
from tests.support.values import evidence

if TYPE_CHECKING:
    from simulator.virtual.enrolled import Enrolled
    from tests.crash.buyer import Buyer
    from tests.crash.world import World

KEPT_S = 60.0  # a claimed session that hears nothing more
GRACE_S = 30.0
VERIFY_S = 0.1  # the chip's time for one signature

# What a phone was told of its approval.
APPROVED = "approved"
DECLINED = "declined"
REFUSED = "refused"
PROVISIONAL = "provisional"


class Candidate(NamedTuple):
    """One phone's approval of the offer at hand."""

    link: int
    buyer: Buyer
    approval: bytes
    id: bytes


class Counter(Wired):
    """One receiver, and the phones at it."""

    def __init__(self, world: World, till: int, enrolled: Enrolled) -> None:
        super().__init__(world, till, enrolled)
        self.certificate = enrolled.certificate
        self.offer = b""
        self.reference = b""
        self.settled = False
        self.provisional = b""
        self.candidate: Candidate | None = None
        self.verdict: int | None = None  # its own word on the candidate, once there is one
        self.fits: Callable[[Candidate], int] = lambda _: reasons.OK
        self.told: dict[bytes, str] = {}  # what phones were told, by approval id
        self.handed: list[wire.ApprovalRecord] = []
        self.shown = asyncio.Event()  # another offer, the end of one, or a word on an approval
        self._waiting: list[Candidate] = []
        self._presented: dict[int, Buyer] = {}
        self._seed = enrolled.seed
        self._sequence = 0

    # What happens to it.

    def reboot(self) -> None:
        """Power was cut: what it held in memory is gone."""
        self._clear()
        self._boot()
        self.pump()

    def replay(self, which: int) -> None:
        """An old approval once more, as if it had come just now."""
        if self.handed:
            self.send(wire.APPROVAL, self.handed[which % len(self.handed)])
            self.pump()

    # Phones.

    def present(self, link_: int, buyer: Buyer) -> None:
        """A credential, while the buyer types."""
        self._presented[link_] = buyer
        self._send_credential(link_, buyer)
        self.pump()

    def approve(self, link_: int, buyer: Buyer, approval: bytes, name: bytes) -> bool:
        """The last digit; False where the session takes no more."""
        if not self.offer or self.settled or self.verdict == reasons.OK:
            return False
        found = Candidate(link_, buyer, approval, name)
        if self.candidate is None:
            self._take(found)
        else:
            self._waiting.append(found)
        self.pump()
        return True

    def leave(self, link_: int) -> None:
        """The buyer says no."""
        self._presented.pop(link_, None)
        self._phone(link_, wire.PHONE_LEFT, reasons.BUYER_SAID_NO)
        self.pump()

    # The receiver.

    def _clear(self) -> None:
        self.offer = self.reference = self.provisional = b""
        self.settled = False
        self.candidate = self.verdict = None
        self._waiting = []
        self._presented = {}
        self._changed()

    def _changed(self) -> None:
        self.shown.set()
        self.shown = asyncio.Event()

    def react(self, channel: int, message: Any) -> None:
        if channel == wire.OPEN:
            self._open(message)
        elif channel == wire.CANCEL and message.reference == self.reference:
            self._clear()
        elif channel == wire.RESULT and self._is_ours(message.session):
            self._settle(message.receipt)
        elif channel == wire.VERDICT and self._is_ours(message.session):
            self._release()
        elif channel == wire.STAND_IN and self._is_ours(message.session):
            self._stand_in(message)

    def _is_ours(self, session_id: bytes) -> bool:
        return bool(self.offer) and identifiers.session_id(self.offer) == session_id

    def _open(self, order: wire.Open) -> None:
        self._clear()
        self._sequence += 1
        now = int(self._world.true_time())
        self.reference, self._order = order.reference, order
        self.offer = evidence.offer(
            self._seed,
            self.certificate,
            now,
            sequence=self._sequence,
            amount=order.amount,
            till=order.till,
            ttl=order.ttl,
            reference=order.reference,
            kind=order.kind,
            original=order.original,
            ephemeral=evidence.seed(f"{self.till} {self._sequence}"),
        )
        self.send(wire.OFFER, wire.Opened(order.reference, self.offer, reasons.OK))
        self._later(order.ttl + GRACE_S, self._end)
        self._changed()

    def _end(self) -> None:
        """Nobody may approve any more; who has approved waits a while."""
        if self.candidate is None:
            self._clear()
        else:
            self._later(KEPT_S, self._clear)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        """Unless another offer comes before."""
        offer = self.offer

        def due() -> None:
            if self.offer == offer:
                act()

        asyncio.get_running_loop().call_later(seconds, due)

    def _take(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self._send_approval(candidate)
        self._later(VERIFY_S, self._verified)

    def _verified(self) -> None:
        candidate = self.candidate
        if candidate is not None and self.verdict is None and not self.settled:
            self.verdict = self.fits(candidate)
            self._send_verdict(candidate)
            self.pump()

    def _release(self) -> None:
        """The bridge refuses the candidate: the slot is for whoever waits first."""
        if self.candidate is not None and not self.settled:
            self.told[self.candidate.id] = REFUSED
            self.candidate = self.verdict = None
            if self._waiting:
                self._take(self._waiting.pop(0))
            self._changed()

    def _settle(self, receipt: bytes) -> None:
        self.settled = True
        if self.candidate is not None:
            approved = evidence.receipt(receipt, self._world.pins).outcome == messages.APPROVED
            self.told[self.candidate.id] = APPROVED if approved else DECLINED
        self._changed()

    def _stand_in(self, message: wire.StandIn) -> None:
        candidate = self.candidate
        if candidate is None or candidate.id != message.approval_id:
            return
        if not self.provisional:
            self.provisional = evidence.provisional(
                self._seed,
                self.certificate,
                candidate.id,
                message.time,
                amount=self._order.amount,
                till=self.till,
            )
        self.told.setdefault(candidate.id, PROVISIONAL)
        own = identifiers.session_id(self.offer)
        self.send(wire.PROVISIONAL, wire.ProvisionalRecord(own, self.provisional))
        self._changed()

    # What the bridge is told.

    def tell_session(self) -> None:
        """To a bridge that may know nothing (`receiver.core.uplink.Report.session`)."""
        self.send(wire.SYNC, wire.Opened(self.reference, self.offer, reasons.OK))
        for link_, buyer in self._presented.items():
            self._send_credential(link_, buyer)
        if self.provisional:
            own = identifiers.session_id(self.offer)
            self.send(wire.PROVISIONAL, wire.ProvisionalRecord(own, self.provisional))
        elif self.candidate is not None and not self.settled:
            self._send_approval(self.candidate)
            if self.verdict is not None:
                self._send_verdict(self.candidate)

    def _send_credential(self, link_: int, buyer: Buyer) -> None:
        hashed = identifiers.certificate_hash(self.certificate)
        record = wire.CredentialRecord(link_, hashed, self.offer, evidence.ENC, buyer.credential)
        self.send(wire.CREDENTIAL, record)

    def _send_approval(self, candidate: Candidate) -> None:
        own = identifiers.session_id(self.offer)
        record = wire.ApprovalRecord(own, candidate.link, candidate.approval)
        self.handed.append(record)
        self.send(wire.APPROVAL, record)

    def _send_verdict(self, candidate: Candidate) -> None:
        own = identifiers.session_id(self.offer)
        self.send(wire.VERDICT, wire.Verdict(own, candidate.id, self.verdict or reasons.OK))

    def _phone(self, link_: int, event: int, reason: int) -> None:
        if self.offer:
            own = identifiers.session_id(self.offer)
            self.send(wire.PHONE, wire.Phone(own, link_, event, reason))
