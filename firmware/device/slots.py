"""Files that the firmware shares with the loader (`main.py`): trials, resets and crashes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from receiver.link.link import Link

# The loader repeats these names, as it must run with no other file.
SLOT, NEXT, TRIAL = "slot", "slot.next", "slot.trial"
RESET = "reset"  # why the firmware reset the board, as HELLO says it
CRASH = "crash"  # the last traceback, until it is sent
SERVICE = "service"  # the next start is in service mode
ROOTS = ("", "a", "b")  # by number in RESTART; below the root of the board's files
WHOLE = "/manifest"  # below a root: the firmware there is whole (`receiver.protocol.firmware`)
CRASHES = "crashes"  # a letter for each start in a row that ended in a crash


def settle() -> None:
    """Make the directory on trial the one in use; do nothing without a trial."""
    try:
        os.rename(TRIAL, SLOT)
    except OSError:
        return


def order(number: int, service: int) -> bool:
    """Let the next start try the firmware of this number (0: none), perhaps in service mode.

    False, and no change, if that firmware is not whole. The mark for service mode is first: after
    a power cut between the two, untested firmware is not tried.
    """
    if number and not is_whole(number):
        return False
    if service:
        write(SERVICE, "1")
    if number:
        write(NEXT, ROOTS[number])
    return True


def is_whole(number: int) -> bool:
    """Return whether the firmware of this number was verified after it was written."""
    try:
        os.stat(ROOTS[number] + WHOLE)
    except OSError:
        return False
    return True


def tell(end: Link) -> None:
    """Send the last traceback, if there is one."""
    from receiver.link import wire

    text = read(CRASH).encode()[-wire.TRACEBACK_MOST :]
    if text:
        end.send(wire.TRACEBACK, wire.encode(wire.TRACEBACK, wire.Blob(text)))


def read(name: str) -> str:
    """Return what a file says, "" if there is none."""
    try:
        with open(name) as file:
            text: str = file.read()
    except (OSError, ValueError):
        return ""
    return text


def write(name: str, text: str) -> None:
    """Replace what a file says; a store that cannot write leaves it."""
    try:
        with open(name, "w") as file:
            file.write(text)
    except OSError:
        return
