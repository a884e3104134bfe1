"""Tell the bridge what is running here, and why it was started."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from receiver.encoding import schema
from receiver.link import wire

from . import slots, version

if TYPE_CHECKING:
    from typing import Any


def hello(receiver_id: bytes, board: str, reset_cause: int, nonce: bytes, fault: int) -> bytes:
    """Return what HELLO tells."""
    implementation: Any = sys.implementation
    value = wire.ReceiverHello(
        wire.PROTOCOL,
        wire.PROTOCOL,
        receiver_id,
        board,
        implementation[0],
        version.interpreter(),
        version.VERSION,
        version.measure(sys.path[0]),
        reset_cause,
        nonce,
        fault,
        min(len(slots.read(slots.CRASHES)), wire.CRASHES_MOST),
    )
    return schema.encode(wire.RECEIVER_HELLO, value)


def cause(hardware: int) -> int:
    """Return why this start is: a chip does not tell its own order to reset from a panic."""
    marked = slots.read(slots.RESET)
    if marked:
        slots.write(slots.RESET, "")
    if hardware not in (wire.RESET_WATCHDOG, wire.RESET_BROWN_OUT):
        for order in (wire.RESET_PLANNED, wire.RESET_CRASH, wire.RESET_UPDATE):
            if marked == str(order):
                return order
    return hardware
