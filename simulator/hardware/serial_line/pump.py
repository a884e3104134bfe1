"""Carry bytes between the two terminals, with the timing and losses of the model."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

from .config import Config
from .model import MS, Line
from .terminal import HostTerminal, Terminal

SECOND = 1000 * MS


class Pump:
    """The owner of terminals, symlink and timer. Make and close it inside a running loop."""

    def __init__(self, config: Config) -> None:
        self.line = Line(config.rate, config.ring, config.hold_ms)
        self.device = Terminal()
        self.opened = asyncio.Event()  # set at each open by the host
        self._link = Path(config.serial)
        self._boot_text = config.boot_text.encode()
        self._random = random.Random(config.seed)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._host: HostTerminal | None = None
        self._reading: set[int] = set()
        self.plug()

    def plug(self) -> None:
        """Make a terminal for the host under the same name, unless there is one."""
        if self._host:
            return
        self._host = HostTerminal()
        self._loop.add_reader(self._host.watch.fd, self._host_changed)
        fresh = self._link.with_name(self._link.name + ".new")
        fresh.symlink_to(self._host.path)
        fresh.replace(self._link)
        self._turn()

    def unplug(self) -> None:
        """Remove the name and hang up on the program that has the terminal open."""
        if not self._host:
            return
        self._link.unlink(missing_ok=True)
        self._loop.remove_reader(self._host.watch.fd)
        self._listen(self._host.fd, False)
        self._host.close()
        self._host = None

    def close(self) -> None:
        """Close everything."""
        self.unplug()
        if self._timer:
            self._timer.cancel()
        self._listen(self.device.fd, False)
        self.device.close()

    def boot(self) -> None:
        """Send the chip's boot text; drop its unread input."""
        self.say(self._boot_text)

    def say(self, text: bytes) -> None:
        """Send text to the host, as if the device had written it."""
        self.line.from_device(text, time.monotonic_ns())
        self._turn()

    def garbage(self, size: int, to_host: bool) -> None:
        """Send random bytes to one end."""
        put = self.line.from_device if to_host else self.line.from_host
        put(self._random.randbytes(size), time.monotonic_ns())
        self._turn()

    def cut(self, duration_ms: int) -> None:
        """Let nothing pass for this long."""
        self.line.cut(time.monotonic_ns(), duration_ms * MS)

    def status(self) -> dict[str, object]:
        """Return the line's status for the control socket."""
        is_open = bool(self._host and self._host.is_open())
        return {"plugged": self._host is not None, "open": is_open, **self.line.counters}

    def _host_changed(self) -> None:
        if self._host and self._host.changed():
            self.opened.set()
        self._turn()

    def _host_wrote(self) -> None:
        if self._host:
            self.line.from_host(self._host.read(), time.monotonic_ns())
            self._turn()

    def _device_wrote(self) -> None:
        self.line.from_device(self.device.read(), time.monotonic_ns())
        self._turn()

    def _turn(self) -> None:
        """Deliver what has arrived, read where there is room, and set the timer."""
        now = time.monotonic_ns()
        self.device.write(self.line.to_device(now, self.device.unread()))
        room = self._host.room() if self._host else 0
        data = self.line.to_host(now, room)
        if self._host:
            self._host.write(data)
            self._listen(self._host.fd, not self.line.host_waits())
        self._listen(self.device.fd, not self.line.device_waits())
        self._set_timer()

    def _listen(self, fd: int, wanted: bool) -> None:
        if wanted == (fd in self._reading):
            return
        if wanted:
            self._reading.add(fd)
            self._loop.add_reader(
                fd, self._device_wrote if fd == self.device.fd else self._host_wrote
            )
        else:
            self._reading.discard(fd)
            self._loop.remove_reader(fd)

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        due = self.line.deadline()
        if due is not None:
            self._timer = self._loop.call_at(due / SECOND, self._turn)
