"""Wait for a board that was flashed to say HELLO; where it does not, say why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.tools.board_line import BoardLine, BoardLineError
from receiver.link import link

from .errors import NO_PSRAM, RESET_LOOP, SILENT, WRONG_BAUD, WRONG_BUILD, FlashError

if TYPE_CHECKING:
    from receiver.link import wire

HELLO_S = 30.0  # a slow board formats nothing, and reads and hashes its slot within seconds
STARTS = 3  # so many boot texts are no accident
KEPT_MOST = 8192  # bytes of what the line said: several boot texts
_ROM = (b"ESP-ROM:", b"\r\nets ", b"rst:0x")
_NO_PSRAM = (b"PSRAM chip not found", b"PSRAM ID read error", b"Failed to init external RAM")
_CORRUPTED = b"filesystem appears to be corrupted"
_PROMPT = b"\n>>> "


async def hello(port: str, within_s: float = HELLO_S) -> wire.ReceiverHello:
    """Return the board's HELLO; raise FlashError."""
    said = bytearray()

    def watch(event: link.Event) -> None:
        if isinstance(event, link.Raw):
            said.extend(event.data + b"\0")
            del said[:-KEPT_MOST]

    try:
        async with BoardLine(port, watch) as line:
            return await line.up(within_s)
    except BoardLineError as error:
        raise judged(port, bytes(said), str(error)) from error


def judged(port: str, said: bytes, failure: str) -> FlashError:
    """Return what is wrong with a board that said this and no HELLO."""
    last = said.decode("ascii", errors="replace").replace("\0", "").strip()[-160:]
    if any(text in said for text in _NO_PSRAM):
        return FlashError(NO_PSRAM, f"{port}: MicroPython finds no PSRAM on this board: {last!r}")
    if _CORRUPTED in said:
        return FlashError(
            WRONG_BUILD,
            f"{port}: MicroPython finds no file system of this size: build for its flash",
        )
    if max(said.count(text) for text in _ROM) >= STARTS:
        return FlashError(
            RESET_LOOP,
            f"{port}: the board starts again and again: the image does not run on it; look at its "
            f"supply too, and flash it again after `tillsign firmware erase`. It says {last!r}",
        )
    if _PROMPT in said:
        return FlashError(
            WRONG_BUILD, f"{port}: the board shows MicroPython's prompt: there is no firmware on it"
        )
    if said and _unreadable(said) > len(said) // 4:
        return FlashError(
            WRONG_BAUD,
            f"{port}: the board speaks at another rate than 115,200 baud: its crystal is not the "
            "one that the image expects, or the serial server is set otherwise",
        )
    return FlashError(SILENT, failure)


def _unreadable(said: bytes) -> int:
    return sum(octet >= 0x7F or (octet < 0x20 and octet not in b"\0\t\r\n\x1b") for octet in said)
