"""QEMU's command line for one machine: its memory, its flash, its line and its radio."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .toolchain import QEMU

C3_POOL = 144_000  # bytes that an ESP32-C3 leaves with Bluetooth up (docs/hardware.md)


class QemuBoard(NamedTuple):
    """One board. `pool` are the pieces of memory for heap and native code, in bytes.

    Without `radio` (an endpoint, "tcp:HOST:PORT" or "unix:PATH") it has none. With `counted` the
    clock follows the instructions, one a nanosecond, and `rdcycle` counts them; else both follow
    the host's clock.
    Its serial line is the terminal at its standard input, or else both standard streams. With
    `stats` it keeps its own figures in `stats.json` (port/stats.c). `heap` is the first piece of
    the heap in bytes; 0 is the stock image's, 64 kB.
    """

    image: Path
    flash: Path | None = None
    pool: Sequence[int] = (C3_POOL,)
    radio: str | None = None
    counted: bool = False
    on_terminal: bool = False
    stats: bool = False
    heap: int = 0

    def argv(self) -> list[str]:
        """Return the command."""
        line = "serial,id=line,path=/dev/stdin" if self.on_terminal else "stdio,id=line,signal=off"
        return [
            QEMU,
            *("-machine", "virt", "-bios", "none", "-nodefaults", "-display", "none"),
            *("-chardev", line, "-serial", "chardev:line"),
            *self._radio_card(),
            *(("-icount", "shift=0") if self.counted else ()),
            *("-semihosting-config", ",".join(("enable=on", "target=native", *self._arguments()))),
            *("-kernel", str(self.image)),
        ]

    def _arguments(self) -> list[str]:
        """Return what the machine's own code reads (`host_argument` in port/semihosting.c)."""
        given = ["arg=virt", f"arg=pool={'+'.join(map(str, self.pool))}"]
        if self.flash:
            given.append(f"arg=flash={self.flash}")
        if self.heap:
            given.append(f"arg=heap={self.heap}")
        return [*given, "arg=stats=1"] if self.stats else given

    def _radio_card(self) -> list[str]:
        """Return a PCI card with two serial ports: one for questions, one for events."""
        if self.radio is None:
            return []
        kind, _, place = self.radio.partition(":")
        if kind == "unix":
            where = f"path={place}"
        else:
            host, _, port = place.rpartition(":")
            where = f"host={host},port={port},nodelay=on"
        ports = ("asking", "events")
        sockets = [("-chardev", f"socket,id={name},{where}") for name in ports]
        card = "pci-serial-2x,addr=1,chardev1=asking,chardev2=events"
        return [*(word for pair in sockets for word in pair), "-device", card]
