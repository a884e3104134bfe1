"""Wait for a stream in MicroPython's asyncio; its StreamReader accepts whole reads only."""

from __future__ import annotations

from asyncio import core  # type: ignore[attr-defined]
from typing import TYPE_CHECKING

if TYPE_CHECKING:

    async def readable(stream: object) -> None: ...

    async def writable(stream: object) -> None: ...

else:

    def readable(stream):
        """Wait until `stream` has something to read, or has closed."""
        yield core._io_queue.queue_read(stream)

    def writable(stream):
        """Wait until `stream` accepts a write."""
        yield core._io_queue.queue_write(stream)
