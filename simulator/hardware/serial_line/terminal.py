"""A pseudo-terminal in raw mode whose slave stays open, so that it outlives its users."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import termios
import tty
from collections.abc import Iterator

KERNEL_ROOM = 4095  # bytes that the kernel buffers for a reader before the writer must wait
PIECE = 4096

# inotify, which Python lacks: to see a terminal opened.
OPENED = 0x20  # IN_OPEN
CLOSED = 0x08 | 0x10  # IN_CLOSE_WRITE, IN_CLOSE_NOWRITE
_HEAD = struct.Struct("iIII")  # watch, mask, cookie, length of the name

_libc = ctypes.CDLL(None, use_errno=True)


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
            return os.read(self.fd, PIECE)
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


class Watch:
    """A watch of a file's opens and closes from now on."""

    def __init__(self, path: str) -> None:
        self.fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        _checked(_libc.inotify_add_watch(self.fd, path.encode(), OPENED | CLOSED))

    def read(self) -> Iterator[int]:
        """Return OPENED or a bit of CLOSED for each event; nothing if there is none."""
        try:
            data = os.read(self.fd, 4096)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            _, mask, _, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size + length
            yield mask & (OPENED | CLOSED)

    def close(self) -> None:
        os.close(self.fd)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
