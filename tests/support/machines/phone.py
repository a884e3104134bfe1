"""A shop in memory: the phone's conversation and the receiver's core, wired without a radio.

Time moves only by `wait`. The bridge is this test: `ring_up` opens a sale, `decide` answers the
approval that the receiver handed over.
"""

from __future__ import annotations

import os
from typing import Any

from receiver import reasons
from receiver.core import io
from receiver.core.identity import Enrolment, Identity
from receiver.core.receiver import Receiver
from receiver.crypto import host
from receiver.link import wire
from receiver.protocol import gatt, messages
from simulator.authority.keys import Keys
from simulator.crypto.p256 import p256_public
from simulator.phone.conversation import events, states
from simulator.phone.conversation.conversation import Conversation
from simulator.phone.conversation.messages import Maker
from simulator.phone.wallet.keys import P256, PhoneKey
from simulator.phone.wallet.wallet import InvoiceRecipient, Wallet
from tests.support.values import evidence
from tests.support.values.steps import Steps

LINK = 0
MTU = 247
EPOCH = 1_800_000_000
TTL_S = 60
RECIPIENT = 7
CODE = "246810"
RECEIVER = evidence.seed("receiver")
PHONE = evidence.seed("phone")
TRANSACTION = b"transaction id !"


def batch(keys: Keys, count: int = 4, **claims: Any) -> list[bytes]:
    """Credentials for RECIPIENT, or as `claims` say."""
    claims = {"recipient": RECIPIENT, **claims}
    return [
        evidence.credential(keys, PHONE, EPOCH, id=bytes([n]) * 8, **claims) for n in range(count)
    ]


def wallet(keys: Keys, credentials: int = 4, kind: str = P256, floor: int = 0) -> Wallet:
    """A phone that the authority knows; `floor` is for what it may buy offline."""
    return Wallet(
        key=PhoneKey(kind, PHONE),
        code_private=evidence.seed("code"),
        authority="https://localhost:1",
        ca="",
        phone_id=1,
        token="token",
        buyer="Anna Andersson",
        authority_code_key=p256_public(evidence.seed("authority code")),
        pins=keys.pins(),
        recipients=[InvoiceRecipient(RECIPIENT, "Skolköket")],
        credentials={RECIPIENT: batch(keys, credentials, kind=kind, offline_floor=floor)},
    )


class Shop:
    """One receiver, one phone. `views`, `told`, `asked` and `wire` collect what came out."""

    def __init__(self, keys: Keys, held: Wallet, *, certified: bytes | None = None) -> None:
        self.keys = keys
        self.wallet = held
        self.now = 0
        certificate = certified or evidence.certificate(keys, RECEIVER, EPOCH)
        identity = Identity(
            Enrolment(RECEIVER, certificate, keys.pins(), 0, 0), host, os.urandom, 1
        )
        self.receiver = Receiver(identity)
        self.certificate = certificate
        self.offer = b""
        self.wire: list[tuple[int, Any]] = []
        self.deaf = False  # nothing that the receiver notifies arrives
        self.dead = False  # nothing that the phone writes arrives
        self.lost: set[int] = set()  # messages with whose next write the link is lost
        self.in_reach = True  # else a phone that lost its link does not find the till
        self.link = LINK
        self._steps = Steps(lambda: (self.now, self.receiver.sale.state, self.told[-3:]))
        self.meet()

    def meet(self, maker: Maker | None = None) -> None:
        """A new visit by the same phone."""
        self.linked = False
        self.views: list[events.View] = []
        self.told: list[str] = []
        self.whys: list[str] = []  # the reasons in it
        self.asked: list[bytes] = []
        self.writes: list[bytes] = []
        maker = maker or Maker(self.wallet)
        self.phone = Conversation(self.wallet, maker, EPOCH)

    @property
    def outcome(self) -> events.Outcome:
        """How the visit ended; it has."""
        assert self.phone.outcome is not None
        return self.phone.outcome

    @property
    def ended(self) -> tuple[str, int]:
        """The outcome's result and reason."""
        return self.outcome.result, self.outcome.reason

    @property
    def approval_id(self) -> bytes:
        """Of the approval that was handed over last."""
        name: bytes = self.sent(wire.VERDICT)[-1].approval_id
        return name

    # The radio.

    def come(self, mtu: int = MTU) -> None:
        """Connect, subscribe, read."""
        self._connect(mtu)
        self.tell_phone(events.Connected(mtu))
        if self.phone.outcome is None:
            self.tell_phone(events.Read(self.certificate, self.offer))

    def visit(
        self,
        reference: bytes = evidence.REFERENCE,
        amount: int = evidence.AMOUNT,
        original: bytes = b"",
    ) -> None:
        """Ring up, and let the phone come for it."""
        self.ring_up(reference, amount, original)
        self.come()

    def _connect(self, mtu: int) -> None:
        self.linked = True
        self.receiver.handle(io.Connected(self.link), self.now)
        self.receiver.handle(io.MtuAgreed(self.link, mtu), self.now)

    def break_link(self) -> None:
        """For good: the phone's radio is off."""
        self._disconnect(self.link)
        self.tell_phone(events.Gone(again=False))

    def lose_link(self, *, told: bool = True) -> None:
        """For a while, which the receiver may not notice; the phone seeks its till again."""
        self.link = (self.link + 1) % gatt.LINKS_MOST
        self._disconnect((self.link - 1) % gatt.LINKS_MOST if told else None)
        self.tell_phone(events.Gone())

    def _disconnect(self, link: int | None = LINK) -> None:
        self.linked = False
        if link is not None:
            self.receiver.handle(io.Disconnected(link), self.now)

    def come_near(self) -> None:
        """In reach again, until the phone has tried the next time."""
        self.in_reach = True
        self.wait(states.RETURN_PAUSE_MS)

    def wait(self, milliseconds: int) -> None:
        """Let time pass, deadline by deadline."""
        end = self.now + milliseconds
        while True:
            self._steps.take()
            dues = [due for due in (self.phone.deadline(), self.receiver.deadline()) if due]
            self.now = min([end, *(max(due, self.now) for due in dues)])
            for part in (self.phone, self.receiver):
                due = part.deadline()
                if due is not None and due <= self.now:
                    part.expire(self.now)
            self.run()
            if self.now >= end:
                return

    # The buyer.

    def type(self, code: str = CODE) -> None:
        self.tell_phone(events.FirstDigit())
        self.tell_phone(events.Code(code))

    def tell_phone(self, event: Any) -> None:
        self.phone.handle(event, self.now)
        self.run()

    # The bridge.

    def ring_up(
        self,
        reference: bytes = evidence.REFERENCE,
        amount: int = evidence.AMOUNT,
        original: bytes = b"",
    ) -> None:
        """A purchase, or a refund of the transaction `original`."""
        kind = messages.REFUND if original else messages.PURCHASE
        order = wire.Open(reference, kind, amount, evidence.SEK, 3, TTL_S, original)
        self.order(wire.OPEN, order)

    def learn(self, floor: int) -> None:
        """The receiver hears of the time, and of what it may sign for itself."""
        nonce = self.receiver.identity.nonce
        data = evidence.state(self.keys, EPOCH, nonce=nonce, offline_floor=floor)
        self.order(wire.STATE, wire.Blob(data))

    def stand_in(self) -> None:
        """Accept offline what was handed over last."""
        verdict = self.sent(wire.VERDICT)[-1]
        self.order(wire.STAND_IN, wire.StandIn(verdict.session, verdict.approval_id, EPOCH))

    def refuse(self, reason: int) -> None:
        """Refuse the approval that was handed over last."""
        session = self.receiver.sale.session
        self.order(wire.VERDICT, wire.Verdict(session, self.approval_id, reason))

    def order(self, channel: int, value: Any) -> None:
        self.receiver.handle(io.WireMessage(channel, wire.encode(channel, value)), self.now)
        self.run()

    def sent(self, channel: int) -> list[Any]:
        """What the receiver told the bridge on a channel."""
        return [value for where, value in self.wire if where == channel]

    def receipt(self, reason: int = reasons.OK, **changes: Any) -> bytes:
        """The authority's word about the last approval that was handed over."""
        offered = self.receiver.sale.offered
        assert offered is not None
        value = messages.Receipt(
            version=messages.VERSION,
            outcome=messages.DECLINED if reason else messages.APPROVED,
            approval_id=self.approval_id,
            amount=offered.offer.amount,
            currency=offered.offer.currency,
            transaction_id=messages.NO_TRANSACTION if reason else TRANSACTION,
            time=EPOCH,
            store=offered.certificate.store,
            till=offered.offer.till,
            reason=reason,
        )
        return self.keys.receipt(value._replace(**changes))

    def decide(self, reason: int = reasons.OK, **changes: Any) -> None:
        self.result(self.receipt(reason, **changes))

    def result(self, data: bytes) -> None:
        """Anything as the receiver's result, sealed as it must be."""
        self.order(wire.RESULT, wire.Result(self.receiver.sale.session, data))

    # What both do, until both are quiet.

    def run(self) -> None:
        while self._receiver_turn() or self._phone_turn():
            self._steps.take()

    def _receiver_turn(self) -> bool:
        busy = self.receiver.busy()
        if busy:
            self.receiver.work(self.now)
        output = self.receiver.poll()
        if isinstance(output, io.ShowOffer):
            self.offer = output.data
        elif isinstance(output, io.Send):
            self.wire.append((output.channel, wire.decode(output.channel, output.payload)))
        elif isinstance(output, io.Notify) and self._hears():
            self.phone.handle(events.Notified(output.data), self.now)
        elif isinstance(output, io.NotifyOffer) and self._hears():
            self.phone.handle(events.OfferNotified(self.offer), self.now)
        elif isinstance(output, io.Disconnect):
            self._cut(output.link)
        return busy or output is not None

    def _cut(self, link: int) -> None:
        if self.linked and link == self.link:
            self.lose_link()
        else:
            self.receiver.handle(io.Disconnected(link), self.now)

    def _hears(self) -> bool:
        return self.linked and not self.deaf

    def _written(self, data: bytes) -> None:
        self.writes.append(data)
        if data[0] in self.lost:
            self.lost.remove(data[0])
            self.lose_link()
        elif not self.dead:
            self.receiver.handle(io.Written(self.link, data), self.now)

    def _reconnect(self) -> None:
        if not self.in_reach:
            self.phone.handle(events.Unreached(), self.now)
            return
        if self.linked:
            self._disconnect(self.link)
        self._connect(MTU)
        self.phone.handle(events.Connected(MTU), self.now)
        self.phone.handle(events.Read(self.certificate, self.offer), self.now)

    def _phone_turn(self) -> bool:
        output = self.phone.poll()
        if isinstance(output, events.Write) and self.linked:
            self._written(output.data)
        elif isinstance(output, events.HangUp) and self.linked:
            self._disconnect(self.link)
            self.tell_phone(events.Gone())
        elif isinstance(output, events.Reconnect):
            self._reconnect()
        elif isinstance(output, events.Show):
            self.views.append(output.view)
        elif isinstance(output, events.Ask):
            self.asked.append(output.approval_id)
        elif isinstance(output, events.Tell):
            self.told.append(output.name)
            self.whys += [output.details["why"]] if "why" in output.details else []
        return output is not None
