"""Let one board's lamp blink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.tools.board_line import BoardLine, BoardLineError, is_in_service
from receiver.link import wire

if TYPE_CHECKING:
    from receiver.link.wire import ReceiverHello

UP_S = 10.0  # a board that the opening of its port resets needs some 2 s to its HELLO
_IN_SERVICE = (
    "is in service mode and obeys no identify: its lamp shows red; "
    "pull its plug and put it back, and it sells again"
)


async def identify(url: str, seconds: int) -> ReceiverHello:
    """Let the lamp blink for `seconds`; return who it is. Raises BoardLineError."""
    async with BoardLine(url, left=(wire.TRACEBACK,)) as line:
        hello = await line.up(UP_S)
        if is_in_service(hello):
            raise BoardLineError(f"{url}: the board {_IN_SERVICE}")
        await line.order(wire.IDENTIFY, wire.Identify(seconds))
        return hello
