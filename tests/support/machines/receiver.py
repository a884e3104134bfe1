"""A receiver with a simulated clock between scripted phones and a scripted bridge."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from receiver import reasons
from receiver.core import io
from receiver.core.identity import Enrolment, Identity
from receiver.core.receiver import Receiver
from receiver.crypto import host, hpke
from receiver.encoding import schema
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import exchange, gatt, identifiers, messages, padding, signed, validation
from receiver.protocol.resuming import Proofs
from simulator.authority.keys import Keys
from simulator.phone.wallet.keys import P256
from tests.support.values import evidence
from tests.support.values.evidence import SEK
from tests.support.values.steps import Steps

EPOCH = 1_800_000_000  # the authority's time when the receiver boots, seconds
BOOT_MS = 5_000
TILL = 3
TTL_S = 60
RECEIVER = evidence.seed("receiver")
BRIDGE_HELLO = schema.encode(wire.BRIDGE_HELLO, wire.BridgeHello(1, 1, b"bridge01", TILL))

Output = TypeVar("Output")


class Said(NamedTuple):
    """A message of the bridge, among the receiver's outputs."""

    channel: int
    value: Any


class World:
    """One receiver; everything that it put out is in `outputs`, oldest first."""

    def __init__(
        self, keys: Keys, *, reserved: int = 1, crypto: Any = host, **certificate: Any
    ) -> None:
        self.keys = keys
        self.crypto = crypto
        self.now = BOOT_MS
        self.lazy = False  # leave long work undone: the chip is busy
        self.mute = False  # the bridge says nothing to what the receiver has refused
        self.heard = 0  # outputs that the bridge has seen
        self.certificate = evidence.certificate(keys, RECEIVER, EPOCH, **certificate)
        self.steps = Steps(self.told)
        self._numbers = count(1)
        self.identity = self.make_identity(reserved)
        self.receiver = Receiver(self.identity)
        self.outputs: list[Any] = []
        self.drain()

    def make_identity(self, reserved: int) -> Identity:
        pins = self.keys.pins()
        enrolment = Enrolment(RECEIVER, self.certificate, pins, 0, 0)
        return Identity(enrolment, self.crypto, self.entropy, reserved)

    def entropy(self, size: int) -> bytes:
        """Never the same twice."""
        return evidence.seed(f"entropy {next(self._numbers)}")[:size]

    # Time.

    def drain(self) -> None:
        self.outputs += self.steps.polled(self.receiver.poll)

    def feed(self, event: Any) -> None:
        """One event, and the work that it makes; a lazy receiver only opens approvals at once."""
        self.receiver.handle(event, self.now)
        self.drain()
        if not self.lazy:
            self.work()
        while self.receiver.unseals():
            self.receiver.work(self.now)
            self.drain()
        self.confirm()

    def work(self) -> None:
        while self.receiver.busy():
            self.slice()

    def slice(self, count: int = 1) -> None:
        """So many pieces of long work."""
        for _ in range(count):
            self.steps.take()
            self.receiver.work(self.now)
            self.drain()
            self.confirm()

    def until(self, state: str) -> None:
        """So much long work that the sale is in this state."""
        while self.sale.state != state:
            self.slice()

    def confirm(self) -> None:
        """The bridge's word on each approval that the receiver has refused."""
        new, self.heard = self.outputs[self.heard :], len(self.outputs)
        for item in new:
            if self.mute or type(item) is not io.Send or item.channel != wire.VERDICT:
                continue
            verdict = wire.decode(wire.VERDICT, item.payload)
            if verdict.reason != reasons.OK and verdict.session == self.sale.session:
                self.send(wire.VERDICT, verdict)

    def pass_time(self, ms: int) -> None:
        """Let time pass; every deadline on the way is kept."""
        end = self.now + ms
        while (due := self.receiver.deadline()) is not None and due <= end:
            self.steps.take()
            self.now = max(self.now, due)
            self.receiver.expire(self.now)
            self.drain()
        self.now = end

    def told(self) -> str:
        """Where it stands, for a test that does not end."""
        sale, last = self.receiver.sale.state, self.outputs[-3:]
        due = self.receiver.deadline()
        return f"at {self.now} due {due}, sale {sale}, busy {self.receiver.busy()}, last {last}"

    # The bridge.

    def send(self, channel: int, value: Any) -> None:
        self.outputs.append(Said(channel, value))
        self.feed(io.WireMessage(channel, wire.encode(channel, value)))

    def open(self, **changes: Any) -> bytes:
        """Order a sale; the offer, or b"" where the receiver refused or is still at it."""
        order = wire.Open(
            evidence.REFERENCE, messages.PURCHASE, evidence.AMOUNT, SEK, TILL, TTL_S, b""
        )
        self.send(wire.OPEN, order._replace(**changes))
        offers = self.sent(wire.OFFER)
        offer: bytes = offers[-1].offer if offers and not self.lazy else b""
        return offer

    def cancel(self, reference: bytes = evidence.REFERENCE) -> None:
        self.send(wire.CANCEL, wire.Cancel(reference, 0))

    def result(self, receipt: bytes = b"receipt") -> None:
        self.send(wire.RESULT, wire.Result(self.session, receipt))

    def reject(self, reason: int, approval_id: bytes | None = None) -> None:
        """The bridge refuses the candidate."""
        name = self.sale.candidate.id if approval_id is None else approval_id
        self.send(wire.VERDICT, wire.Verdict(self.session, name, reason))

    def state(self, version: int = 1, seconds: int = EPOCH, **changes: Any) -> None:
        """The authority's time arrives, and its limits."""
        known = {"version": version, "nonce": self.identity.nonce}
        data = evidence.state(self.keys, seconds, **(known | changes))
        self.send(wire.STATE, wire.Blob(data))

    def stand_in(self, **changes: Any) -> None:
        """The bridge accepts the candidate offline."""
        name = self.sale.candidate.id if self.sale.candidate else bytes(signed.ID_SIZE)
        order = wire.StandIn(self.session, name, EPOCH)
        self.send(wire.STAND_IN, order._replace(**changes))

    def connect_bridge(self) -> None:
        self.feed(io.WireUp(BRIDGE_HELLO))

    # What came out.

    @property
    def session(self) -> bytes:
        """The session that was opened last, over or not."""
        return session_of(self.sent(wire.OFFER)[-1].offer)

    @property
    def sale(self) -> Any:
        return self.receiver.sale

    @property
    def counters(self) -> dict[int, int]:
        return self.receiver.report.counters

    def of(self, kind: Callable[..., Output]) -> list[Output]:
        """The outputs of one kind."""
        return [item for item in self.outputs if type(item) is kind]

    def sent(self, channel: int) -> list[Any]:
        """The messages to the bridge on one channel."""
        return [
            wire.decode(channel, item.payload)
            for item in self.of(io.Send)
            if item.channel == channel
        ]

    def phone_events(self) -> list[tuple[int, int]]:
        return [(message.event, message.reason) for message in self.sent(wire.PHONE)]

    def advert(self) -> gatt.Advert:
        """What the last scan response says."""
        return gatt.parse_service_data(self.of(io.Advertise)[-1].response[18:])

    def shown(self) -> bytes:
        """What the offer characteristic holds."""
        shown = self.of(io.ShowOffer)
        return shown[-1].data if shown else b""


class Phone:
    """A phone that does as it is told, on one connection handle."""

    def __init__(
        self, world: World, link: int = 0, name: str = "phone", kind: str = P256, **claims: Any
    ) -> None:
        self.world = world
        self.link = link
        self.seed = evidence.seed(name)
        keys = claims.pop("keys", world.keys)
        self.credential = evidence.credential(keys, self.seed, EPOCH, kind=kind, **claims)
        self.offer = b""
        self.approval = b""
        self.sealed = b""  # the approval as it was written
        self.enc = bytes(padding.ENC_SIZE)
        self.context: hpke.Context | None = None
        self.arrived = 0
        self._openers: list[padding.Results] = []  # of every key since it connected
        self._told: list[tuple[int, Any]] = []
        self._known: dict[bytes, tuple[int, Any]] = {}  # sealed answers, opened once
        self.proofs: Proofs | None = None

    # Writing.

    def connect(self, mtu: int | None = gatt.MTU_LEAST) -> Phone:
        self.arrived = len(self.world.outputs)
        self._told.clear()
        self._known.clear()
        self.context = None
        self._openers.clear()
        self.link_up(mtu)
        return self

    def link_up(self, mtu: int | None = gatt.MTU_LEAST) -> None:
        self.world.feed(io.Connected(self.link))
        if mtu is not None:
            self.world.feed(io.MtuAgreed(self.link, mtu))

    def come_back(self, link: int | None = None) -> Phone:
        """On another link, to go on with the same exchange."""
        self.move(self.link if link is None else link)
        self.link_up()
        self.raw(self.resume())
        return self

    def move(self, link: int) -> None:
        """Have this link from now on, and hear nothing that was sent on it before."""
        self.listen()
        self.link = link
        self.arrived = len(self.world.outputs)
        self._told.clear()

    def resume(self) -> bytes:
        assert self.proofs is not None
        return exchange.resume(self.enc, self.proofs.make())

    def vanish(self) -> None:
        self.world.feed(io.Disconnected(self.link))

    def leave(self) -> None:
        self.write(exchange.LEAVE, bytes([exchange.LEAVE_CANCELLED]))

    def write(self, kind: int, body: bytes = b"") -> None:
        self.raw(bytes([kind]) + body)

    def raw(self, data: bytes) -> None:
        self.world.feed(io.Written(self.link, data))

    def key(self) -> Phone:
        """Read the offer, show it, and say so."""
        self.listen()
        self.offer = self.world.shown()
        if self.offer:
            self.agree()
        self.write(exchange.KEY, self.enc)
        return self

    def agree(self) -> None:
        """Keys for the offer that it knows."""
        ephemeral = signed.parse(messages.OFFER, self.offer).value.ephemeral
        private = self.world.entropy(hpke.KEY_SIZE)
        made = hpke.sender(host, ephemeral, padding.info(self.offer), private)
        assert made is not None
        self.enc, self.context = made
        self._openers.append(padding.Results(host, self.context))
        self.proofs = Proofs(self.context)

    def seal(self, message: bytes, size: int) -> bytes:
        """The next message to the receiver, as big as such a message is; junk without a key."""
        if self.context is None:
            return bytes(size + padding.TAG_SIZE)
        return self.context.seal(padding.pad(message, size))

    def present(self) -> Phone:
        body = self.seal(self.credential, padding.CREDENTIAL_PADDED)
        self.write(exchange.CREDENTIAL, body)
        return self

    def approve(self, **changes: Any) -> Phone:
        """The whole way from the key to the approval; `changes` spoil the approval."""
        return self.key().present().sign(**changes)

    def sign(self, **changes: Any) -> Phone:
        self.approval = self.make_approval(**changes)
        return self.hand_over(self.approval)

    def hand_over(self, approval: bytes) -> Phone:
        """Seal and write whatever is called an approval."""
        self.sealed = self.seal(approval, padding.APPROVAL_PADDED)
        return self.again()

    def make_sealed(self) -> bytes:
        """A valid approval as it is written, for a test that writes it."""
        self.approval = self.make_approval()
        self.sealed = self.seal(self.approval, padding.APPROVAL_PADDED)
        return bytes([exchange.APPROVAL]) + self.sealed

    def again(self) -> Phone:
        """The identical bytes: the answer did not come."""
        self.write(exchange.APPROVAL, self.sealed)
        return self

    def make_approval(self, **changes: Any) -> bytes:
        certificate = changes.pop("certificate", self.world.certificate)
        offer = changes.pop("offer", self.offer)
        credential = changes.pop("credential", self.credential)
        enc = changes.pop("enc", self.enc)
        return evidence.approval(self.seed, certificate, offer, credential, enc=enc, **changes)

    # What it got since it connected.

    def mine(self, kind: Callable[..., Output]) -> list[Output]:
        own = self.world.outputs[self.arrived :]
        return [item for item in own if type(item) is kind and item.link == self.link]

    @property
    def notified(self) -> list[bytes]:
        return [item.data for item in self.mine(io.Notify)]

    def listen(self) -> list[tuple[int, Any]]:
        """Type and content of every answer; identical bytes are the same answer again."""
        news = self.notified[len(self._told) :]
        for data in news:
            told = self._known.get(data) or self._opened(data)
            if len(data) > 2:
                self._known[data] = told
            self._told.append(told)
        return self._told

    def _opened(self, data: bytes) -> tuple[int, Any]:
        kind, body = data[0], data[1:]
        if kind in (exchange.REFUSAL, exchange.RESUMED) and len(body) == 1:
            return kind, body[0]
        if kind == exchange.REFUSAL:
            return kind, self._refusal(body)
        return kind, self._openers[-1].open_receipt(body)

    def _refusal(self, body: bytes) -> int:
        """Under the key at hand, or under an earlier one: beside that another key is refused."""
        for opener in reversed(self._openers):
            with suppress(Error):
                return opener.open_refusal(body)
        raise AssertionError("a refusal under no key of this link")

    @property
    def refused(self) -> list[int]:
        """The refusal codes that it was told."""
        return [code for kind, code in self.listen() if kind == exchange.REFUSAL]

    @property
    def resumed(self) -> list[int]:
        """What the receiver said that it holds of the exchange."""
        return [last for kind, last in self.listen() if kind == exchange.RESUMED]

    @property
    def receipts(self) -> list[bytes]:
        """The results that it was told."""
        return [receipt for kind, receipt in self.listen() if kind == exchange.RESULT]

    def is_cut(self) -> bool:
        return bool(self.mine(io.Disconnect))

    @property
    def offers(self) -> int:
        """How often an offer was notified."""
        return len(self.mine(io.NotifyOffer))

    @property
    def approval_id(self) -> bytes:
        return evidence.approval_id(
            self.world.certificate, self.offer, self.credential, self.approval, self.enc
        )


LINK_ENDS: dict[str, Callable[[Phone], object]] = {
    "left": Phone.leave,
    "radio lost": lambda phone: phone.world.feed(io.RadioLost()),
}
LOSSES: dict[str, Callable[[Phone], object]] = {
    "gone": Phone.vanish,
    "connected again": lambda phone: phone.world.feed(io.Connected(phone.link)),
}


def make_keys(directory: Path) -> Keys:
    return Keys(directory / "keys.json")


def offer_of(world: World) -> messages.Offer:
    """The offer on the air, checked as a phone checks it."""
    holder = validation.certificate(host, world.keys.pins(), world.certificate, EPOCH)
    return validation.offer(host, holder, world.certificate, world.shown()).offer


def session_of(offer: bytes) -> bytes:
    return identifiers.session_id(offer)
