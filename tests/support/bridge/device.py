"""A scripted receiver on a line in memory: real link, real signatures, any lie that is wanted."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from bridge.lines.serial_port import Port, PortError
from receiver import reasons
from receiver.encoding import schema
from receiver.link import link, service_wire, wire
from receiver.protocol import identifiers, messages, signed
from tests.support.values import evidence
from tests.support.values.steps import Steps

PATIENCE_S = 10.0  # for what must come; longer than it takes, shorter than a hung test
LINK = 0


class Device:
    """The receiver; also the opener and the port that the bridge sees."""

    def __init__(self, seed: bytes, certificate: bytes, receiver_id: bytes) -> None:
        self.seed = seed
        self.certificate = certificate
        self.lies: dict[str, Any] = {}  # fields that its offers falsify
        self.nonce = os.urandom(wire.NONCE_SIZE)
        self.offer = b""
        self.orders = 0  # how often it was told to make an offer
        self.handed: list[bytes] = []  # approvals, of all its lives
        self.raw = b""  # written before the next frame: boot text, garbage
        self._receiver_id = receiver_id
        self._reference = b""
        self._sequence = int(time.time()) % 1_000_000
        self._heard: dict[int, asyncio.Queue[Any]] = {}
        self.gave_up = asyncio.Event()  # its link, as the bridge acknowledged nothing
        self._plugged = True
        self._received: Callable[[bytes], None] | None = None
        self._lost: Callable[[str], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._steps = Steps(lambda: (self._link.state, self._link.deadline()))
        self.reboot()

    # What a test does to it.

    def reboot(self, **says: Any) -> None:
        """Everything in memory is gone, and the link begins anew; `says` changes its HELLO."""
        self.offer = self._reference = b""
        hello = wire.ReceiverHello(
            wire.PROTOCOL,
            wire.PROTOCOL,
            self._receiver_id,
            "scripted",
            "cpython",
            "3",
            "0.1.0",
            bytes(8),
            wire.RESET_POWER,
            self.nonce,
            0,
            0,
        )
        boot = os.urandom(3) + b"\x01"
        content = schema.encode(wire.RECEIVER_HELLO, hello._replace(**says))
        self._link = link.Link(boot, content, host=False)
        if self._received:
            self._pump()

    def unplug(self) -> None:
        self._plugged = False
        if self._lost:
            self._lost("unplugged")

    def plug(self) -> None:
        self._plugged = True

    async def heard(self, channel: int) -> Any:
        """The next message on `channel` from the bridge."""
        queue = self._heard.setdefault(channel, asyncio.Queue())
        return await asyncio.wait_for(queue.get(), PATIENCE_S)

    def forget(self) -> None:
        """What it has heard so far and nobody asked for."""
        self._heard.clear()

    async def offered(self) -> bytes:
        """The offer after the next OPEN."""
        await self.heard(wire.OPEN)
        return self.offer

    def send(self, channel: int, value: Any) -> None:
        self._link.send(channel, wire.encode(channel, value))
        self._pump()

    def present(self, credential: bytes) -> None:
        hashed = identifiers.certificate_hash(self.certificate)
        record = wire.CredentialRecord(LINK, hashed, self.offer, evidence.ENC, credential)
        self.send(wire.CREDENTIAL, record)

    def approve(self, approval: bytes) -> None:
        self.handed.append(approval)
        record = wire.ApprovalRecord(identifiers.session_id(self.offer), LINK, approval)
        self.send(wire.APPROVAL, record)

    def judge(self, approval_id: bytes, reason: int = reasons.OK, offer: bytes = b"") -> None:
        """Its word on an approval of the offer at hand, or of an older one."""
        verdict = wire.Verdict(identifiers.session_id(offer or self.offer), approval_id, reason)
        self.send(wire.VERDICT, verdict)

    def prove(self, word: wire.StandIn, **changes: Any) -> bytes:
        """Its receipt for what was accepted offline, as the phone has it too."""
        offer = signed.parse(messages.OFFER, self.offer).value
        said = {"amount": offer.amount, "till": offer.till, "approval_id": word.approval_id}
        said |= changes
        name = said.pop("approval_id")
        receipt = evidence.provisional(self.seed, self.certificate, name, word.time, **said)
        self.send(wire.PROVISIONAL, wire.ProvisionalRecord(word.session, receipt))
        return receipt

    def say_no(self) -> None:
        own = identifiers.session_id(self.offer)
        self.send(wire.PHONE, wire.Phone(own, LINK, wire.PHONE_LEFT, reasons.BUYER_SAID_NO))

    # What the bridge sees (`bridge.lines.serial_port`).

    async def __call__(
        self, received: Callable[[bytes], None], lost: Callable[[str], None]
    ) -> Port:
        if not self._plugged:
            raise PortError("not there")
        self._received, self._lost = received, lost
        self._tell_health_later()
        return self

    def write(self, data: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._take, data)

    async def close(self) -> None:
        self._received = self._lost = None
        for timer in (self._timer, self._telling):
            if timer:
                timer.cancel()

    # The receiver itself.

    def _tell_health_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._telling = loop.call_later(wire.HEALTH_MS / 1000, self._tell_health)

    def _tell_health(self) -> None:
        """As `firmware.device.app` does."""
        self._tell_health_later()
        self.send(wire.HEALTH, wire.Health(self._now() // 1000, 60_000, 0, b"\xa0", 0, 0))

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)

    def _take(self, data: bytes) -> None:
        self._link.receive(data, self._now())
        self._pump()

    def _expire(self) -> None:
        self._link.expire(self._now())
        self._pump()

    def _pump(self) -> None:
        for event in self._steps.polled(self._link.poll):
            if isinstance(event, link.Message):
                self._link.accept(event.token)
                self._react(event.channel, decoded(event.channel, event.payload))
            elif isinstance(event, link.Down):
                self.gave_up.set()
            elif isinstance(event, link.Up) and event.fresh:
                opened = wire.Opened(self._reference, self.offer, reasons.OK)
                self._link.send(wire.SYNC, wire.encode(wire.SYNC, opened))
        if self._received is None:
            return
        while data := self._link.transmit(self._now()):
            self._steps.take()
            asyncio.get_running_loop().call_soon(self._deliver, self.raw + data)
            self.raw = b""
        if self._timer:
            self._timer.cancel()
        due = self._link.deadline()
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(due / 1000, loop.time()), self._expire)

    def _deliver(self, data: bytes) -> None:
        if self._received:
            self._received(data)

    def _react(self, channel: int, message: Any) -> None:
        if channel == wire.OPEN:
            self._open(message)
        elif channel == wire.CANCEL and message.reference == self._reference:
            self.offer = self._reference = b""
        self._heard.setdefault(channel, asyncio.Queue()).put_nowait(message)

    def _open(self, order: wire.Open) -> None:
        self.orders += 1
        self._sequence += 1
        fields: dict[str, Any] = {
            "sequence": self._sequence,
            "amount": order.amount,
            "till": order.till,
            "ttl": order.ttl,
            "reference": order.reference,
            "kind": order.kind,
            "original": order.original,
            "ephemeral": os.urandom(32),
        }
        now = int(time.time())
        self._reference = order.reference
        self.offer = evidence.offer(self.seed, self.certificate, now, **(fields | self.lies))
        opened = wire.Opened(order.reference, self.offer, reasons.OK)
        self._link.send(wire.OFFER, wire.encode(wire.OFFER, opened))


def decoded(channel: int, payload: bytes) -> Any:
    of_service = channel in service_wire.LAYOUTS
    return (service_wire if of_service else wire).decode(channel, payload)
