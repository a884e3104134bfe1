"""Loader, the first file that runs: choose the firmware directory, and reset when it ends.

`slot` in the working directory names the directory in use. An update writes the other directory,
then `slot.next`. The loader tries that one once; it becomes `slot` when the new firmware reports
success (`firmware.device.slots.settle`). The next start discards a trial that did not get that
far.

With the file `service` a start, also that of a trial, runs `firmware.device.service` instead,
which sells nothing and takes enrolments and updates: that start alone, so that any other reset
sells again.

An image of our own (`IMAGE`) has this file in it, and two partitions in place of the directories.
The same files say which is in use and which is tried; an image that is not the one to run sets the
other one and resets (`jump`). The chip's own boot loader returns from one that does not start.

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
JUMP = "slot.jump"  # an image has been set, and is to find itself there
IMAGE = False  # the build of an image states True
LABELS = {"a": "ota_0", "b": "ota_1"}  # of partitions
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

# What nothing calls once the firmware runs.
EARLY = (
    "read move choose choose_image set_image root is_ordered is_held count BUTTONS LABELS forget"
)

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


def choose_image(partition: "Any") -> str:
    """Return the slot of the running image; set another one and return "" if that is to run.

    A trial that was set is run once, and only where it finds itself; another start ends it.
    """
    running = partition(partition.RUNNING).info()[4]
    jump, trial = read(JUMP), read(NEXT)
    if jump and LABELS.get(jump) == running and move(JUMP, TRIAL):
        write(RESET, RESET_UPDATE)
        return jump
    for name in (JUMP, TRIAL):
        if read(name):
            os.remove(name)
    if trial and move(NEXT, JUMP):
        if set_image(partition, trial):
            return ""
        os.remove(JUMP)
    wanted = read(SLOT) or "a"
    if wanted in LABELS and LABELS[wanted] != running and set_image(partition, wanted):
        return ""
    return {label: name for name, label in LABELS.items()}.get(running, "a")


def set_image(partition: "Any", name: str) -> bool:
    """Let the chip start the image in a slot from now on; False if it finds none there."""
    found = partition.find(partition.TYPE_APP, label=LABELS.get(name, name))
    try:
        for one in found[:1]:
            one.set_boot()
    except OSError:  # the chip verifies the image
        return False
    return bool(found)


def root() -> str:
    """Return what to run, "" for a reset."""
    if IMAGE:
        import esp32

        if hasattr(esp32, "Partition"):
            return choose_image(esp32.Partition)
    return choose()


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


def forget() -> None:
    """Drop what nothing calls from now on: 3 kB of a chip's heap, if the files are loaded."""
    found = globals()
    for name in EARLY.split():
        del found[name]


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
        chosen = root()
        ordered = bool(chosen) and is_ordered()
        forget()
        if chosen:
            run(chosen, ordered, crashes, feed)
    except Exception as error:
        status = 1
        note(error, crashes)
    finally:  # also where `note` finds no memory: the next start takes it for a panic
        if hasattr(machine, "reset"):
            machine.reset()
    sys.exit(status)


if __name__ == "__main__":
    start()
