"""Show what a board says, as it says it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from firmware.tools.board_line import BoardLine, BoardLineError

from . import tables
from .frames_in_words import LINK, Said, said, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.link import link

FIRST_S = 10.0  # a board that the opening of its port resets needs some 2 s to its HELLO


async def monitor(url: str, show: Callable[[float, Said], None], seconds: float | None) -> None:
    """Show every event, for so long or until cancelled; raises BoardLineError for a barred port.

    `show` is called outside the link's own callbacks: it may raise, and that ends the monitor.
    """
    heard: asyncio.Queue[tuple[float, link.Event | BoardLineError]] = asyncio.Queue()
    async with BoardLine(url, lambda event: heard.put_nowait((time.time(), event))) as line:
        first = asyncio.create_task(_first(line, heard))
        try:
            async with asyncio.timeout(seconds):
                while True:
                    when, event = await heard.get()
                    if isinstance(event, BoardLineError) and line.barred:
                        raise event
                    show(when, _said(event))
        except TimeoutError:
            pass
        finally:
            first.cancel()


async def _first(
    line: BoardLine, heard: asyncio.Queue[tuple[float, link.Event | BoardLineError]]
) -> None:
    """Report a board that is silent, or a port that cannot be opened."""
    try:
        await line.up(FIRST_S)
    except BoardLineError as error:
        heard.put_nowait((time.time(), error))


def _said(event: link.Event | BoardLineError) -> Said:
    if isinstance(event, BoardLineError):
        return Said(LINK, "silent", {"why": str(event)})
    return said(event)


def as_line(when: float, what: Said) -> str:
    """Return it for people."""
    clock = time.strftime("%H:%M:%S", time.localtime(when)) + f".{int(when * 1000) % 1000:03}"
    return tables.printable(f"{clock} {what.source:6} {what.what:12} {words(what.fields)}")


def as_json(when: float, what: Said) -> str:
    """Return it for programs, on one line."""
    value = {"time": round(when, 3), "from": what.source, "what": what.what, "fields": what.fields}
    return json.dumps(value, ensure_ascii=False)
