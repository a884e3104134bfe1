"""Runs inside MicroPython: powers up a board whose chip is made of fakes, and prints what it did.

Usage: fake_board.py LOADER MACHINE CAUSE [PRESSED PIN]...
"""

import sys
import time

import fakes


class Sys:
    """Stands for `sys` of that chip."""

    class implementation:  # noqa: N801 - as it is called
        _machine = sys.argv[2]

    def __getattr__(self, name):
        return getattr(sys, name)


class Time:
    """Stands for `time`: it passes at once."""

    slept = 0

    def sleep(self, seconds):
        self.slept += seconds

    def __getattr__(self, name):
        return getattr(time, name)


fakes.CAUSES[0] = int(sys.argv[3])
fakes.PRESSED.extend(int(pin) for pin in sys.argv[4:])
clock = Time()
sys.modules["sys"], sys.modules["time"] = Sys(), clock
with open(sys.argv[1]) as file:
    loader = file.read()
try:
    exec(loader, {"__name__": "__main__"})
    print("prompt", end=" ")
except fakes.ResetError:
    print("reset", end=" ")
print(clock.slept, [(dog.timeout, dog.fed) for dog in fakes.DOGS], *fakes.RAN)
