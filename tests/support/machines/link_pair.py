"""Two links with their applications and a wire each way, by a simulated clock."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from receiver.link import link, link_states
from receiver.link.link import Delivered, Down, Link, Lost, Message, Up
from tests.support.values.steps import Steps

BOOT_TEXT = b"ESP-ROM:esp32c3-api1-20210207\r\nrst:0x3 (RTC_SW_SYS_RST),boot:0xd\r\n"


@dataclass(frozen=True)
class Faults:
    """How likely each harm is for one write, from 0 to 1, and the longest delay in ms."""

    drop: float = 0.0
    shorten: float = 0.0
    flip: float = 0.0
    repeat: float = 0.0
    noise: float = 0.0
    text: float = 0.0
    delay: int = 0


class LossyWire:
    """One direction. What is written comes out later, in order, in pieces, harmed or not at all."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self._random = random.Random(seed)
        self._faults = faults
        self._pieces: list[tuple[int, bytes]] = []
        self._last = 0
        self._cut_until = 0

    def write(self, data: bytes, now: int) -> None:
        """Bytes from one end."""
        if not data or now < self._cut_until or self._hit(self._faults.drop):
            return
        for _ in range(2 if self._hit(self._faults.repeat) else 1):
            self._push(self._harmed(data), now)

    def insert(self, data: bytes, now: int) -> None:
        """Bytes that no end has written."""
        self._push(data, now)

    def cut(self, now: int, duration: int) -> None:
        """Nothing that is written for so long arrives, nor what is on its way."""
        self._cut_until = now + duration
        self._pieces.clear()

    def read(self, now: int) -> list[bytes]:
        """What has arrived by now, as it came."""
        arrived = [data for at, data in self._pieces if at <= now]
        del self._pieces[: len(arrived)]
        return arrived

    def deadline(self) -> int | None:
        """When something arrives."""
        return self._pieces[0][0] if self._pieces else None

    def _hit(self, chance: float) -> bool:
        return self._random.random() < chance

    def _harmed(self, data: bytes) -> bytes:
        if self._hit(self._faults.shorten):
            data = data[: self._random.randrange(len(data))]
        if data and self._hit(self._faults.flip):
            at = self._random.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1 << self._random.randrange(8)]) + data[at + 1 :]
        if self._hit(self._faults.noise):
            data = self._random.randbytes(self._random.randrange(1, 300)) + data
        if self._hit(self._faults.text):
            data = BOOT_TEXT + data
        return data

    def _push(self, data: bytes, now: int) -> None:
        middle = self._random.randrange(len(data) + 1)
        for piece in (data[:middle], data[middle:]):
            self._last = max(self._last, now + self._random.randint(0, self._faults.delay))
            if piece:
                self._pieces.append((self._last, piece))


NONE = Faults()
HOSTILE = Faults(0.1, 0.05, 0.05, 0.1, 0.05, 0.05, delay=40)
DEVICE, HOST = 0, 1
LIMIT_MS = 600_000  # simulated: a conversation that takes longer does not end


class End:
    """A link with an application that numbers its messages and takes a while to accept others'."""

    def __init__(self, side: int, seed: int) -> None:
        self.side = side
        self.random = random.Random(seed)
        self.patience = 0  # the longest time before it accepts
        self.sent = 0
        self.refused = 0
        self.numbers: dict[tuple[int, int], int] = {}  # (boot, token): number
        self.delivered: list[int] = []
        self.lost: list[int] = []
        self.accepted: list[int] = []
        self.events: list[link.Event] = []
        self.boots = 0
        self.steps = Steps(self.told)
        self.boot()

    def boot(self) -> None:
        """A new start: what the old one knew is gone."""
        self.boots += 1
        self.open: Message | None = None
        self.accept_at = 0
        name = bytes([0xA0 + self.side, 0, 0, self.boots])
        self.link = Link(name, b"end %d" % self.side, host=self.side == HOST)

    def send(self, size: int = 8) -> None:
        """One more message, with its number in front."""
        token = self.link.send(self.side, self.sent.to_bytes(4, "big") + bytes(size))
        if token:
            self.numbers[self.boots, token] = self.sent
            self.sent += 1
        else:
            self.refused += 1

    def handle(self, now: int) -> None:
        """Everything the link has to say, and the acceptance once it is time."""
        news: Iterator[link.Event] = self.steps.polled(self.link.poll)
        for event in news:
            self.events.append(event)
            self._on(event, now)
        if self.open is not None and now >= self.accept_at:
            if self.link.accept(self.open.token):
                self.accepted.append(int.from_bytes(self.open.payload[:4], "big"))
            self.open = None

    def deadline(self) -> int | None:
        times = [self.link.deadline(), self.accept_at if self.open else None]
        return min((time for time in times if time is not None), default=None)

    def told(self) -> str:
        """Where it stands, for a conversation that does not end."""
        due = self.link.deadline()
        return f"side {self.side} state {self.link.state} due {due}, last {self.events[-3:]}"

    def _on(self, event: link.Event, now: int) -> None:
        if isinstance(event, Message):
            self.open = event
            self.accept_at = now + self.random.randint(0, self.patience)
        elif isinstance(event, Delivered):
            self.delivered.append(self.numbers.pop((self.boots, event.token)))
        elif isinstance(event, Lost):
            tokens = [message.token for message in event.messages]
            self.lost += [self.numbers.pop((self.boots, token)) for token in tokens]


class World:
    """Device and host, and a wire each way."""

    def __init__(self, seed: int = 0, faults: Faults = NONE) -> None:
        self.now = 1_000
        self.ends = (End(DEVICE, seed), End(HOST, seed + 1))
        self.steps = Steps(self.told)
        self.wires = (LossyWire(seed + 2, faults), LossyWire(seed + 3, faults))

    @property
    def device(self) -> End:
        return self.ends[DEVICE]

    @property
    def host(self) -> End:
        return self.ends[HOST]

    def turn(self) -> None:
        """Everything that can happen now, then on to the next time at which something does."""
        self.steps.take()
        for side, end in enumerate(self.ends):
            for data in self.wires[1 - side].read(self.now):
                end.link.receive(data, self.now)
                end.handle(self.now)
            due = end.link.deadline()
            if due is not None and due <= self.now:
                end.link.expire(self.now)
            end.handle(self.now)
            self.wires[side].write(end.link.transmit(self.now), self.now)
        times = [part.deadline() for part in (*self.ends, *self.wires)]
        self.now = max(self.now, min((time for time in times if time is not None), default=0))

    def run(self, done: str = "up") -> None:
        """Until both ends are up, or have nothing left in flight."""
        end = self.now + LIMIT_MS
        while not getattr(self, done)():
            assert self.now < end, done
            self.turn()

    def told(self) -> str:
        return f"at {self.now}: {'; '.join(end.told() for end in self.ends)}"

    def up(self) -> bool:
        return all(end.link.state == link_states.UP for end in self.ends)

    def idle(self) -> bool:
        return self.up() and not any(end.open or self.waiting(end) for end in self.ends)

    def waiting(self, end: End) -> bool:
        return any(boot == end.boots for boot, _ in end.numbers)


def up_world(seed: int = 0, faults: Faults = NONE) -> World:
    world = World(seed, faults)
    world.run()
    return world


def ups(end: End) -> list[Up]:
    return [event for event in end.events if isinstance(event, Up)]


def downs(end: End) -> list[int]:
    return [event.reason for event in end.events if isinstance(event, Down)]
