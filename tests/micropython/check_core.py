"""Runs inside MicroPython: whole sales through the receiver, with the device's cryptography."""

import json

from receiver import (
    exchange,
    gatt,
    layout,
    messages,
    pins,
    ports,
    reasons,
    sale,
    session,
    signed,
    wire,
)
from receiver.core import Receiver
from receiver.crypto import portable
from receiver.identity import Identity

VECTORS = __file__.rsplit("/", 2)[0] + "/vectors/messages.json"
REFERENCE = b"saleref1"
AMOUNT = 24900
BRIDGE_HELLO = layout.encode(wire.BRIDGE_HELLO, wire.BridgeHello(1, 1, b"bridge01", 7))


class World:
    """A receiver and what it has put out since last asked."""

    def __init__(self, vectors):
        keys, purchase = vectors["keys"], vectors["purchase"]
        self.certificate = bytes.fromhex(purchase["certificate"])
        self.credential = bytes.fromhex(purchase["credential"])
        self.now = 5000
        known = {bytes((n, 1)): bytes.fromhex(keys["authority %d" % n]) for n in range(1, 5)}
        identity = Identity(
            session.digest(b"receiver"),
            self.certificate,
            pins.decode(pins.encode(known)),
            portable,
            bytes,
            1,
        )
        self.receiver = Receiver(identity)
        self.drain()

    def drain(self):
        outputs = []
        output = self.receiver.poll()
        while output is not None:
            outputs.append(output)
            output = self.receiver.poll()
        return outputs

    def feed(self, *events):
        """What these events, and the work that they make, put out."""
        for event in events:
            self.receiver.handle(event, self.now)
        while self.receiver.busy():
            self.receiver.work(self.now)
        return self.drain()

    def tell(self, channel, value):
        return self.feed(ports.WireMessage(channel, wire.encode(channel, value)))

    def open(self):
        outputs = self.tell(wire.OPEN, wire.Open(REFERENCE, 0, AMOUNT, 752, 7, 60))
        (self.offer,) = [item.data for item in outputs if isinstance(item, ports.ShowOffer)]

    def come(self, link):
        """A phone up to its credential."""
        return self.feed(
            ports.Connected(link),
            ports.MtuAgreed(link, gatt.MTU),
            ports.Written(link, bytes([exchange.KEY])),
            ports.Written(link, bytes([exchange.CREDENTIAL]) + self.credential),
        )

    def approve(self, link, amount=AMOUNT):
        value = messages.Approval(1, 9, amount, 752, 100200, 0, 4, bytes(16))
        context = session.approval_context(
            session.certificate_hash(self.certificate), self.offer, b"", self.credential
        )
        seed = session.digest(b"phone")
        data = signed.encode(
            messages.APPROVAL, value, b"", lambda data: portable.ed25519_sign(seed, data), context
        )
        return self.feed(ports.Written(link, bytes([exchange.APPROVAL]) + data))


def sent(outputs, channel):
    return [
        wire.decode(channel, item.payload)
        for item in outputs
        if isinstance(item, ports.Send) and item.channel == channel
    ]


def check_approved(world):
    world.open()
    world.come(0)
    outputs = world.approve(0)
    assert world.receiver.sale.state == sale.CLAIMED
    (approval,) = sent(outputs, wire.APPROVAL)
    (verdict,) = sent(outputs, wire.VERDICT)
    assert approval.session == verdict.session == session.session_id(world.offer)
    again = sent(world.feed(ports.WireUp(BRIDGE_HELLO)), wire.APPROVAL)
    assert again == [approval]
    outputs = world.tell(wire.RESULT, wire.Result(approval.session, b"receipt"))
    assert ports.Notify(0, exchange.result(b"receipt")) in outputs


def check_refused_and_next(world):
    world.open()
    world.come(1)
    outputs = world.approve(1, amount=1)
    assert ports.Notify(1, exchange.refusal(reasons.WRONG_AMOUNT)) in outputs
    assert ports.Disconnect(1) in outputs
    assert world.receiver.report.counters[reasons.WRONG_AMOUNT] == 1
    world.come(2)
    world.approve(2)
    assert world.receiver.sale.state == sale.CLAIMED
    outputs = world.tell(wire.CANCEL, wire.Cancel(REFERENCE, 0))
    assert ports.ShowOffer(b"") in outputs


def check_handle_that_comes_again(world):
    """Outputs for a link are taken back when it is gone: a slice is assigned in place."""
    world.receiver.handle(ports.Connected(3), world.now)
    world.receiver.handle(ports.Written(3, b"?"), world.now)
    world.receiver.handle(ports.Disconnected(3), world.now)
    assert not [item for item in world.drain() if getattr(item, "link", None) == 3]


def check_nonsense(world):
    before = sum(world.receiver.report.counters.values())
    count = 0
    for channel in range(40):
        for payload in (b"", b"\xa0", b"\xff", b"\xa1\x01\x20", bytes(300)):
            world.feed(ports.WireMessage(channel, payload))
            count += 1
    assert sum(world.receiver.report.counters.values()) == before + count
    world.receiver.health(world.now, 0)
    assert sent(world.drain(), wire.HEALTH)


def check_time(world):
    """Everything ends by itself."""
    world.open()
    world.come(0)
    due = world.receiver.deadline()
    while due is not None:
        world.now = max(world.now, due)
        world.receiver.expire(world.now)
        due = world.receiver.deadline()
    assert world.receiver.sale.state == sale.IDLE
    assert world.now >= 5000 + 60_000 + gatt.GRACE_MS


def main():
    with open(VECTORS) as file:
        vectors = json.load(file)
    world = World(vectors)
    checks = (
        check_approved,
        check_refused_and_next,
        check_handle_that_comes_again,
        check_nonsense,
        check_time,
    )
    for check in checks:
        check(world)
    print(len(checks), "cases")


main()
