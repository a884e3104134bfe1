"""Load what obeys the orders of service mode. The build makes it a module of its own.

It shares nothing with its caller but plain values: in a built slot either has its own classes.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.device.ports.interface import Clock, Tools

    Handle = Callable[[int, bytes], None]
    Poll = Callable[[], tuple[int, bytes] | None]
    Loaded = tuple[Handle, Callable[[], bool], Callable[[], None], Poll, Callable[[], None]]


def main(clock: Clock) -> Loaded:
    """Return `handle`, `busy`, `work`, `poll` and `cancel` of `receiver.service.orders.Orders`.

    The radio starts first: it needs large pieces of memory.
    """
    tools = _tools(clock)
    tools.device.start_radio()
    from receiver.crypto import portable
    from receiver.service.orders import Orders

    orders = Orders(portable, tools.store, tools.slots, tools.device)
    return orders.handle, orders.busy, orders.work, orders.poll, orders.cancel


def _tools(clock: Clock) -> Tools:
    if sys.platform in ("linux", "darwin"):
        from .ports import unix_service as port
    else:  # a board, or an emulated one
        from .ports import esp32_service as port
    return port.make(clock)
