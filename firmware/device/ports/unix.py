"""The Unix port of MicroPython as a board: files as store, standard streams as line.

Use the interpreter's own `bluetooth` module if it has one; else the simulator's, from the directory
that TILLSIGN_SHIM names.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from receiver.link import wire

from .interface import Console, Ports

if TYPE_CHECKING:
    from typing import Any

ABSENT = 2  # ENOENT
STANDARD_INPUT = 0


class Clock:
    """`ticks_ms` of this port wraps only after ages: small ints have 63 bits here."""

    def __init__(self) -> None:
        self._start = time.ticks_ms()

    def ms(self) -> int:
        return time.ticks_diff(time.ticks_ms(), self._start)


class Store:
    """One file for each value, replaced whole."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def get(self, name: str) -> bytes:
        try:
            with open(self.place(name), "rb") as file:
                data: bytes = file.read()
                return data
        except OSError as error:
            if error.errno != ABSENT:
                raise
            return b""

    def put(self, name: str, data: bytes) -> None:
        path = self.place(name)
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.rename(path + ".new", path)

    def place(self, name: str) -> str:
        """Return the path of a value."""
        return self._directory + "/" + name


class Board:
    name = "unix"
    fits = True

    def reset_cause(self) -> int:
        return wire.RESET_POWER

    def feed(self) -> None:
        """Do nothing: the parent process watches this one."""

    def light(self, colour: int) -> None:
        """Do nothing: there is no lamp."""

    def keep_image(self) -> None:
        """Do nothing: there is no image."""

    def reset(self) -> None:
        sys.exit(0)


def make() -> Ports:
    """Make the platform, radio first. TILLSIGN_STORE names the store's directory."""
    make_raw()
    bluetooth = import_bluetooth()
    ble = bluetooth.BLE()

    return Ports(
        ble,
        bluetooth.UUID,
        ble if hasattr(ble, "pump") else None,  # MicroPython's own has interrupts
        sys.stdin,
        sys.stdout,
        Store(directory()),
        os.urandom,
        Clock(),
        Board(),
    )


def make_console() -> Console:
    """Make what service mode begins with."""
    make_raw()
    return Console(sys.stdin, sys.stdout, Clock(), Board())


def directory() -> str:
    """Return the store's directory."""
    return os.getenv("TILLSIGN_STORE", ".")


def make_raw() -> None:
    """Set a terminal to raw: no echo, no signals, every byte as it is."""
    import termios  # type: ignore[import-not-found]  # the Unix port has it

    try:
        termios.setraw(STANDARD_INPUT)
    except OSError:
        return  # a pipe or a socket is raw


def import_bluetooth() -> Any:
    """Import the interpreter's own module, else the simulator's; raises ImportError."""
    try:
        import bluetooth
    except ImportError:
        sys.path.append(os.getenv("TILLSIGN_SHIM", ""))
        import bluetooth
    return bluetooth
