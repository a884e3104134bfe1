"""A receiver with a simulated clock between scripted phones and a scripted bridge."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from receiver import checks, exchange, gatt, layout, messages, ports, session, wire
from receiver.core import Receiver
from receiver.crypto import host
from receiver.identity import Identity
from simulator.authority.keys import Keys
from tests import evidence
from tests.evidence import SEK

EPOCH = 1_800_000_000  # the authority's time when the receiver boots, seconds
BOOT_MS = 5_000
TILL = 3
TTL_S = 60
RECEIVER = evidence.seed("receiver")
BRIDGE_HELLO = layout.encode(wire.BRIDGE_HELLO, wire.BridgeHello(1, 1, b"bridge01", TILL))

Output = TypeVar("Output")


class World:
    """One receiver; everything that it put out is in `outputs`, oldest first."""

    def __init__(self, keys: Keys, *, reserved: int = 1, **certificate: Any) -> None:
        self.keys = keys
        self.now = BOOT_MS
        self.lazy = False  # leave long work undone: the chip is busy
        self.certificate = evidence.certificate(keys, RECEIVER, EPOCH, **certificate)
        self._numbers = count(1)
        self.identity = self.make_identity(reserved)
        self.receiver = Receiver(self.identity)
        self.outputs: list[Any] = []
        self.drain()

    def make_identity(self, reserved: int) -> Identity:
        return Identity(RECEIVER, self.certificate, self.keys.pins(), host, self._entropy, reserved)

    def _entropy(self, size: int) -> bytes:
        return evidence.seed(f"entropy {next(self._numbers)}")[:size]

    # Time.

    def drain(self) -> None:
        while (output := self.receiver.poll()) is not None:
            self.outputs.append(output)

    def feed(self, event: Any) -> None:
        """One event, and the work that it makes."""
        self.receiver.handle(event, self.now)
        self.drain()
        if not self.lazy:
            self.work()

    def work(self) -> None:
        while self.receiver.busy():
            self.receiver.work(self.now)
            self.drain()

    def pass_time(self, ms: int) -> None:
        """Let time pass; every deadline on the way is kept."""
        end = self.now + ms
        while (due := self.receiver.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.receiver.expire(self.now)
            self.drain()
        self.now = end

    # The bridge.

    def send(self, channel: int, value: Any) -> None:
        self.feed(ports.WireMessage(channel, wire.encode(channel, value)))

    def open(self, **changes: Any) -> bytes:
        """Order a sale; the offer, or b"" where the receiver refused."""
        order = wire.Open(evidence.REFERENCE, messages.PURCHASE, evidence.AMOUNT, SEK, TILL, TTL_S)
        self.send(wire.OPEN, order._replace(**changes))
        offer: bytes = self.sent(wire.OFFER)[-1].offer
        return offer

    def cancel(self, reference: bytes = evidence.REFERENCE) -> None:
        self.send(wire.CANCEL, wire.Cancel(reference, 0))

    def result(self, receipt: bytes = b"receipt") -> None:
        self.send(wire.RESULT, wire.Result(self.session, receipt))

    def reject(self, reason: int, approval_id: bytes | None = None) -> None:
        """The bridge refuses the candidate."""
        name = self.sale.approval_id if approval_id is None else approval_id
        self.send(wire.VERDICT, wire.Verdict(self.session, name, reason))

    def state(self, version: int = 1, seconds: int = EPOCH, **changes: Any) -> None:
        """The authority's time arrives."""
        who = changes.get("receiver_id", evidence.RECEIVER_ID)
        nonce = changes.get("nonce", self.identity.nonce)
        data = self.keys.state(version, who, nonce, seconds)
        self.send(wire.STATE, wire.Blob(data))

    def connect_bridge(self) -> None:
        self.feed(ports.WireUp(BRIDGE_HELLO))

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
            for item in self.of(ports.Send)
            if item.channel == channel
        ]

    def phone_events(self) -> list[tuple[int, int]]:
        return [(message.event, message.reason) for message in self.sent(wire.PHONE)]

    def advert(self) -> gatt.Advert:
        """What the last scan response says."""
        return gatt.parse_service_data(self.of(ports.Advertise)[-1].response[18:])

    def shown(self) -> bytes:
        """What the offer characteristic holds."""
        shown = self.of(ports.ShowOffer)
        return shown[-1].data if shown else b""


class Phone:
    """A phone that does as it is told, on one connection handle."""

    def __init__(self, world: World, link: int = 0, name: str = "phone", **claims: Any) -> None:
        self.world = world
        self.link = link
        self.seed = evidence.seed(name)
        keys = claims.pop("keys", world.keys)
        self.credential = evidence.credential(keys, self.seed, EPOCH, **claims)
        self.offer = b""
        self.approval = b""
        self.arrived = 0

    # Writing.

    def connect(self, mtu: int | None = gatt.MTU_LEAST) -> Phone:
        self.arrived = len(self.world.outputs)
        self.world.feed(ports.Connected(self.link))
        if mtu is not None:
            self.world.feed(ports.MtuAgreed(self.link, mtu))
        return self

    def vanish(self) -> None:
        self.world.feed(ports.Disconnected(self.link))

    def write(self, kind: int, body: bytes = b"") -> None:
        self.raw(bytes([kind]) + body)

    def raw(self, data: bytes) -> None:
        self.world.feed(ports.Written(self.link, data))

    def key(self) -> Phone:
        """Read the offer, show it, and say so."""
        self.offer = self.world.shown()
        self.write(exchange.KEY)
        return self

    def present(self) -> Phone:
        self.write(exchange.CREDENTIAL, self.credential)
        return self

    def approve(self, **changes: Any) -> Phone:
        """The whole way from the key to the approval; `changes` spoil the approval."""
        return self.key().present().sign(**changes)

    def sign(self, **changes: Any) -> Phone:
        self.approval = self.make_approval(**changes)
        self.write(exchange.APPROVAL, self.approval)
        return self

    def make_approval(self, **changes: Any) -> bytes:
        certificate = changes.pop("certificate", self.world.certificate)
        offer = changes.pop("offer", self.offer)
        credential = changes.pop("credential", self.credential)
        return evidence.approval(self.seed, certificate, offer, credential, **changes)

    # What it got since it connected.

    def mine(self, kind: Callable[..., Output]) -> list[Output]:
        own = self.world.outputs[self.arrived :]
        return [item for item in own if type(item) is kind and item.link == self.link]

    @property
    def notified(self) -> list[bytes]:
        return [item.data for item in self.mine(ports.Notify)]

    @property
    def refused(self) -> list[int]:
        """The refusal codes that it was told."""
        return [data[1] for data in self.notified if data[0] == exchange.REFUSAL]

    def is_cut(self) -> bool:
        return bool(self.mine(ports.Disconnect))

    @property
    def offers(self) -> int:
        """How often an offer was notified."""
        return len(self.mine(ports.NotifyOffer))

    @property
    def approval_id(self) -> bytes:
        return evidence.approval_id(
            self.world.certificate, self.offer, self.credential, self.approval
        )


def make_keys(directory: Path) -> Keys:
    return Keys(directory / "keys.json")


def offer_of(world: World) -> messages.Offer:
    """The offer on the air, checked as a phone checks it."""
    holder = checks.certificate(host, world.keys.pins(), world.certificate, EPOCH)
    return checks.offer(host, holder, world.certificate, world.shown()).offer


def session_of(offer: bytes) -> bytes:
    return session.session_id(offer)
