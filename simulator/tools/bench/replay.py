"""Feed given events to a receiver and measure its heap. Runs inside MicroPython.

Reads JSON lines: the receiver's parts, then lists of events that come together, each event as
[name in `receiver.core.io`, values...] with bytes in hexadecimal. Prints one JSON object.
"""

from __future__ import annotations

import gc
import json
import sys
from typing import TYPE_CHECKING

from receiver.core import io
from receiver.core.identity import Enrolment, Identity
from receiver.core.receiver import Receiver
from receiver.crypto import chacha, ed25519, hkdf, hpke, p256, portable, sha512, x25519
from receiver.protocol import pins
from receiver.protocol.signed import digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from receiver.crypto.interface import Crypto

LOADED = (chacha, ed25519, hkdf, hpke, p256, sha512, x25519)  # imported here, not at first use
PARTS = ("seed", "certificate", "pins")
_NOW = 0


class Entropy:
    """Random bytes that repeat from run to run."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, size: int) -> bytes:
        self._count += 1
        return digest(b"entropy %d" % self._count)[:size]


class Scale:
    """Bytes of heap in use beyond those at its creation."""

    def __init__(self) -> None:
        self.most = 0
        self._empty = _in_use()

    def read(self) -> int:
        found = _in_use() - self._empty
        self.most = max(self.most, found)
        return found


class Life:
    """A receiver, and one hash over all its output to the bridge."""

    def __init__(self, parts: dict[str, str], crypto: Crypto) -> None:
        seed, certificate, pinned = [bytes.fromhex(parts[name]) for name in PARTS]
        known = pins.decode(pinned)
        self.receiver = Receiver(
            Identity(Enrolment(seed, certificate, known, 0, 0), crypto, Entropy(), 1)
        )
        self.told = bytes(32)

    def handle(self, events: list[list[str | int]]) -> None:
        for spelled in events:
            self.receiver.handle(_event(spelled), _NOW)

    def slices(self) -> Iterator[list[object]]:
        """Yield its immediate output, and then that of each slice of work until there is none."""
        yield self._drain()
        while self.receiver.busy():
            self.receiver.work(_NOW)
            yield self._drain()

    def _drain(self) -> list[object]:
        found: list[object] = []
        item = self.receiver.poll()
        while item is not None:
            if isinstance(item, io.Send):
                self.told = digest(self.told + item.payload)
            found.append(item)
            item = self.receiver.poll()
        return found


def main() -> None:
    """Print the peak, the bytes before the first event, and the hash."""
    parts = json.loads(sys.stdin.readline())
    scale = Scale()
    life = Life(parts, portable)
    idle = _live(life, scale)
    line = sys.stdin.readline()
    while line:
        life.handle(json.loads(line))
        _live(life, scale)
        line = sys.stdin.readline()
    print(json.dumps({"most": scale.most, "idle": idle, "told": life.told.hex()}))


def _live(life: Life, scale: Scale) -> int:
    """Measure after the events and after each slice; return the last figure."""
    found = 0
    for _ in life.slices():
        found = scale.read()
    return found


def _in_use() -> int:
    counts: Any = gc  # MicroPython's `gc` counts bytes, CPython's does not
    gc.collect()
    found: int = counts.mem_alloc()
    return found


def _event(spelled: list[str | int]) -> io.Event:
    values = [bytes.fromhex(value) if isinstance(value, str) else value for value in spelled[1:]]
    event: io.Event = getattr(io, str(spelled[0]))(*values)
    return event
