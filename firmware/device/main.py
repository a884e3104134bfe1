"""Loader: the first file that runs. It chooses the directory to run from, and resets if that ends.

`slot` in the working directory names the directory of the firmware in use. An update writes the
other directory and then `slot.next`; that one is tried once, and becomes `slot` when it says that
it is well (`firmware.device.slots.settle`). A trial that did not get that far is forgotten at the
next start.
"""

import os
import sys

SLOT, NEXT, TRIAL = "slot", "slot.next", "slot.trial"


def read(name: str) -> str:
    try:
        with open(name) as file:
            text: str = file.read()
    except OSError:
        return ""
    return text.strip()


def move(old: str, new: str) -> bool:
    try:
        os.rename(old, new)
    except OSError:
        return False
    return True


def choose() -> str:
    """The directory to run from: a trial once, else the one that is known to be well."""
    if read(TRIAL):
        os.remove(TRIAL)
    trial = read(NEXT)
    if trial and move(NEXT, TRIAL):  # else it would be tried again and again
        return trial
    return read(SLOT) or "/a"


def run(root: str) -> None:
    """The firmware in `root`. What does not even start resets as well: no REPL, no stuck trial."""
    sys.path[0:0] = [root, root + "/firmware/device/lib"]
    try:
        from firmware.device.boot import main  # of the slot: this file is in no package

        main()
    except Exception as error:
        sys.print_exception(error)
        reset()


def reset() -> None:
    """Start over, on the Unix port by ending the process."""
    import machine

    if hasattr(machine, "reset"):
        machine.reset()
    sys.exit(1)


if __name__ == "__main__":
    run(choose())
