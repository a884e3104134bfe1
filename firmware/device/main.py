"""Loader, the first file that runs: choose the firmware directory, and reset when it ends.

`slot` in the working directory names the directory in use. An update writes the other directory,
then `slot.next`. The loader tries that one once; it becomes `slot` when the new firmware reports
success (`firmware.device.slots.settle`). The next start discards a trial that did not get that
far.
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
    """Return the directory to run from: a trial once, else the one in use."""
    if read(TRIAL):
        os.remove(TRIAL)
    trial = read(NEXT)
    if trial and move(NEXT, TRIAL):  # otherwise every start would try it again
        return trial
    return read(SLOT) or "/a"


def run(root: str) -> None:
    """Run the firmware in `root`; reset if it does not even start, so that no trial gets stuck."""
    sys.path[0:0] = [root, root + "/firmware/device/lib"]
    try:
        from firmware.device.boot import main  # of the slot: this file is in no package

        main()
    except Exception as error:
        sys.print_exception(error)
        reset()


def reset() -> None:
    """Reset the board; on the Unix port, end the process."""
    import machine

    if hasattr(machine, "reset"):
        machine.reset()
    sys.exit(1)


if __name__ == "__main__":
    run(choose())
