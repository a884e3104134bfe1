"""Answer the bridge after crashes in a row: say why nothing is sold, and take other firmware.

It has no radio, no key and no sale, and imports as little as HELLO needs.
"""

from __future__ import annotations

import os
import select
import sys
import time
from typing import TYPE_CHECKING

from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.link import link, wire
from receiver.protocol.messages import RECEIVER_ID_SIZE

from . import lamp, slots, version
from .boards import choice
from .ports.light import Light

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .boards import Pins

SAFE_MS = 600_000  # then the firmware has another try: what was wrong may have passed
TURN_MS = 100  # the loop turns at least this often, to feed the watchdog and to answer in time
READ_MOST = 192  # as in `line.py`
WRITE_MOST = 63  # as in `line.py`


def main(feed: Callable[[], object]) -> None:
    """Serve until the line closes, SAFE_MS are over, or the bridge orders another start."""
    fault = _fault(slots.read(slots.CRASH))
    implementation: Any = sys.implementation
    machine = implementation._machine
    pins = _pins(machine)
    light = Light(pins).light
    name = pins.NAME if pins else machine[: wire.BOARD_MOST]
    end = link.Link(os.urandom(4), _hello(fault, name), host=False)
    poller = select.poll()
    poller.register(sys.stdin, select.POLLIN)
    colour, lit = lamp.PATTERNS[lamp.FAULT]
    began = time.ticks_ms()
    now = 0
    ends = False
    while now < SAFE_MS and not ends:
        feed()
        light(colour if lit[now // lamp.STEP_MS % lamp.STEPS] == "#" else 0)
        heard = bytearray()
        while len(heard) < READ_MOST and poller.poll(0 if heard else TURN_MS):
            piece = sys.stdin.buffer.read(1)
            if not piece:
                return
            heard += piece
        end.receive(bytes(heard), now)
        now = time.ticks_diff(time.ticks_ms(), began)
        due = end.deadline()
        if due is not None and due <= now:
            end.expire(now)
        while (event := end.poll()) is not None:
            if isinstance(event, link.Up) and event.fresh:
                slots.tell(end)
                end.send(wire.SYNC, wire.encode(wire.SYNC, wire.Opened(b"", b"", reasons.OK)))
            elif isinstance(event, link.Message):
                end.accept(event.token)
                ends = _obey(end, event, fault)  # and the acknowledgement is written below
        while data := end.transmit(now):
            for at in range(0, len(data), WRITE_MOST):
                sys.stdout.buffer.write(data[at : at + WRITE_MOST])


def _pins(machine: str) -> Pins | None:
    """Return the pin map of a board that is known: of any other no pin is driven."""
    pins = choice.choose(machine, choice.flashed())
    return pins if pins and choice.fits(machine, pins) else None


def _fault(crash: str) -> int:
    """Return the reason that the last traceback tells."""
    if "MemoryError" in crash:
        return reasons.OUT_OF_MEMORY
    if "incompatible .mpy" in crash:  # machine code for another chip
        return reasons.WRONG_IMAGE
    return reasons.CRASH_LOOP


def _hello(fault: int, board: str) -> bytes:
    """Return HELLO of a receiver that does not know who it is."""
    implementation: Any = sys.implementation
    hello = wire.ReceiverHello(
        wire.PROTOCOL,
        wire.PROTOCOL,
        bytes(RECEIVER_ID_SIZE),
        board,
        implementation[0],
        version.interpreter(),
        version.VERSION,
        version.measure(sys.path[0]),
        wire.RESET_CRASH,
        bytes(wire.NONCE_SIZE),
        fault,
        min(len(slots.read(slots.CRASHES)), wire.CRASHES_MOST),
    )
    return schema.encode(wire.RECEIVER_HELLO, hello)


def _obey(end: link.Link, message: link.Message, fault: int) -> bool:
    """Refuse to open an offer; return whether to start anew."""
    try:
        order = wire.decode(message.channel, message.payload)
    except Error:
        return False
    if message.channel == wire.OPEN:
        answer = wire.Opened(order.reference, b"", fault)
        end.send(wire.OFFER, wire.encode(wire.OFFER, answer))
    elif message.channel == wire.RESTART:
        slots.order(order.slot)
        return True
    return False
