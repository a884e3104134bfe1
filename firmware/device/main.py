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


def move(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except OSError:
        return


def choose() -> str:
    """The directory to run from: a trial once, else the one that is known to be well."""
    if read(TRIAL):
        os.remove(TRIAL)
    trial = read(NEXT)
    if trial:
        move(NEXT, TRIAL)
    return trial or read(SLOT) or "/a"


root = choose()
sys.path[0:0] = [root, root + "/firmware/device/lib"]

from firmware.device.boot import main  # noqa: E402 - the path is set just above

main()
