"""What the service manager is told (sd_notify(3)), if one asks for it in the environment."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"
STARTING = "STATUS=Starting"
ALIVE = "WATCHDOG=1"


def tell(state: str) -> None:
    """Say `state`; a manager that cannot be told is no reason to fail."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # a name without a file, as Linux writes it
        address = "\0" + address[1:]
    with suppress(Exception):  # no descriptor left, a name that is too long: the next may pass
        _send(state.encode(), address)


def _send(data: bytes, address: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
        door.setblocking(False)
        door.sendto(data, address)


def patience(seconds: int, why: str) -> str:
    """A state that asks for so much more time to start, and says why."""
    return f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000}\nSTATUS={why}"


def alive_every_s() -> float | None:
    """Seconds between two signs of life, half of what the manager allows; None if it asks none."""
    allowed, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not allowed.isascii() or not allowed.isdigit() or process not in ("", str(os.getpid())):
        return None
    return int(allowed) / 2_000_000 or None
