"""Runs inside MicroPython: whole sales through the receiver, with the device's cryptography."""

from receiver import reasons
from receiver.core import io, sale_session
from receiver.core.identity import Enrolment, Identity
from receiver.core.receiver import Receiver
from receiver.crypto import hpke, portable
from receiver.crypto.job import finish
from receiver.encoding import cose, schema
from receiver.link import wire
from receiver.protocol import exchange, gatt, identifiers, messages, padding, pins, signed
from receiver.protocol.resuming import Proofs
from tests.support.values.message_vectors import PINS, VECTORS

REFERENCE = b"saleref1"
AMOUNT = 24900
EPOCH = 1_800_000_100  # when the vectors' certificate and credentials hold
BRIDGE_HELLO = schema.encode(wire.BRIDGE_HELLO, wire.BridgeHello(1, 1, b"bridge01", 7))


class World:
    """A receiver and what it has put out since last asked; phones of both kinds."""

    def __init__(self):
        purchases = VECTORS["purchases"]
        self.certificate = bytes.fromhex(purchases[0]["certificate"])
        self.credentials = [bytes.fromhex(each["credential"]) for each in purchases]
        self.signers = [SIGNERS[each["phone"]] for each in purchases]
        self.now = 5000
        self.drawn = 0
        enrolment = Enrolment(
            identifiers.digest(b"receiver"), self.certificate, pins.decode(pins.encode(PINS)), 0, 0
        )
        identity = Identity(enrolment, portable, self.entropy, 1)
        self.nonce = identity.nonce
        self.receiver = Receiver(identity)
        self.drain()

    def entropy(self, size):
        self.drawn += 1
        return identifiers.digest(b"entropy %d" % self.drawn)[:size]

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
        return self.feed(io.WireMessage(channel, wire.encode(channel, value)))

    def open(self, kind=messages.PURCHASE, original=b""):
        order = wire.Open(REFERENCE, kind, AMOUNT, 752, 7, 60, original)
        outputs = self.tell(wire.OPEN, order)
        (self.offer,) = [item.data for item in outputs if isinstance(item, io.ShowOffer)][-1:]


class Phone:
    """One link; `kind` is 0 for P-256 and 1 for Ed25519."""

    def __init__(self, world, link, kind=0):
        self.world = world
        self.link = link
        self.credential = world.credentials[kind]
        self.signer = world.signers[kind]

    def write(self, kind, body):
        return self.world.feed(io.Written(self.link, bytes([kind]) + body))

    def agree(self):
        """The writes of its key and its credential."""
        offer = self.world.offer
        ephemeral = signed.parse(messages.OFFER, offer).value.ephemeral
        made = hpke.sender(portable, ephemeral, padding.info(offer), self.world.entropy(32))
        self.enc, self.context = made
        self.results = padding.Results(portable, self.context)
        self.proofs = Proofs(self.context)
        credential = self.seal(self.credential, padding.CREDENTIAL_PADDED)
        return [bytes([exchange.KEY]) + self.enc, bytes([exchange.CREDENTIAL]) + credential]

    def come(self):
        """Up to its credential."""
        events = [io.Written(self.link, data) for data in self.agree()]
        return self.world.feed(io.Connected(self.link), io.MtuAgreed(self.link, gatt.MTU), *events)

    def seal(self, message, size):
        return self.context.seal(padding.pad(message, size))

    def approve(self, amount=AMOUNT):
        return self.world.feed(io.Written(self.link, self.approval(amount)))

    def approval(self, amount=AMOUNT):
        """The write of its approval."""
        value = messages.Approval(1, 9, amount, 752, 100200, 0, 4, bytes(16))
        context = identifiers.approval_context(
            identifiers.certificate_hash(self.world.certificate),
            self.world.offer,
            self.enc,
            self.credential,
        )
        sign, alg = self.signer
        data = signed.encode(messages.APPROVAL, value, b"", sign, context=context, alg=alg)
        return bytes([exchange.APPROVAL]) + self.seal(data, padding.APPROVAL_PADDED)

    def told(self, outputs):
        """What it was notified of."""
        own = [item for item in outputs if getattr(item, "link", None) == self.link]
        return [item.data for item in own if isinstance(item, io.Notify)]


def ed25519_sign(message):
    return finish(portable.ed25519_sign_job(identifiers.digest(b"phone"), message))


def p256_sign(message):
    """FIPS 186-5 §6.4.1 with the nonce 1, as nothing here is secret: then r is the base point's x
    (SP 800-186 §3.2.1.3)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    r = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
    private = int.from_bytes(identifiers.digest(b"phone p256"), "big")
    s = (int.from_bytes(identifiers.digest(message), "big") + r * private) % order
    return r.to_bytes(32, "big") + min(s, order - s).to_bytes(32, "big")


SIGNERS = {
    "phone p256": (p256_sign, cose.ALG_ESP256),
    "phone": (ed25519_sign, cose.ALG_ED25519),
}


def sent(outputs, channel):
    return [
        wire.decode(channel, item.payload)
        for item in outputs
        if isinstance(item, io.Send) and item.channel == channel
    ]


def check_approved(world):
    for kind in range(2):
        world.open()
        phone = Phone(world, 0, kind)
        phone.come()
        outputs = phone.approve()
        assert world.receiver.sale.state == sale_session.CLAIMED
        (approval,) = sent(outputs, wire.APPROVAL)
        (verdict,) = sent(outputs, wire.VERDICT)
        assert approval.session == verdict.session == identifiers.session_id(world.offer)
        assert verdict.reason == reasons.OK
        again = sent(world.feed(io.WireUp(BRIDGE_HELLO)), wire.APPROVAL)
        assert again == [approval]
        outputs = world.tell(wire.RESULT, wire.Result(approval.session, b"receipt"))
        (result,) = phone.told(outputs)
        assert phone.results.open_receipt(result[1:]) == b"receipt"


def check_refused_and_next(world):
    world.open()
    first, second = Phone(world, 1), Phone(world, 2)
    first.come()
    second.come()
    outputs = first.approve(amount=1)
    (refusal,) = first.told(outputs)
    assert first.results.open_refusal(refusal[1:]) == exchange.REFUSED
    assert io.Disconnect(1) in outputs
    assert world.receiver.report.counters[reasons.WRONG_AMOUNT] == 1
    (word,) = sent(outputs, wire.VERDICT)
    assert word.reason == reasons.WRONG_AMOUNT
    assert not sent(second.approve(), wire.APPROVAL)
    assert sent(world.tell(wire.VERDICT, word), wire.APPROVAL)
    assert world.receiver.sale.state == sale_session.CLAIMED
    outputs = world.tell(wire.CANCEL, wire.Cancel(REFERENCE, 0))
    assert io.ShowOffer(b"") in outputs


def check_too_late(world):
    """Everything of a second phone is here before there is a key to refuse it with; and a new order
    erases the offer's."""
    for again in (False, True):
        world.open()
        first, second = Phone(world, 1), Phone(world, 2)
        first.come()
        world.feed(io.Connected(2), io.MtuAgreed(2, gatt.MTU))
        writes = [io.Written(2, data) for data in second.agree()]
        writes.append(io.Written(2, second.approval()))
        if again:
            order = wire.Open(REFERENCE, messages.PURCHASE, AMOUNT, 752, 7, 60, b"")
            writes.append(io.WireMessage(wire.OPEN, wire.encode(wire.OPEN, order)))
        else:
            writes.insert(0, io.Written(1, first.approval()))
        outputs = world.feed(*writes)
        (refusal,) = second.told(outputs)
        assert second.results.open_refusal(refusal[1:]) == exchange.BUSY
        assert io.Disconnect(2) in outputs
        assert first.told(outputs) == []
        assert not sent(outputs, wire.APPROVAL)[1:]
        assert not world.receiver.air.links.get(2).sealed.enc


def check_lost_link(world):
    """The phone comes back on another link, and gets the answer that was given meanwhile."""
    world.open()
    phone = Phone(world, 0)
    phone.come()
    world.feed(io.Disconnected(0))
    phone.link = 2
    resume = exchange.resume(phone.enc, phone.proofs.make())
    up = (io.Connected(2), io.MtuAgreed(2, gatt.MTU))
    outputs = world.feed(*up, io.Written(2, resume))
    assert phone.told(outputs) == [exchange.resumed(exchange.CREDENTIAL)]
    (approval,) = sent(phone.approve(), wire.APPROVAL)
    world.feed(io.Disconnected(2))
    world.tell(wire.RESULT, wire.Result(approval.session, b"receipt"))
    assert phone.told(world.feed(*up, io.Written(2, resume))) == [exchange.resumed(0)]
    again = exchange.resume(phone.enc, phone.proofs.make())
    phone.link = 3
    outputs = world.feed(io.Connected(3), io.MtuAgreed(3, gatt.MTU), io.Written(3, again))
    resumed, result = phone.told(outputs)
    assert resumed == exchange.resumed(exchange.APPROVAL)
    assert phone.results.open_receipt(result[1:]) == b"receipt"
    world.feed(io.Disconnected(2), io.Disconnected(3))


def check_refund(world):
    world.open(messages.REFUND, bytes(16))
    offer = signed.parse(messages.OFFER, world.offer).value
    assert (offer.kind, offer.original) == (messages.REFUND, bytes(16))
    phone = Phone(world, 0)
    phone.come()
    (verdict,) = sent(phone.approve(), wire.VERDICT)
    assert verdict.reason == reasons.OK
    outputs = world.tell(wire.STAND_IN, wire.StandIn(verdict.session, verdict.approval_id, EPOCH))
    assert [word.reason for word in sent(outputs, wire.VERDICT)] == [reasons.WRONG_KIND]


def check_offline(world):
    """The same bytes to bridge and phone, and a result after them."""
    world.open()
    phone = Phone(world, 0)
    phone.credential = issued(messages.CREDENTIAL, phone.credential, offline_floor=AMOUNT)
    phone.come()
    (verdict,) = sent(phone.approve(), wire.VERDICT)
    order = wire.StandIn(verdict.session, verdict.approval_id, EPOCH)
    outputs = world.tell(wire.STAND_IN, order)
    (made,) = sent(outputs, wire.PROVISIONAL)
    (result,) = phone.told(outputs)
    assert phone.results.open_receipt(result[1:]) == made.receipt
    parsed = signed.parse(messages.PROVISIONAL, made.receipt)
    public = portable.ed25519_public(identifiers.digest(b"receiver"))
    signed.verify(messages.PROVISIONAL, parsed, public, portable)
    assert (parsed.value.approval_id, parsed.value.amount) == (verdict.approval_id, AMOUNT)
    assert sent(world.tell(wire.STAND_IN, order), wire.PROVISIONAL) == [made]
    outputs = world.tell(wire.RESULT, wire.Result(verdict.session, b"receipt"))
    (result,) = phone.told(outputs)
    assert phone.results.open_receipt(result[1:]) == b"receipt"


def learn(world):
    """Time and limits from the authority."""
    receiver_id = world.receiver.identity.receiver_id
    value = messages.State(
        1, receiver_id, world.nonce, EPOCH, 1, 1, AMOUNT, 0, 0, 0, bytes(messages.HASH_SIZE)
    )
    world.tell(wire.STATE, wire.Blob(by_authority(messages.STATE, value)))
    assert world.receiver.identity.seconds(world.now) == EPOCH


def issued(kind, data, **changes):
    """The message with other fields, signed anew."""
    value = signed.parse(kind, data).value
    found = [changes.get(field.name, getattr(value, field.name)) for field in kind.fields]
    return by_authority(kind, kind.make(*found))


def by_authority(kind, value):
    seed = identifiers.digest(b"authority %d" % kind.role)
    kid = bytes((kind.role, 1))
    return signed.encode(
        kind, value, kid, lambda message: finish(portable.ed25519_sign_job(seed, message))
    )


def check_what_does_not_open(world):
    world.open()
    phone = Phone(world, 3)
    phone.credential = b"no credential"
    outputs = phone.come()
    assert io.Disconnect(3) in outputs
    world.feed(io.Connected(3), io.MtuAgreed(3, gatt.MTU))
    outputs = phone.write(exchange.KEY, bytes(32))
    assert io.Notify(3, exchange.refusal(reasons.BAD_KEY)) in outputs
    assert world.receiver.report.counters[reasons.BAD_KEY] == 1


def check_handle_that_comes_again(world):
    """Outputs for a link are taken back when it is gone: a slice is assigned in place."""
    world.receiver.handle(io.Connected(3), world.now)
    world.receiver.handle(io.Written(3, b"?"), world.now)
    world.receiver.handle(io.Disconnected(3), world.now)
    assert not [item for item in world.drain() if getattr(item, "link", None) == 3]


def check_nonsense(world):
    before = sum(world.receiver.report.counters.values())
    count = 0
    for channel in range(40):
        for payload in (b"", b"\xa0", b"\xff", b"\xa1\x01\x20", bytes(300)):
            world.feed(io.WireMessage(channel, payload))
            count += 1
    assert sum(world.receiver.report.counters.values()) == before + count
    world.receiver.health(world.now, 0)
    assert sent(world.drain(), wire.HEALTH)


def check_time(world):
    """Everything ends by itself."""
    world.open()
    Phone(world, 0).come()
    due = world.receiver.deadline()
    while due is not None:
        world.now = max(world.now, due)
        world.receiver.expire(world.now)
        due = world.receiver.deadline()
    assert world.receiver.sale.state == sale_session.IDLE
    assert world.now >= 5000 + 60_000 + gatt.GRACE_MS


def check_closed_jobs(world):
    """A link may go at any slice of its work: what it held is erased when its time is over, and
    the next phone pays."""
    slices, busy = 0, True
    while busy:
        world.open()
        phone = Phone(world, 0)
        world.feed(io.Connected(0), io.MtuAgreed(0, gatt.MTU))
        for data in phone.agree():
            world.receiver.handle(io.Written(0, data), world.now)
        for _ in range(slices):
            world.receiver.work(world.now)
        held = world.receiver.air.links.get(0).sealed
        busy = held.task is not None
        secrets = [held.results._key, held.context._key] if held.results else []
        world.receiver.handle(io.Disconnected(0), world.now)
        world.now += gatt.RESUME_MS
        world.receiver.expire(world.now)
        assert held.task is None
        assert not [each for each in secrets if any(each)]
        slices += 1
    assert slices > 10
    world.open()
    phone = Phone(world, 0)
    phone.come()
    phone.approve()
    assert world.receiver.sale.state == sale_session.CLAIMED


def main():
    world = World()
    checks = (
        check_approved,
        check_refused_and_next,
        check_too_late,
        check_lost_link,
        learn,
        check_refund,
        check_offline,
        check_what_does_not_open,
        check_closed_jobs,
        check_handle_that_comes_again,
        check_nonsense,
        check_time,
    )
    for check in checks:
        check(world)
    print(len(checks), "cases")


main()
