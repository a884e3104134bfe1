"""Runs a module in a process that dies with its parent.

Usage: python -m simulator.processes.die_with_parent MODULE ARGUMENT…

However a world ends, also by SIGKILL, nothing of it is left that starts receivers for ever.
"""

from __future__ import annotations

import ctypes
import runpy
import signal
import sys

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG

_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """However the parent ends, this process does not outlive it. Elsewhere than on Linux it may."""
    if sys.platform == "linux":
        _libc.prctl(_DEATH_SIGNAL, signal.SIGKILL)


def main() -> None:
    """The module sees its own name and arguments, as after `python -m`."""
    die_with_parent()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
