"""Loader, the first file that runs: choose the firmware directory, and reset when it ends.

`slot` in the working directory names the directory in use. An update writes the other directory,
then `slot.next`. The loader tries that one once; it becomes `slot` when the new firmware reports
success (`firmware.device.slots.settle`). The next start discards a trial that did not get that
far.

With the file `service` a start, also that of a trial, runs `firmware.device.service` instead,
which sells nothing and takes enrolments and updates: that start alone, so that any other reset
sells again.

A crash leaves its traceback in `crash` and one more letter in `crashes`, and each start waits
longer than the one before. From the third crash in a row every other start is in service mode,
which says why.
"""

import gc
import os
import sys
import time

TYPE_CHECKING = False  # `typing` is in the slot
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SLOT, NEXT, TRIAL, SERVICE = "slot", "slot.next", "slot.trial", "service"
RESET, CRASH, CRASHES = "reset", "crash", "crashes"
BOARD = "board"  # its name, then perhaps `locked`: the button gives no prompt
RESET_CRASH, RESET_UPDATE = "6", "8"  # as in `receiver.link.wire`
SERVICE_AFTER = 3  # crashes in a row
PAUSE_MOST = 60  # seconds
# Bytes between two collections, while loading and in service: without a limit the garbage of both
# makes the heap take the whole pool. Fewer make turns longer, more need a larger pool.
THRESHOLD = 16_384
START_MS = 30_000  # of the watchdog: reading and hashing a slot from a slow flash takes seconds
SPARE = 100  # bytes: an exception that finds no memory keeps its arguments, as a job its result
TEXT_MOST = 400  # bytes of a traceback: its last lines, which say most
COUNT_MOST = 255  # as HELLO takes

# The button by chip. It is low while pressed.
BUTTONS = {"ESP32": 0, "ESP32S3": 0, "ESP32C3": 9, "ESP32C6": 9, "ESP32-PICO-D4": 39}


def read(name: str) -> str:
    try:
        with open(name) as file:
            text: str = file.read()
    except (OSError, ValueError):  # absent, or no text after a power cut
        return ""
    return text.strip()


def write(name: str, text: str) -> None:
    try:
        with open(name, "w") as file:
            file.write(text)
    except OSError:
        return  # a full store must not keep the board from starting


def move(old: str, new: str) -> bool:
    try:
        os.rename(old, new)
    except OSError:
        return False
    return True


def choose() -> str:
    """Return the directory to run from: a trial once, else the one in use."""
    if read(TRIAL):
        os.remove(TRIAL)
    trial = read(NEXT)
    if trial and move(NEXT, TRIAL):  # otherwise every start would try it again
        write(RESET, RESET_UPDATE)
        return trial
    return read(SLOT) or "a"


def is_ordered() -> bool:
    """Return whether this start is to be in service mode; call it once, after `choose`.

    A power cut in between ends a trial. A mark that cannot be removed would hold for ever.
    """
    if not read(SERVICE):
        return False
    try:
        os.remove(SERVICE)
    except OSError:
        return False
    return True


def is_held(machine: "Any") -> bool:
    """Return whether a technician holds the button, which gives the prompt."""
    chip = sys.implementation._machine.split(" with ")[-1]
    if chip not in BUTTONS or "locked" in read(BOARD).split():
        return False
    return not machine.Pin(BUTTONS[chip], machine.Pin.IN, machine.Pin.PULL_UP).value()


def count(machine: "Any") -> int:
    """Return how many starts in a row crashed; power-up begins anew."""
    crashes = len(read(CRASHES))
    cause = machine.reset_cause() if hasattr(machine, "reset_cause") else None
    if cause is None:
        return crashes
    if cause == machine.PWRON_RESET and crashes:
        crashes = 0
        write(CRASHES, "")
    elif cause == machine.WDT_RESET or (cause == machine.HARD_RESET and not read(RESET)):
        crashes += 1  # it hung, or the interpreter panicked
        write(CRASHES, "x" * min(crashes, COUNT_MOST))
    return crashes


def note(error: BaseException, crashes: int) -> None:
    """Leave the traceback for the next start, which sends it to the bridge."""
    print(end="\0")  # ends half a frame, if there is one: the text between is for the raw log
    sys.print_exception(error)
    print(end="\0")
    write(CRASHES, "x" * min(crashes + 1, COUNT_MOST))
    write(RESET, RESET_CRASH)
    try:
        import io

        gc.collect()
        out = io.StringIO()
        sys.print_exception(error, out)
        write(CRASH, out.getvalue()[-TEXT_MOST:])
    except MemoryError:
        write(CRASH, "MemoryError")


def run(root: str, ordered: bool, crashes: int, feed: "Callable[[], object]") -> None:
    """Run the firmware in `root`, or its service mode; it returns to be started again."""
    sys.path[0:0] = [root, root + "/firmware/device/lib"]
    for _ in range(min(1 << min(crashes, 10) >> 2, PAUSE_MOST)):
        feed()
        time.sleep(1)
    crashed = crashes >= SERVICE_AFTER and crashes % 2
    if ordered or crashed:
        from firmware.device.service import (
            main as service,
        )  # of the slot: this file is in no package

        service(feed, ordered)
        if crashed:
            write(CRASHES, "x" * (crashes + 1))  # the firmware has another try
    else:
        from firmware.device.boot import main

        main()


def start() -> None:
    """Start what is to run under the watchdog; reset when it ends, so that no trial gets stuck."""
    import machine

    is_board = hasattr(machine, "WDT")
    if is_board and is_held(machine):
        return  # before the watchdog, which cannot be stopped
    feed = machine.WDT(timeout=START_MS).feed if is_board else int
    crashes, status = count(machine), 0
    gc.threshold(THRESHOLD)
    try:
        import micropython

        micropython.kbd_intr(-1)  # byte 3 in a frame is data, and no key gives the prompt
        if hasattr(micropython, "alloc_emergency_exception_buf"):  # the Unix port has a buffer
            micropython.alloc_emergency_exception_buf(SPARE)
        run(choose(), is_ordered(), crashes, feed)
    except Exception as error:
        status = 1
        note(error, crashes)
    finally:  # also where `note` finds no memory: the next start takes it for a panic
        if hasattr(machine, "reset"):
            machine.reset()
    sys.exit(status)


if __name__ == "__main__":
    start()
