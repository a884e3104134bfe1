"""The receiver's core as a target: phones and a bridge that write anything, at any time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from receiver.core import io, sale_session
from receiver.link import wire
from receiver.protocol import exchange, gatt, messages, padding, signed
from simulator.phone.wallet.keys import ED25519, P256
from tests.fuzz import authority, seeds
from tests.fuzz.script import Script, Step, script
from tests.fuzz.target import Target
from tests.support.machines.receiver import BRIDGE_HELLO, EPOCH, Phone, World
from tests.support.machines.slices import Sliced
from tests.support.machines.watch import Watch
from tests.support.values import evidence

_MTUS = (gatt.MTU_LEAST, gatt.MTU, gatt.MTU_LEAST - 1, 23, 517)
_TTLS = (60, 1, 10, 120)
_WAITS_MS = (1, 300, 6_000, 40_000, 200_000)
_CHANNELS = tuple(wire.LAYOUTS)
_ADVERT_MOST = 31  # bytes, Core 5.4 Vol 6 Part B 2.3.1.1
_OWNERS = 4  # of long work beside links: an offer, a candidate, the pool, the issuers' keys
_TAKEN = (sale_session.CLAIMED, sale_session.ACCEPTED, sale_session.SETTLED)
_FLOORS = (0, evidence.AMOUNT - 1, evidence.AMOUNT)
_ORIGINALS = (bytes(16), b"", b"short")


class Counter:
    """A receiver between phones that know its offer's key and a bridge that knows its channels."""

    def __init__(self) -> None:
        self.world = World(authority.keys(), crypto=Sliced())
        self.world.lazy = self.world.mute = True
        self._phones: dict[int, Phone] = {}
        self._checked = 0  # outputs
        self._secrets = Watch(self.world)

    def phone(self, script: Script) -> Phone:
        link = script.number(gatt.LINKS_MOST)
        if link not in self._phones:
            kind = ED25519 if link % 2 else P256
            floor = _FLOORS[link % len(_FLOORS)]
            phone = Phone(self.world, link, f"phone {link}", kind, offline_floor=floor)
            self._phones[link] = phone
        return self._phones[link]

    # On air.

    def comes(self, script: Script) -> None:
        self.phone(script).connect(script.choice(_MTUS))

    def agrees(self, script: Script) -> None:
        phone = self.phone(script)
        phone.offer = self.world.shown()
        if phone.offer:
            phone.agree()
        phone.write(exchange.KEY, script.altered(phone.enc))

    def presents(self, script: Script) -> None:
        phone = self.phone(script)
        self._write(phone, exchange.CREDENTIAL, phone.credential, script)

    def approves(self, script: Script) -> None:
        phone = self.phone(script)
        approval = phone.make_approval() if phone.offer else b""
        self._write(phone, exchange.APPROVAL, approval, script)

    def _write(self, phone: Phone, kind: int, message: bytes, script: Script) -> None:
        """What a phone with a key seals, and what it then writes, are each as the script says."""
        padded = script.altered(padding.pad(message, _PADDED[kind]))
        sealed = phone.context.seal(padded) if phone.context else padded
        phone.sealed = script.altered(sealed)
        phone.write(kind, phone.sealed)

    def repeats(self, script: Script) -> None:
        self.phone(script).again()

    def leaves(self, script: Script) -> None:
        self.phone(script).write(exchange.LEAVE, bytes([script.number()]))

    def writes(self, script: Script) -> None:
        self.phone(script).raw(script.octets())

    def vanishes(self, script: Script) -> None:
        self.phone(script).vanish()

    def comes_back(self, script: Script) -> None:
        """With a proof that holds, or nearly; on any link."""
        phone = self.phone(script)
        if phone.proofs is not None:
            phone.link_up(script.choice(_MTUS))
            phone.raw(script.altered(phone.resume()))

    def radio_fails(self, script: Script) -> None:
        self.world.feed(io.RadioLost())

    # On the wire.

    def greets(self, script: Script) -> None:
        self.world.feed(io.WireUp(script.altered(BRIDGE_HELLO)))

    def orders(self, script: Script) -> None:
        self.world.open(reference=bytes([script.number(3)]) * 8, ttl=script.choice(_TTLS))

    def orders_a_refund(self, script: Script) -> None:
        self.world.open(kind=messages.REFUND, original=script.choice(_ORIGINALS))

    def stands_in(self, script: Script) -> None:
        held = self.world.sale.candidate
        order = wire.StandIn(self._session(), held.id if held else bytes(16), EPOCH)
        self._send(wire.STAND_IN, order, script)

    def learns(self, script: Script) -> None:
        """The time, and a floor."""
        self.world.state(script.number(), offline_floor=script.choice(_FLOORS))

    def cancels(self, script: Script) -> None:
        self.world.cancel(bytes([script.number(3)]) * 8)

    def results(self, script: Script) -> None:
        receipt = script.octets()[: padding.RECEIPT_MOST]
        self._send(wire.RESULT, wire.Result(self._session(), receipt), script)

    def judges(self, script: Script) -> None:
        held = self.world.sale.candidate
        verdict = wire.Verdict(self._session(), held.id if held else bytes(16), script.number())
        self._send(wire.VERDICT, verdict, script)

    def renews(self, script: Script) -> None:
        """A state or a certificate, as the authority signed it or not quite."""
        world = self.world
        if script.number(2):
            data = world.keys.state(
                script.number(), world.identity.receiver_id, world.identity.nonce, 1_800_000_000
            )
            channel = wire.STATE
        else:
            data, channel = world.certificate, wire.CERTIFICATE
        self._send(channel, wire.Blob(script.altered(data)), script)

    def says(self, script: Script) -> None:
        """Anything on any channel, known or not."""
        channel = script.choice((*_CHANNELS, script.number()))
        valid = seeds.plain(channel) or [b""]
        payload = script.altered(script.choice(valid))
        self.world.feed(io.WireMessage(channel, payload))

    def _send(self, channel: int, value: Any, script: Script) -> None:
        payload = script.altered(wire.encode(channel, value))
        self.world.feed(io.WireMessage(channel, payload))

    def _session(self) -> bytes:
        return self.world.sale.session or bytes(32)

    # In time.

    def works(self, script: Script) -> None:
        self.world.slice(script.number(20))

    def finishes(self, script: Script) -> None:
        self.world.work()

    def waits(self, script: Script) -> None:
        self.world.pass_time(script.choice(_WAITS_MS))

    def reports(self, script: Script) -> None:
        self.world.receiver.health(self.world.now, script.number())
        self.world.drain()

    # What is always true.

    def check(self) -> None:
        world = self.world
        links = world.receiver.air.links
        assert len(links) <= gatt.LINKS_MOST
        assert len(world.sale.waiting) <= sale_session.WAITING_MOST
        exchanges = [peer for peer in links if peer.sealed.enc]
        assert len(exchanges) + len(links.left) <= gatt.LINKS_MOST
        assert len(world.receiver.judge.work._queue) <= _OWNERS + len(links) + len(links.left)
        self._secrets.check()
        for output in world.outputs[self._checked :]:
            _check_output(output)
            if isinstance(output, io.Send) and output.channel == wire.PROVISIONAL:
                self._check_provisional(wire.decode(output.channel, output.payload).receipt)
        self._checked = len(world.outputs)

    def _check_provisional(self, data: bytes) -> None:
        """Signed for the candidate, within both floors, and for no refund."""
        held, offered, state = (
            self.world.sale.candidate,
            self.world.sale.offered,
            self.world.identity.state,
        )
        word = signed.parse(messages.PROVISIONAL, data).value
        assert word.approval_id == held.id
        assert word.amount == offered.offer.amount <= held.submission.credential.offline_floor
        assert offered.offer.kind == messages.PURCHASE
        assert state is not None


def _check_output(output: Any) -> None:
    """Whatever was put in, what comes out is well formed and has room where it goes."""
    if isinstance(output, io.Notify):
        assert 0 < len(output.data) <= gatt.EXCHANGE_MOST
    elif isinstance(output, io.Send):
        wire.decode(output.channel, output.payload)
    elif isinstance(output, io.ShowOffer):
        assert len(output.data) <= gatt.OFFER_MOST
    elif isinstance(output, io.ShowCertificate):
        assert len(output.data) <= gatt.CERTIFICATE_MOST
    elif isinstance(output, io.Advertise):
        assert max(len(output.data), len(output.response)) <= _ADVERT_MOST
    elif isinstance(output, io.LogLine):
        assert output.text.isprintable()


_PADDED = {
    exchange.CREDENTIAL: padding.CREDENTIAL_PADDED,
    exchange.APPROVAL: padding.APPROVAL_PADDED,
}
_STEPS: tuple[Step, ...] = (
    *(Counter.comes, Counter.agrees, Counter.presents, Counter.approves, Counter.repeats),
    *(Counter.leaves, Counter.writes, Counter.vanishes, Counter.radio_fails, Counter.greets),
    *(Counter.orders, Counter.cancels, Counter.results, Counter.judges, Counter.renews),
    *(Counter.says, Counter.works, Counter.finishes, Counter.waits, Counter.reports),
    *(Counter.orders_a_refund, Counter.stands_in, Counter.learns, Counter.comes_back),
)


def targets() -> Iterator[tuple[str, Target]]:
    yield "core", Target(run, None, _seeds, slow=True)


def run(data: bytes) -> bool | None:
    """Taken where an approval was: then the script went all the way."""
    counter, steps = Counter(), Script(data)
    taken = False
    for step in steps.steps(_STEPS):
        step(counter, steps)
        counter.check()
        taken = taken or counter.world.sale.state in _TAKEN
    return taken or None


def _seeds() -> list[bytes]:
    """A purchase, one after a refusal, one among others, one with all that a bridge may say; one
    that is accepted offline, and a refund."""
    opens = ((Counter.greets, 0), (Counter.orders, 0, 0), (Counter.finishes,))
    result = (Counter.results, b"receipt", 0)

    def pays(link: int) -> tuple[tuple[Any, ...], ...]:
        return (
            (Counter.comes, link, 0),
            (Counter.agrees, link, 0),
            (Counter.presents, link, 0, 0),
            (Counter.finishes,),
            (Counter.approves, link, 0, 0),
        )

    done, cancel = (Counter.finishes,), (Counter.cancels, 0)
    whole = [
        (*opens, *pays(0), done, result, (Counter.repeats, 0), (Counter.vanishes, 0)),
        (*opens, *pays(1), done, (Counter.judges, 7, 0), *pays(2), done, result),
        (*opens, *pays(3), done, (Counter.judges, 200, 0), *pays(0), done, result),
        (*opens, *pays(0), *pays(1), *pays(2), *pays(3), (Counter.works, 3), done, result),
        ((Counter.renews, 1, 3, 0, 0), (Counter.renews, 0, 0, 0), *opens, *pays(0), done, result),
        (*opens, *pays(0), (Counter.waits, 2), done, (Counter.reports, 9), (Counter.waits, 4)),
        (*opens, (Counter.comes, 1, 0), (Counter.leaves, 1, 1), *pays(0), done, cancel),
        (*opens, *pays(0), done, (Counter.results, b"", 0)),
        ((Counter.learns, 1, 2), *opens, *pays(2), done, (Counter.stands_in, 0), done, result),
        ((Counter.orders_a_refund, 0), done, *pays(0), done, (Counter.stands_in, 0), result),
    ]
    return [script(_STEPS, *steps) for steps in whole]
