"""The names that MicroPython holds in its ROM: used for ours, they cost a chip no memory.

`rom_names.txt` lists what MicroPython 1.25's interpreter (py/, extmod/) holds with the features of
its ESP32 port: first what every .mpy refers to by number, then by length.
"""

from __future__ import annotations

from pathlib import Path

NAMES = tuple(Path(__file__).with_suffix(".txt").read_text().split())
ALL = frozenset(NAMES)
# MicroPython's C code looks for these in objects of our classes: streams, generators, exceptions.
ASKED = frozenset(
    (
        *("args", "close", "errno", "flush", "ioctl", "read", "readinto", "readline", "seek"),
        *("send", "throw", "value", "write"),
    )
)
