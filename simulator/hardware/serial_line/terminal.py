"""A pseudo-terminal in raw mode whose slave stays open, so that it outlives its users."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import tty

from .linux import OPENED, Watch

KERNEL_ROOM = 4095  # bytes that the kernel buffers for a reader before the writer must wait
CHUNK = 4096


class Terminal:
    """`fd` is the line's side (the master), `slave` and `path` the user's."""

    def __init__(self) -> None:
        self.fd, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.fd, False)
        self.path = os.ttyname(self.slave)

    def read(self) -> bytes:
        """Return what the user has written; b"" if nothing."""
        try:
            return os.read(self.fd, CHUNK)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Write for the user; the caller respects the room."""
        if data:
            os.write(self.fd, data)

    def unread(self) -> int:
        """Return how many bytes the user has not read yet."""
        return int(struct.unpack("i", fcntl.ioctl(self.slave, termios.FIONREAD, bytes(4)))[0])

    def flush(self) -> None:
        """Drop what the user has not read."""
        termios.tcflush(self.slave, termios.TCIFLUSH)

    def close(self) -> None:
        """Hang up on the program that has it open."""
        os.close(self.fd)
        os.close(self.slave)


class HostTerminal(Terminal):
    """The host's terminal: it has room only while it is open."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = Watch(self.path)
        self._users = 0

    def changed(self) -> bool:
        """Read the watch: return whether it was opened. The last user's unread bytes are lost."""
        opened = False
        for event in self.watch.read():
            if event == OPENED:
                opened = True
                self._users += 1
            else:
                self._users = max(0, self._users - 1)
        if not self._users:
            self.flush()
            # A device is free once its last user is gone, however; this one is never closed.
            fcntl.ioctl(self.slave, termios.TIOCNXCL)
        return opened

    def is_open(self) -> bool:
        return self._users > 0

    def room(self) -> int:
        """Return how many more bytes fit into the host's driver."""
        return KERNEL_ROOM - self.unread() if self._users else 0

    def close(self) -> None:
        self.watch.close()
        super().close()
