"""Notify the service manager (sd_notify(3)), if the environment asks for it."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"
STARTING = "STATUS=Starting"
ALIVE = "WATCHDOG=1"


def tell(state: str) -> None:
    """Send `state`; an unreachable manager fails nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # a name without a file, in Linux's form
        address = "\0" + address[1:]
    with suppress(Exception):  # no descriptor left, a name that is too long: the next one may work
        _send(state.encode(), address)


def _send(data: bytes, address: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
        door.setblocking(False)
        door.sendto(data, address)


def patience(seconds: int, why: str) -> str:
    """Make a state that asks for more time to start, with the reason."""
    return f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000}\nSTATUS={why}"


def alive_every_s() -> float | None:
    """Return seconds between two signs of life, half of the manager's limit; None without one."""
    allowed, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not allowed.isascii() or not allowed.isdigit() or process not in ("", str(os.getpid())):
        return None
    return int(allowed) / 2_000_000 or None
