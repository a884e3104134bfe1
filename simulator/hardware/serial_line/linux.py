"""A Linux call that Python lacks: inotify, to see a terminal opened."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator

OPENED = 0x20  # IN_OPEN
CLOSED = 0x08 | 0x10  # IN_CLOSE_WRITE, IN_CLOSE_NOWRITE
_HEAD = struct.Struct("iIII")  # watch, mask, cookie, length of the name

_libc = ctypes.CDLL(None, use_errno=True)


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
