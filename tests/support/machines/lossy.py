"""A seeded serial line between two links: first in, first out, and otherwise hostile."""

from __future__ import annotations

import random
from dataclasses import dataclass

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
